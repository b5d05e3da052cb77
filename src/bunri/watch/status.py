"""How far a run is, from its folder alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from bunri.run_folder import RunFolder
from bunri.watch.records import Record, number, read_object, read_records, tail_of
from bunri.watch.signs import Signs

DEFAULT_EPOCHS = 12.0
"""Of a recipe that says no length."""

RECENT = 20
"""Records whose pace tells when the run will be done."""

SILENT_SECONDS = 600.0
"""After which a run that says it is running has probably been killed."""


@dataclass(frozen=True)
class RunStatus:
    """A run at a moment.

    Attributes:
        label: Its place, as ``trash/fcos/fold0``.
        status: ``new``, ``running``, ``stopped``, ``stopped_early``, ``failed``, ``done``, or ``broken`` where its
            folder cannot be read.
        phase: Of a running one: ``start``, ``train``, ``predict``.
        step: Iterations done.
        epoch: The same in passes over the photos.
        share: Of the training, 0-1; None where it is not known.
        seconds_left: Of the training at the pace of late.
        seconds: From its first start to its end, or to its last sign.
        quiet_seconds: Since its last sign.
        is_silent: Whether it says it is running and has given no sign for long.
        mAP50: The best so far.
        engine: Framework.
        message: What went wrong.
        log: Where to read more, for a run that failed or cannot be read.
        tail: The end of that log.
    """

    label: str
    status: str
    phase: str | None = None
    step: float | None = None
    epoch: float | None = None
    share: float | None = None
    seconds_left: float | None = None
    seconds: float | None = None
    quiet_seconds: float | None = None
    is_silent: bool = False
    mAP50: float | None = None
    engine: str = ""
    message: str = ""
    log: str = ""
    tail: str = ""


def read_status(label: str, folder: RunFolder) -> tuple[RunStatus, list[Record]]:
    """The status of a run from its files, and its records; never raises.

    Whatever is wrong with a file is the message of a status ``broken``.
    """
    try:
        records = read_records(folder.metrics_file)
        return _status(label, folder, records), records
    except (OSError, ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError) as error:
        return RunStatus(label, "broken", message=str(error), log=str(folder.path.absolute())), []


def with_quiet(status: RunStatus, folder: RunFolder, now: float, signs: Signs) -> RunStatus:
    """The status at the time ``now`` (seconds since 1970); ``signs`` is what earlier looks have seen."""
    sign = last_sign(folder)
    if sign is None or status.status == "broken":
        return status
    quiet = signs.quiet_seconds(folder.path, sign, now)
    return replace(status, quiet_seconds=quiet, is_silent=status.status == "running" and quiet > SILENT_SECONDS)


def _status(label: str, folder: RunFolder, records: Sequence[Record]) -> RunStatus:
    manifest = read_object(folder.manifest_file)
    status = str(manifest.get("status", "new"))
    last: Record = records[-1] if records else {}
    share = _share(read_object(folder.job_file).get("recipe") or {}, last)
    is_failed = status == "failed"
    return RunStatus(
        label=label,
        status=status,
        phase=_phase(manifest, records) if status == "running" else None,
        step=number(last.get("step")),
        epoch=number(last.get("epoch")),
        share=1.0 if status == "done" else share,
        seconds_left=_seconds_left(records, share) if status == "running" else None,
        seconds=_seconds(manifest, last_sign(folder)),
        mAP50=number((manifest.get("best") or {}).get("mAP50")),
        engine=str(manifest.get("engine", "")),
        message=str(manifest.get("message") or ""),
        log=str(folder.log_file.absolute()) if is_failed else "",
        tail=tail_of(folder.log_file) if is_failed else "",
    )


def last_sign(folder: RunFolder) -> float | None:
    """When a run last wrote, in seconds since 1970 by the clock of who keeps the files; None where it wrote nothing."""
    return max((at for at, _ in stamp_of(folder) if at), default=None)


def stamp_of(folder: RunFolder) -> tuple[tuple[float, int], ...]:
    """Time and size of the files a run writes, zeros for one that is absent: equal while nothing is written."""
    files = (folder.job_file, folder.manifest_file, folder.metrics_file, folder.log_file)
    return tuple(_time_and_size(path) for path in files)


def _time_and_size(path: Path) -> tuple[float, int]:
    try:
        facts = path.stat()
    except OSError:
        return 0.0, 0
    return facts.st_mtime, facts.st_size


def _phase(manifest: Record, records: Sequence[Record]) -> str:
    """The manifest counts the seconds of a task when the next one begins."""
    if "train" in (manifest.get("seconds") or {}):
        return "predict"
    return "train" if records else "start"


def _share(recipe: Record, last: Record) -> float | None:
    iterations, epochs = number(recipe.get("iterations")), number(recipe.get("epochs")) or DEFAULT_EPOCHS
    done, whole = (last.get("step"), iterations) if iterations else (last.get("epoch"), epochs)
    reached = number(done)
    return None if reached is None else min(max(reached / whole, 0.0), 1.0)


def _seconds_left(records: Sequence[Record], share: float | None) -> float | None:
    """Of the steps still to be done, at the pace of the last records, whose gaps include validations.

    A gap over which the clock was set back tells nothing.
    """
    points = [
        (record["step"], record["time"]) for record in records[-RECENT:] if number(record.get("time")) is not None
    ]
    gaps = [(later[0] - step, later[1] - time) for (step, time), later in pairwise(points) if later[1] >= time]
    steps = sum(gap[0] for gap in gaps)
    if not share or steps <= 0:
        return None
    return float(sum(gap[1] for gap in gaps) / steps * points[-1][0] * (1 - share) / share)


def _seconds(manifest: Record, sign: float | None) -> float | None:
    started = _moment(manifest.get("started"))
    ended = _moment(manifest.get("ended")) or sign
    counted = sum((manifest.get("seconds") or {}).values())  # of a clock that only goes forward
    return None if started is None or ended is None else max(ended - started, counted)


def _moment(text: Any) -> float | None:
    return datetime.fromisoformat(text).timestamp() if isinstance(text, str) and text else None
