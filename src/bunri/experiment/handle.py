"""By which a run that goes on is asked to end."""

from bunri.engines.process import Worker
from bunri.events import Ended


class Handle:
    """Of one run; may be used before its worker is there, and from any thread."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._worker: Worker | None = None
        self._is_stopping = False
        self._reason: Ended | None = None

    def take(self, worker: Worker) -> None:
        """Hold the worker of the run."""
        self._worker = worker
        if self._is_stopping:
            worker.stop()

    def stop(self) -> None:
        """Ask for an end at the next checkpoint, asked twice for one at once."""
        self._is_stopping = True
        if self._worker is not None:
            self._worker.stop()

    def give_up(self, reason: Ended) -> None:
        """Ask for an end at the next checkpoint, then called as ``reason`` says; once asked nothing changes."""
        if not self._is_stopping:
            self._reason = reason
            self.stop()

    def end_of(self, ended: Ended) -> Ended:
        """What the end of the run is called; one that was done before it could stop, or failed, stays what it is."""
        return self._reason if self._reason is not None and ended.status == "stopped" else ended
