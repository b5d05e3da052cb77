"""Arms that are trained: which experiment with which overrides, its missing runs run, its predictions read."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bunri.config import Experiment, load_experiment
from bunri.dataset import Dataset
from bunri.engines.base import Job
from bunri.errors import ConfigError
from bunri.experiment import PlannedRun, Trained, dry_run, train
from bunri.experiment.exposures import Announce
from bunri.files import read_json
from bunri.hypotheses.file import Arm
from bunri.hypotheses.leaves import Facts, Leaf, check_same_images
from bunri.io import load_dataset, read_predictions
from bunri.predictions import Predictions, concatenate
from bunri.writers.jsonl import read_metrics

IN_HASH = 8
"""Hexadecimal digits that tell overrides apart."""


@dataclass(frozen=True, eq=False)
class Training:
    """An experiment with overrides and seeds, and the arms that need it by name."""

    path: Path
    overrides: tuple[str, ...]
    arms: Mapping[str, Arm]

    @cached_property
    def settings(self) -> Experiment:
        """The experiment as it will run, with all its models.

        Raises:
            ConfigError: The experiment or an override is wrong; or an arm names no model, and there are several.
        """
        return load_experiment(self.path, self.overrides)

    def model_of(self, name: str) -> str:
        """The model of an arm.

        Raises:
            ConfigError: The arm names none, and there are several.
        """
        models = [model.name for model in self.settings.models]
        chosen = self.arms[name].model
        if chosen is None and len(models) > 1:
            raise ConfigError(f"arms.{name}.model: must be one of {', '.join(models)}, the models of {self.path}")
        return chosen or models[0]

    @property
    def models(self) -> list[str]:
        """Models that arms need, each once."""
        return list(dict.fromkeys(self.model_of(name) for name in self.arms))

    def plan(self) -> tuple[PlannedRun, ...]:
        """What would be done."""
        return dry_run(self.path, self.overrides, resume=True, models=self.models)

    def run(self, announce: Announce) -> Trained:
        """Run what is missing; what was begun goes on."""
        return train(self.path, self.overrides, resume=True, announce=announce, models=self.models)


def trainings_of(arms: Mapping[str, Arm]) -> list[Training]:
    """The experiments of some arms; arms of one experiment, the same overrides and seeds are trained together."""
    found: dict[tuple[Path, tuple[str, ...]], dict[str, Arm]] = {}
    for name, arm in arms.items():
        if arm.experiment is not None:
            found.setdefault((arm.experiment, _overrides(arm)), {})[name] = arm
    return [Training(path, overrides, members) for (path, overrides), members in found.items()]


def _overrides(arm: Arm) -> tuple[str, ...]:
    """``dotted.key=value`` of an arm; with overrides the runs have a folder of their own."""
    assert arm.experiment is not None
    given = [f"{key}={json.dumps(value)}" for key, value in sorted(arm.set.items())]
    if given:
        stem = load_experiment(arm.experiment).name
        given.append(f"name={json.dumps(f'{stem}+{_digest(arm.set)}')}")
    return (*given, *([f"seeds={list(arm.seeds)}"] if arm.seeds else []))


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:IN_HASH]


def leaf_of(name: str, training: Training, trained: Trained, truth: Dataset) -> Leaf:
    """What an arm's model predicts out of fold on the images of the truth, by seed."""
    model, view = training.model_of(name), training.arms[name].view
    runs = [run for run in trained.runs if run.model.name == model]
    check_same_images(trained.data.train, truth, f"experiment {trained.settings.name}")
    seeds = dict.fromkeys(run.seed for run in runs)
    by_seed = {seed: _out_of_fold(name, [r for r in runs if r.seed == seed], trained, truth, view) for seed in seeds}
    return Leaf(name, by_seed, _facts(runs, trained, view))


def _out_of_fold(
    name: str, runs: Sequence[PlannedRun], trained: Trained, truth: Dataset, view: str | None
) -> Predictions:
    parts = [read_predictions(_file(run, view), trained.data.held_out(run.fold)) for run in runs]
    return concatenate(parts, name).of_images(truth.images.id).clipped(truth)


def _file(run: PlannedRun, view: str | None) -> Path:
    return run.folder.predictions_file("val") if view is None else run.folder.view_file("val", view)


def _facts(runs: Sequence[PlannedRun], trained: Trained, view: str | None) -> Facts:
    views = tuple(one.name for one in runs[0].model.recipe.tta.views)
    return Facts(
        tta=views if view is None else (view,),
        iterations=tuple(sorted({steps for run in runs if (steps := _iterations(run)) is not None})) or None,
        fold={int(image): run.fold for run in runs for image in trained.data.held_out(run.fold).images.id},
        leaked=frozenset().union(*(_leaked(run, trained) for run in runs)),
        runs=tuple(str(run.folder.path) for run in runs),
    )


def _iterations(run: PlannedRun) -> int | None:
    """Steps that were recorded; None where the engine recorded none."""
    file = run.folder.metrics_file
    steps = [int(row["step"]) for row in read_metrics(file)] if file.exists() else []
    return max(steps, default=None)


def _leaked(run: PlannedRun, trained: Trained) -> frozenset[int]:
    """Held-out images of a run whose photos are among those it learned from."""
    job = Job.validated(read_json(run.folder.job_file, "the run's job"), str(run.folder.job_file))
    if job.train is None:
        return frozenset()
    learned = set(_photos(load_dataset(job.train.annotations, job.train.images)))
    held_out = trained.data.held_out(run.fold)
    ids = held_out.images.id.tolist()
    return frozenset(image for image, photo in zip(ids, _photos(held_out), strict=True) if photo in learned)


def _photos(dataset: Dataset) -> list[Path]:
    return [dataset.path_of(row).absolute() for row in range(len(dataset))]
