"""TensorBoard: event files in the run folder, written with the package ``tensorboard`` alone."""

import time

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
        """Open an event file; each start of a run has its own."""
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._events, self._summaries = event_pb2, summary_pb2
        self._file = EventFileWriter(str(run.folder.tensorboard_folder))

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
        self._file.add_event(self._events.Event(wall_time=time.time(), step=step, **content))

    def close(self) -> None:
        """Write what is waiting and close the file."""
        self._file.close()
