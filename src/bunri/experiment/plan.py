"""Which runs an experiment consists of, and what is to be done with each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bunri.config import Experiment, ModelSettings
from bunri.engines.base import Job
from bunri.errors import UsageError
from bunri.experiment.checks import python_path
from bunri.experiment.data import DataFiles
from bunri.files import sha256_of
from bunri.run_folder import RunFolder, run_folder_of
from bunri.settings import Settings

Action = Literal["train", "continue", "skip"]

HOW_NOT_WHAT = (
    "run_folder",
    "resume",
    "threads",
    "device",
    "loader_workers",
    "python_path",
    "checkpoint",
    "tasks",
    "resolved",
    "trust",
)
"""Parts of a job that may change between a run and its continuation."""

FILES = ("config", "train", "val", "predict")
"""Parts of a job that are paths; their content is compared, so that a project may move."""


_DEFAULTS = {name: field.default for name, field in Job.model_fields.items() if not field.is_required()}


@dataclass(frozen=True)
class PlannedRun:
    """One training: a model on a fold with a seed."""

    model: ModelSettings
    fold: int
    seed: int
    folder: RunFolder
    label: str
    action: Action = "train"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "model": self.model.name,
            "fold": self.fold,
            "seed": self.seed,
            "folder": str(self.folder.path),
            "action": self.action,
        }


def planned_runs(experiment: Experiment) -> tuple[PlannedRun, ...]:
    """All runs in the order in which they begin.

    Models of higher priority go first; those of the same fold by fold, so that after the first fold all have been seen.
    """
    return tuple(sorted(_planned_runs(experiment), key=lambda run: -run.model.priority))


def _planned_runs(experiment: Experiment) -> Iterator[PlannedRun]:
    several = len(experiment.seeds) > 1
    for seed in experiment.seeds:
        for fold in experiment.folds.to_run:
            for model in experiment.models:
                folder = run_folder_of(experiment.runs, experiment.name, model.name, fold, seed if several else None)
                label = f"{model.name} fold{fold}" + (f" seed{seed}" if several else "")
                yield PlannedRun(model, fold, seed, RunFolder(folder.path.absolute()), label)


def job_of(experiment: Experiment, run: PlannedRun, files: DataFiles) -> Job:
    """What the worker of a run is told."""
    return Job(
        engine=run.model.engine,
        config=run.folder.native_config_file(run.model.config.name),
        overrides=run.model.set,
        trust=run.model.trust,
        recipe=run.model.recipe,
        run_folder=run.folder.path,
        train=files.train(run.model, run.fold, run.seed),
        val=files.val(run.fold),
        predict=files.test(),
        seed=run.seed,
        threads=experiment.threads_per_worker,
        processes=run.model.resources.training_processes,
        device=experiment.device_of(run.model),
        resume=run.action == "continue",
        python_path=python_path(experiment, [run.model]),
    )


def hashes_of(run: PlannedRun, job: Job) -> dict[str, str]:
    """SHA-256 of all files that decide what a run learns and predicts, by what they are."""
    photos = {"train": job.train, "val": job.val, **job.predict}
    files = {f"data.{name}": part.annotations for name, part in photos.items() if part is not None}
    return {name: sha256_of(path) for name, path in {"config": run.model.config, **files}.items()}


def decide(run: PlannedRun, job: Job, resume: bool) -> Action:
    """What is to be done with a run, looking at what is in its folder.

    Raises:
        UsageError: The folder has a run that would be lost, or one that was asked something else.
    """
    status = run.folder.status
    if status == "new" or (status != "done" and not run.folder.checkpoint_file("last").exists()):
        return "train"
    if not resume:
        raise UsageError(
            f"{run.label} has been {'trained' if status == 'done' else 'begun'} already in {run.folder.path}. "
            "Go on with --resume, begin anew with --overwrite, or give the experiment another name."
        )
    changes = changes_since(run, job)
    if changes:
        raise UsageError(
            f"{run.label} can only be resumed as it was begun, but it differs:\n"
            + "\n".join(f"  {change}" for change in changes)
            + "\nUndo the change, give the experiment another name, or begin anew with --overwrite."
        )
    return "skip" if status == "done" else "continue"


def changes_since(run: PlannedRun, job: Job) -> list[str]:
    """What is asked differently now than when the run began, by dotted path."""
    old = run.folder.read_job()
    recorded = run.folder.read_manifest().get("sha256", {})
    files = hashes_of(run, job)
    older = {**_DEFAULTS, **old}  # an older bunri did not write keys that came later; their default is what it did
    return [*_differences(_compared(older), _compared(plain(job)), ""), *_differences(recorded, files, "sha256")]


def plain(settings: Settings) -> dict[str, Any]:
    """Settings as plain values that JSON holds."""
    return settings.model_dump(mode="json")


def _compared(job: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in job.items() if key not in HOW_NOT_WHAT + FILES}


_ABSENT = object()


def _differences(old: Any, new: Any, place: str) -> Iterator[str]:
    """Absent settings count as empty mappings where the other side has one: only what was given is recorded."""
    keyed = [{} if value is _ABSENT else value for value in (old, new)]
    if all(isinstance(value, dict) for value in keyed):
        for key in dict.fromkeys([*keyed[0], *keyed[1]]):
            inner = [value.get(key, _ABSENT) for value in keyed]
            yield from _differences(inner[0], inner[1], f"{place}.{key}" if place else str(key))
    elif old != new:
        yield f"{place}: was {_said(old)}, is {_said(new)}"


def _said(value: Any) -> str:
    return "not given" if value is _ABSENT else repr(value)
