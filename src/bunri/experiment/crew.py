"""Who runs the runs of an experiment: on this machine several at once, until all are done or stopped."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import Any, Protocol

from bunri.config import Experiment
from bunri.engines.process import Worker
from bunri.errors import BunriError
from bunri.events import Ended
from bunri.experiment.plan import PlannedRun
from bunri.experiment.runs import PreparedRun, run_here
from bunri.experiment.schedule import Room


class Crew(Protocol):
    """Runs the runs of one experiment."""

    def nodes(self) -> Sequence[Room]:
        """Where there is room for runs."""

    def demand(self, run: PlannedRun) -> Room:
        """How much of it a run takes."""

    def run(self, runs: Sequence[PreparedRun]) -> list[Ended]:
        """Run all; gives how each ended, in their order.

        One that fails leaves the others alone. Ctrl-C and SIGTERM stop all at their next checkpoint, asked twice at
        once. What a run leaves in its folder is the same wherever it ran.
        """


OpenCrew = Callable[[Experiment, dict[str, Any]], Crew]
"""Makes a crew for an experiment, with facts for every run's manifest."""


class LocalCrew:
    """Runs them on this machine, ``jobs`` at a time."""

    def __init__(self, experiment: Experiment, facts: dict[str, Any]) -> None:
        """Take the experiment, and facts for every run's manifest."""
        self._experiment, self._facts = experiment, facts
        self._workers: dict[str, Worker] = {}
        self._stopping = threading.Event()
        self._slots: SimpleQueue[int] = SimpleQueue()
        for slot in range(experiment.jobs):
            self._slots.put(slot)

    def nodes(self) -> Sequence[Room]:
        """One place with room for ``jobs`` runs, whatever they ask a cluster for."""
        return (Room(self._experiment.jobs),)

    def demand(self, run: PlannedRun) -> Room:
        """One of them."""
        return Room(1)

    def run(self, runs: Sequence[PreparedRun]) -> list[Ended]:
        """Run all, as :class:`Crew` says."""
        with handling_signals(self.stop), ThreadPoolExecutor(self._experiment.jobs) as pool:
            return list(pool.map(self._run_in_slot, runs))

    def stop(self) -> None:
        """Ask every worker to stop at a checkpoint, and start no other; asked twice they stop at once."""
        self._stopping.set()
        for worker in list(self._workers.values()):
            worker.stop()

    def _run_in_slot(self, prepared: PreparedRun) -> Ended:
        slot, label = self._slots.get(), prepared.run.label
        try:
            if self._stopping.is_set():
                return Ended("stopped", "not begun")
            return run_here(self._experiment, self._facts, prepared, slot, lambda worker: self._register(label, worker))
        except BunriError as error:
            return Ended("failed", str(error), error.exit_code)
        finally:
            self._workers.pop(label, None)
            self._slots.put(slot)

    def _register(self, label: str, worker: Worker) -> None:
        self._workers[label] = worker
        if self._stopping.is_set():
            worker.stop()


@contextmanager
def handling_signals(stop: Callable[[], None]) -> Iterator[None]:
    """While the block runs, Ctrl-C and SIGTERM call ``stop``; outside the main thread Python allows no handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        stop()

    former = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
