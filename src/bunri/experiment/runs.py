"""Runs in their workers: one from its folder to its last event, and several at once until all are done or stopped."""

import difflib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import SimpleQueue
from types import FrameType
from typing import Any

from bunri.config import Experiment
from bunri.engines.base import Job, ResolvedConfig
from bunri.engines.process import Worker, interpreter_of
from bunri.errors import BunriError, OutputError
from bunri.events import Ended, Writer
from bunri.experiment.locking import locked
from bunri.experiment.manifest import ManifestWriter
from bunri.experiment.plan import PlannedRun, hashes_of, plain
from bunri.files import read_bytes, write_bytes, write_json, write_text
from bunri.writers import RecordedRun, open_writers


@dataclass(frozen=True)
class PreparedRun:
    """A run, the job its worker gets, and its native config as the engine read it.

    Attributes:
        resolved: The config with the overrides applied, as text.
        overrides_diff: What the overrides changed in it.
    """

    run: PlannedRun
    job: Job
    resolved: str
    overrides_diff: str


class Crew:
    """Runs an experiment's runs, ``jobs`` at a time."""

    def __init__(self, experiment: Experiment, facts: dict[str, Any]) -> None:
        """Take the experiment, and facts for every run's manifest."""
        self._experiment, self._facts = experiment, facts
        self._workers: dict[str, Worker] = {}
        self._stopping = threading.Event()
        self._slots: SimpleQueue[int] = SimpleQueue()
        for slot in range(experiment.jobs):
            self._slots.put(slot)

    def run(self, runs: Sequence[PreparedRun]) -> list[Ended]:
        """Run all; one that fails leaves the others alone. Ctrl-C and SIGTERM stop all at their next checkpoint."""
        with _handling_signals(self.stop), ThreadPoolExecutor(self._experiment.jobs) as pool:
            return list(pool.map(self._run_in_slot, runs))

    def stop(self) -> None:
        """Ask every worker to stop at a checkpoint, and start no other; asked twice they stop at once."""
        self._stopping.set()
        for worker in list(self._workers.values()):
            worker.stop()

    def _run_in_slot(self, prepared: PreparedRun) -> Ended:
        slot = self._slots.get()
        try:
            if self._stopping.is_set():
                return Ended("stopped", "not begun")
            return self._run_one(prepared, slot)
        except BunriError as error:
            return Ended("failed", str(error), error.exit_code)
        finally:
            self._slots.put(slot)

    def _run_one(self, prepared: PreparedRun, slot: int) -> Ended:
        run = prepared.run
        with locked(run.folder) as lock:
            write_inputs(prepared)
            facts = {**self._facts, "model": run.model.name, "engine": run.model.engine}
            facts |= {"fold": run.fold, "seed": run.seed, "sha256": hashes_of(run, prepared.job)}
            facts |= {"interpreter": self._experiment.interpreter(run.model.engine)}
            manifest = ManifestWriter(run.folder, facts)
            recorded = self._recorded(prepared, slot)
            writers: list[Writer] = [manifest, *open_writers(self._experiment.writers, recorded)]
            return self._follow(prepared, writers, lock)

    def _recorded(self, prepared: PreparedRun, slot: int) -> RecordedRun:
        run, val = prepared.run, prepared.job.val
        return RecordedRun(
            experiment=self._experiment.name,
            model=run.model.name,
            label=run.label,
            folder=run.folder,
            slot=slot,
            experiment_folder=self._experiment.folder.absolute(),
            recipe=plain(run.model.recipe),
            val=(val.annotations, val.images) if val is not None else None,
        )

    def _follow(self, prepared: PreparedRun, writers: Sequence[Writer], lock: int) -> Ended:
        folder, engine = prepared.run.folder, prepared.run.model.engine
        interpreter = interpreter_of(engine, self._experiment.interpreter(engine))
        patience = self._experiment.seconds_of_patience
        try:
            with Worker(
                folder.job_file, folder.log_file, interpreter, prepared.job.threads, (lock,), patience
            ) as worker:
                self._register(prepared.run.label, worker)
                return _record(worker, writers)
        except BunriError as error:
            with suppress(OutputError):
                writers[0].write(Ended("failed", str(error), error.exit_code))
            raise
        finally:
            self._workers.pop(prepared.run.label, None)
            for writer in writers:
                writer.close()

    def _register(self, label: str, worker: Worker) -> None:
        self._workers[label] = worker
        if self._stopping.is_set():
            worker.stop()


def _record(worker: Worker, writers: Sequence[Writer]) -> Ended:
    """Hand every event to every writer; gives the last one."""
    for event in worker.events():
        for writer in writers:
            writer.write(event)
        if isinstance(event, Ended):
            return event
    raise AssertionError("a worker's last event is Ended")


def write_inputs(prepared: PreparedRun) -> None:
    """Everything of a run folder that is known before training; a fresh start leaves nothing of a former run."""
    run, folder = prepared.run, prepared.run.folder
    if run.action == "train":
        folder.clear()
    write_bytes(folder.native_config_file(run.model.config.name), read_bytes(run.model.config, "the model config"))
    assert prepared.job.resolved is not None
    write_text(prepared.job.resolved, prepared.resolved)
    write_text(folder.overrides_file, prepared.overrides_diff)
    write_json(folder.job_file, plain(prepared.job))


def unified_diff(config: ResolvedConfig, name: str) -> str:
    """What the overrides changed in the native config."""
    before, after = config.before.splitlines(keepends=True), config.after.splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, name, f"{name} with overrides"))


@contextmanager
def _handling_signals(stop: Callable[[], None]) -> Iterator[None]:
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
