"""One run in its worker, from its folder to its last event: on this machine or on a node of a cluster."""

import difflib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bunri.config import Experiment
from bunri.engines.base import Job, ResolvedConfig
from bunri.engines.process import Worker, interpreter_of
from bunri.errors import BunriError, OutputError
from bunri.events import Ended, Writer
from bunri.experiment.handle import Handle
from bunri.experiment.locking import locked
from bunri.experiment.manifest import ManifestWriter
from bunri.experiment.photo_record import check_photos
from bunri.experiment.plan import PlannedRun, hashes_of, plain
from bunri.experiment.retelling import tell_unrecorded
from bunri.experiment.storing import stored
from bunri.files import read_bytes, write_bytes, write_json, write_text
from bunri.run_folder import RunFolder
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


def run_here(
    experiment: Experiment,
    facts: Mapping[str, Any],
    prepared: PreparedRun,
    slot: int,
    handle: Handle,
    listeners: Sequence[Writer] = (),
) -> Ended:
    """Train and predict one run on this machine, and record it in its folder.

    Args:
        experiment: What it is of.
        facts: Facts for its manifest.
        prepared: The run.
        slot: Which of the runs going on at once it is, from 0.
        handle: By which somebody can ask it to stop.
        listeners: Hear every event, beside the writers of the experiment.

    Raises:
        BunriError: The run cannot begin, a photo has changed since the experiment began, or a folder or an interpreter
            failed it; a failed training is no error here.
    """
    with locked(prepared.run.folder) as lock, stored(experiment, prepared.run.folder):
        return _run_locked(experiment, facts, prepared, slot, handle, listeners, lock)


def _run_locked(
    experiment: Experiment,
    facts: Mapping[str, Any],
    prepared: PreparedRun,
    slot: int,
    handle: Handle,
    listeners: Sequence[Writer],
    lock: int,
) -> Ended:
    run, configured = prepared.run, experiment.interpreter(prepared.run.model.engine)
    if prepared.job.train is not None:
        check_photos(prepared.job.train.annotations)
    write_inputs(prepared)
    manifest = ManifestWriter(run.folder, {**facts, **_facts_of(prepared, configured)})
    writers: list[Writer] = [manifest]
    interpreter, patience = interpreter_of(run.model.engine, configured), experiment.seconds_of_patience
    try:
        writers += [*open_writers(experiment.writers, recorded_run(experiment, prepared, slot)), *listeners]
        tell_unrecorded(run.folder, writers)
        folder, threads = run.folder, prepared.job.threads
        with Worker(folder.job_file, folder.log_file, interpreter, threads, (lock,), patience) as worker:
            handle.take(worker)
            return _record(worker, handle, writers, folder)
    except BunriError as error:
        with suppress(OutputError):
            manifest.write(Ended("failed", str(error), error.exit_code))
        raise
    finally:
        for writer in writers:
            writer.close()


def _facts_of(prepared: PreparedRun, interpreter: str | None) -> dict[str, Any]:
    """For its manifest."""
    run = prepared.run
    facts = {"model": run.model.name, "engine": run.model.engine, "fold": run.fold, "seed": run.seed}
    return {**facts, "sha256": hashes_of(run, prepared.job), "interpreter": interpreter}


def recorded_run(experiment: Experiment, prepared: PreparedRun, slot: int) -> RecordedRun:
    """What writers are told of a run."""
    run, val = prepared.run, prepared.job.val
    return RecordedRun(
        experiment=experiment.name,
        model=run.model.name,
        label=run.label,
        folder=run.folder,
        slot=slot,
        experiment_folder=experiment.folder.absolute(),
        recipe=plain(run.model.recipe),
        val=(val.annotations, val.images) if val is not None else None,
    )


def _record(worker: Worker, handle: Handle, writers: Sequence[Writer], folder: RunFolder) -> Ended:
    """Hand every event to every writer; gives the last one."""
    for event in worker.events():
        if isinstance(event, Ended):
            ended = handle.end_of(event)
            _record_end(ended, writers)
            if ended.status == "done":
                folder.forget_measured()
            return ended
        for writer in writers:
            writer.write(event)
    raise AssertionError("a worker's last event is Ended")


def _record_end(ended: Ended, writers: Sequence[Writer]) -> None:
    """Why a worker failed, as on a full disk, is told also where that cannot be recorded for the same reason."""
    try:
        for writer in writers:
            writer.write(ended)
    except OutputError:
        if ended.status != "failed":
            raise


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
