"""What writers share: whose run they record, and a guard that keeps a failing one from hurting it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from bunri.events import Event, Writer
from bunri.run_folder import RunFolder

Say = Callable[[str], None]
"""Shows a sentence to people."""


def say_to_stderr(text: str) -> None:
    """Words go to stderr; stdout is for results."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the one place where words leave


@dataclass(frozen=True)
class RecordedRun:
    """Whose events a writer gets.

    Attributes:
        experiment: Name of the experiment.
        model: Name of the model in it.
        label: Short name of the run, such as ``fcos fold0``.
        folder: Where its files lie.
        slot: Which of the runs going on at once it is, from 0: its line on the screen.
    """

    experiment: str
    model: str
    label: str
    folder: RunFolder
    slot: int = 0


class Guarded:
    """A writer that never hurts the run: it says once that it failed, and steps aside."""

    def __init__(self, writer: Writer, name: str, say: Say = say_to_stderr) -> None:
        """Guard ``writer``; a failure is told to ``say`` under its name."""
        self._writer: Writer | None = writer
        self._name, self._say = name, say

    def write(self, event: Event) -> None:
        """Hand on the event, unless the writer failed before."""
        if self._writer is not None:
            self._guard(self._writer, lambda writer: writer.write(event))

    def close(self) -> None:
        """Close the writer, unless it failed before."""
        if self._writer is not None:
            self._guard(self._writer, lambda writer: writer.close())

    def _guard(self, writer: Writer, action: Callable[[Writer], None]) -> None:
        try:
            action(writer)
        except Exception as error:  # a backend may fail in any way of its own
            self._writer = None
            self._say(f"warning: the {self._name} writer failed and steps aside; the run goes on: {error}")
