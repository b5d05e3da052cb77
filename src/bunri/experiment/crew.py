"""Who runs the runs of an experiment: on this machine several at once, until all are done or stopped."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from queue import SimpleQueue
from types import FrameType
from typing import Any, Protocol

from bunri.config import Experiment
from bunri.errors import BunriError
from bunri.events import Ended, Event
from bunri.experiment.arms import Arms
from bunri.experiment.handle import Handle
from bunri.experiment.plan import PlannedRun
from bunri.experiment.runs import PreparedRun, run_here
from bunri.experiment.schedule import Room


class Crew(Protocol):
    """Runs the runs of one experiment."""

    def nodes(self) -> Sequence[Room]:
        """Where there is room for runs."""

    def demand(self, run: PlannedRun) -> Room:
        """How much of it a run takes."""

    def run(self, runs: Sequence[PreparedRun], arms: Arms) -> list[Ended]:
        """Run all that ``arms`` does not give up; gives how each ended, in their order.

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
        self._handles: dict[str, Handle] = {}
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

    def run(self, runs: Sequence[PreparedRun], arms: Arms) -> list[Ended]:
        """Run all, as :class:`Crew` says."""
        with handling_signals(self.stop), ThreadPoolExecutor(self._experiment.jobs) as pool:
            return list(pool.map(self._run_in_slot, runs, repeat(arms)))

    def stop(self) -> None:
        """Ask every worker to stop at a checkpoint, and start no other; asked twice they stop at once."""
        self._stopping.set()
        for handle in list(self._handles.values()):
            handle.stop()

    def _run_in_slot(self, prepared: PreparedRun, arms: Arms) -> Ended:
        slot, run = self._slots.get(), prepared.run
        handle = self._handles[run.label] = Handle()
        try:
            if self._stopping.is_set():
                return Ended("stopped", "not begun")
            if (given_up := arms.given_up(run)) is not None:
                return given_up
            listener = Listener(run, arms, self._give_up)
            return run_here(self._experiment, self._facts, prepared, slot, handle, (listener,))
        except BunriError as error:
            return Ended("failed", str(error), error.exit_code)
        finally:
            self._handles.pop(run.label, None)
            self._slots.put(slot)

    def _give_up(self, label: str, reason: Ended) -> None:
        if (handle := self._handles.get(label)) is not None:
            handle.give_up(reason)


class Listener:
    """Tells the arms what a run says, and the crew which runs are to end, as a writer of events."""

    def __init__(self, run: PlannedRun, arms: Arms, give_up: Callable[[str, Ended], None]) -> None:
        """Take the run, and what ends one by its label."""
        self._run, self._arms, self._give_up = run, arms, give_up

    def write(self, event: Event) -> None:
        """Pass it on."""
        for label, reason in self._arms.hear(self._run, event).items():
            self._give_up(label, reason)

    def close(self) -> None:
        """Nothing is open."""


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
