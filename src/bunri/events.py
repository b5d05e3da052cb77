"""Events: frozen facts an engine emits and writers record. An engine gets ``emit`` and knows no writer.

Names of scalars, the same for every framework, 0-1 where they are rates, against one step axis (iterations done):

=====================  ================================================
``train/loss``         sum of the losses; ``train/loss/<part>`` its parts
``lr/<group>``         learning rate of a parameter group
``val/mAP50``          mean AP at IoU 0.5; ``val/mAP50_95``; ``val/AP50/<class>``
``time/<what>``        seconds
``native/<name>``      what the framework itself reports, untouched
=====================  ================================================
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import ClassVar, Literal, Protocol

from bunri.errors import DataError


@dataclass(frozen=True)
class PhaseStarted:
    """A part of a run begins: the bar is set to ``step`` of ``total`` (iterations or images)."""

    kind: ClassVar[str] = "phase_started"
    phase: Literal["train", "validate", "check", "predict"]
    total: int
    step: int = 0


@dataclass(frozen=True)
class Progress:
    """The phase has come to ``step``."""

    kind: ClassVar[str] = "progress"
    step: int


@dataclass(frozen=True)
class Scalars:
    """Numbers by canonical name, measured after ``step`` training iterations, in epoch ``epoch`` (fractional)."""

    kind: ClassVar[str] = "scalars"
    step: int
    values: Mapping[str, float] = field(default_factory=dict)
    epoch: float = 0.0


@dataclass(frozen=True)
class Note:
    """A sentence for people; a warning is shown, an info goes to the log only."""

    kind: ClassVar[str] = "note"
    text: str
    level: Literal["info", "warning"] = "info"


@dataclass(frozen=True)
class Facts:
    """Facts for the run's manifest, such as which weights were used."""

    kind: ClassVar[str] = "facts"
    values: Mapping[str, str | float | int | bool | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Resumed:
    """Training goes on from ``step``; records of later steps are void."""

    kind: ClassVar[str] = "resumed"
    step: int


@dataclass(frozen=True)
class Ready:
    """A worker that stays has loaded its model and waits for photos."""

    kind: ClassVar[str] = "ready"


@dataclass(frozen=True)
class Answered:
    """What a worker that stays has found on the photos of one request.

    Attributes:
        photo: Row of the photo in the request, one for each box; with it ``class_index``, ``score`` and ``box_xyxy``.
        error: Why there is no answer; empty where there is one.
    """

    kind: ClassVar[str] = "answered"
    photo: Sequence[int] = field(default_factory=list)
    class_index: Sequence[int] = field(default_factory=list)
    score: Sequence[float] = field(default_factory=list)
    box_xyxy: Sequence[Sequence[float]] = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True)
class Ended:
    """The worker's last word: done, stopped on request (resumable), or failed with the framework's last error.

    Attributes:
        status: Where an early-stopping rule asked for the stop, it is ``stopped_early``.
        facts: The numbers by which that rule judged.
    """

    kind: ClassVar[str] = "ended"
    status: Literal["done", "stopped", "stopped_early", "failed"]
    message: str = ""
    exit_code: int = 0
    facts: Mapping[str, float] = field(default_factory=dict)


Event = PhaseStarted | Progress | Scalars | Note | Facts | Resumed | Ready | Answered | Ended
Emit = Callable[[Event], None]

_KINDS: Mapping[str, type[Event]] = {
    event.kind: event for event in (PhaseStarted, Progress, Scalars, Note, Facts, Resumed, Ready, Answered, Ended)
}


class Writer(Protocol):
    """Records the events of one run.

    Two rules: a missing backend fails at construction; a failing backend says so once and steps aside.
    """

    def write(self, event: Event) -> None:
        """Record one event."""

    def close(self) -> None:
        """Flush and let go."""


def to_line(event: Event) -> str:
    """An event as one line of JSON."""
    return json.dumps({"kind": event.kind, **asdict(event)}, ensure_ascii=False)


def from_line(line: str) -> Event:
    """The event of one line of JSON.

    Raises:
        DataError: The line is not an event.
    """
    try:
        values = json.loads(line)
        return _KINDS[values.pop("kind")](**values)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"an event must be a line of JSON with a known kind, but got {line[:200]!r}") from error
