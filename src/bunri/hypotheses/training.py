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
from bunri.fuse import one_of_several
from bunri.hypotheses.file import Arm
from bunri.hypotheses.leaves import Facts, Leaf, check_same_images
from bunri.io import load_dataset, read_predictions
from bunri.predictions import Predictions, concatenate
from bunri.writers.jsonl import read_metrics

NO_FOLD = -1
"""Fold of the test images: they are in none."""

WHOLE = "early_stopping=null"
"""Only whole trainings are judged: what a rule gave up is trained to its end."""

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
        return dry_run(self.path, self.overrides, resume=True, models=self.models).runs

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
    return (*given, *([f"seeds={list(arm.seeds)}"] if arm.seeds else []), WHOLE)


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:IN_HASH]


def leaf_of(name: str, training: Training, trained: Trained, truth: Dataset) -> Leaf:
    """What an arm's model predicts on the images of the truth, by seed: out of fold, or on the test images.

    Raises:
        ConfigError: It is to be judged on test images, and the experiment has none.
        DataError: The truth is of other images.
    """
    model, arm = training.model_of(name), training.arms[name]
    looks = [_look(name, run, trained, arm) for run in trained.runs if run.model.name == model]
    check_same_images(trained.data.train, truth, f"experiment {trained.settings.name}")
    if arm.judged_on == "test":
        check_same_images(looks[0].images, truth, f"test images of experiment {trained.settings.name}")
    seeds = dict.fromkeys(look.run.seed for look in looks)
    by_seed = {seed: _found(name, [look for look in looks if look.run.seed == seed], arm) for seed in seeds}
    judged = {seed: found.of_images(truth.images.id).clipped(truth) for seed, found in by_seed.items()}
    return Leaf(name, judged, _facts(looks, arm))


@dataclass(frozen=True)
class _Look:
    """A run, and the photos it is judged on: those its fold holds out, or the test photos, which are in no fold."""

    run: PlannedRun
    images: Dataset
    fold: int


def _look(name: str, run: PlannedRun, trained: Trained, arm: Arm) -> _Look:
    if arm.judged_on == "held_out":
        return _Look(run, trained.data.held_out(run.fold), run.fold)
    if trained.data.test is None:
        raise ConfigError(f"arms.{name}.judged_on: {trained.settings.name} must have data.test to be judged on it")
    return _Look(run, trained.data.test, NO_FOLD)


def _found(name: str, looks: Sequence[_Look], arm: Arm) -> Predictions:
    parts = [read_predictions(_file(look.run, arm), look.images) for look in looks]
    return concatenate(parts, name) if arm.judged_on == "held_out" else one_of_several(name, parts)


def _file(run: PlannedRun, arm: Arm) -> Path:
    photos = "val" if arm.judged_on == "held_out" else "test"
    return run.folder.predictions_file(photos) if arm.view is None else run.folder.view_file(photos, arm.view)


def _facts(looks: Sequence[_Look], arm: Arm) -> Facts:
    runs = [look.run for look in looks]
    views = tuple(one.name for one in runs[0].model.recipe.tta.views)
    return Facts(
        tta=views if arm.view is None else (arm.view,),
        iterations=tuple(sorted({steps for run in runs if (steps := _iterations(run)) is not None})) or None,
        fold={int(image): look.fold for look in looks for image in look.images.images.id},
        leaked=frozenset().union(*(_leaked(look) for look in looks)),
        runs=tuple(str(run.folder.path) for run in runs),
    )


def _iterations(run: PlannedRun) -> int | None:
    """Steps that were recorded; None where the engine recorded none."""
    file = run.folder.metrics_file
    steps = [int(row["step"]) for row in read_metrics(file)] if file.exists() else []
    return max(steps, default=None)


def _leaked(look: _Look) -> frozenset[int]:
    """Judged images of a run whose photos are among those it learned from."""
    job = Job.validated(read_json(look.run.folder.job_file, "the run's job"), str(look.run.folder.job_file))
    if job.train is None:
        return frozenset()
    learned = set(_photos(load_dataset(job.train.annotations, job.train.images)))
    ids = look.images.images.id.tolist()
    return frozenset(image for image, photo in zip(ids, _photos(look.images), strict=True) if photo in learned)


def _photos(dataset: Dataset) -> list[Path]:
    return [dataset.path_of(row).absolute() for row in range(len(dataset))]
