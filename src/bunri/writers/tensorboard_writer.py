"""TensorBoard: event files in the run folder, written with the package ``tensorboard`` alone."""

import os
import platform
import time
from pathlib import Path

from bunri.events import Event, Resumed, Scalars
from bunri.settings import Settings
from bunri.writers.base import RecordedRun, need_packages


class TensorBoardSettings(Settings):
    """Nothing to set: ``tensorboard --logdir runs`` shows every run under its folder."""


def check_tensorboard(settings: TensorBoardSettings) -> None:
    """Look whether the package is there.

    Raises:
        MissingPackageError: It is not.
    """
    need_packages("tensorboard", ("tensorboard",))


class TensorBoardWriter:
    """Every scalar under its own name against iterations."""

    def __init__(self, run: RecordedRun) -> None:
        """Open an event file; each start of a run has its own.

        Raises:
            OSError: The run folder cannot be written.
        """
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._events, self._summaries = event_pb2, summary_pb2
        run.folder.tensorboard_folder.mkdir(parents=True, exist_ok=True)
        self._records = RecordWriter(_next_file(run.folder.tensorboard_folder).open("wb"))
        self._add(0, file_version="brain.Event:2")

    def write(self, event: Event) -> None:
        """Record scalars; where training resumes, TensorBoard is told to forget what was recorded after that step."""
        if isinstance(event, Scalars):
            kind = self._summaries.Summary
            values = [kind.Value(tag=name, simple_value=value) for name, value in event.values.items()]
            self._add(event.step, summary=kind(value=values))
        elif isinstance(event, Resumed):
            start = self._events.SessionLog(status=self._events.SessionLog.START)
            self._add(event.step + 1, session_log=start)

    def _add(self, step: int, **content: object) -> None:
        event = self._events.Event(wall_time=time.time(), step=step, **content)
        self._records.write(event.SerializeToString())
        self._records.flush()

    def close(self) -> None:
        """Close the file."""
        self._records.close()


def _next_file(folder: Path) -> Path:
    """A name after those that are there: TensorBoard reads files by name, which begins with the time of their start.

    A clock that was set back must not put a run that goes on before its beginning.
    """
    starts = [int(path.name.split(".")[3]) for path in folder.glob("events.out.tfevents.*")]
    number = max([int(time.time()), *(start + 1 for start in starts)])
    return folder / f"events.out.tfevents.{number:010d}.{platform.node()}.{os.getpid()}"
