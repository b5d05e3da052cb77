"""From the predictions of single runs to one set out of fold and one on test for each model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bunri.config import Experiment, ModelSettings
from bunri.experiment.data import ExperimentData
from bunri.experiment.plan import PlannedRun
from bunri.fuse import one_of_several
from bunri.io import read_predictions, write_predictions
from bunri.predictions import Predictions, concatenate


@dataclass(frozen=True)
class Member:
    """What one model, or the ensemble, predicts.

    Attributes:
        name: Of the model.
        folder: ``runs/<experiment>/<model>``.
        out_of_fold: Boxes on the training images, each image by the runs that did not learn it.
        test: Boxes on the test images, fused over all runs.
        stages: ``one`` or ``two``, where known.
        minutes: Spent training, summed over the runs.
    """

    name: str
    folder: Path
    out_of_fold: Predictions
    test: Predictions | None
    stages: str | None = None
    minutes: float | None = None


def gather(experiment: Experiment, runs: Sequence[PlannedRun], data: ExperimentData) -> list[Member]:
    """Join the runs of each model that has any and write ``oof.parquet`` and ``test.parquet`` beside them."""
    by_model = [(model, [planned for planned in runs if planned.model is model]) for model in experiment.models]
    return [_gather_model(model, its, data, experiment.folder) for model, its in by_model if its]


@dataclass(frozen=True)
class LeftOut:
    """A model that was given up: it has no predictions to be compared.

    Attributes:
        name: Of the model.
        stages: As in :class:`Member`.
        minutes: As in :class:`Member`.
        reason: Why and when it was given up.
    """

    name: str
    stages: str | None
    minutes: float
    reason: str


def leave_out(experiment: Experiment, runs: Sequence[PlannedRun], reasons: Mapping[str, str]) -> list[LeftOut]:
    """The models that were given up; what a former whole training left beside their runs is deleted."""
    return [
        _leave_out(experiment.model(name), [run for run in runs if run.model.name == name], experiment.folder, reason)
        for name, reason in reasons.items()
    ]


def _leave_out(model: ModelSettings, runs: Sequence[PlannedRun], folder: Path, reason: str) -> LeftOut:
    for file in ("oof.parquet", "test.parquet", "evaluation.json"):
        (folder / model.name / file).unlink(missing_ok=True)
    return LeftOut(model.name, model.stages or _told_stages(runs), _minutes(runs), reason)


def _gather_model(model: ModelSettings, runs: Sequence[PlannedRun], data: ExperimentData, folder: Path) -> Member:
    member = Member(
        name=model.name,
        folder=folder / model.name,
        out_of_fold=_out_of_fold(model.name, runs, data),
        test=_on_test(model.name, runs, data),
        stages=model.stages or _told_stages(runs),
        minutes=_minutes(runs),
    )
    write_member(member, data)
    return member


def write_member(member: Member, data: ExperimentData) -> None:
    """Write the predictions of a model or of the ensemble."""
    write_predictions(member.out_of_fold, member.folder / "oof.parquet", data.train)
    if member.test is not None and data.test is not None:
        write_predictions(member.test, member.folder / "test.parquet", data.test)


def _out_of_fold(name: str, runs: Sequence[PlannedRun], data: ExperimentData) -> Predictions:
    folds = dict.fromkeys(planned.fold for planned in runs)
    return concatenate([_held_out(fold, [run for run in runs if run.fold == fold], data) for fold in folds], name)


def _held_out(fold: int, runs: Sequence[PlannedRun], data: ExperimentData) -> Predictions:
    images = data.held_out(fold)
    return one_of_several(
        runs[0].model.name, [read_predictions(run.folder.predictions_file("val"), images) for run in runs]
    )


def _on_test(name: str, runs: Sequence[PlannedRun], data: ExperimentData) -> Predictions | None:
    if data.test is None:
        return None
    return one_of_several(name, [read_predictions(run.folder.predictions_file("test"), data.test) for run in runs])


def _told_stages(runs: Sequence[PlannedRun]) -> str | None:
    return next((run.folder.read_manifest().get("facts", {}).get("stages") for run in runs), None)


def _minutes(runs: Sequence[PlannedRun]) -> float:
    return round(sum(_training_seconds(planned) for planned in runs) / 60, 2)


def _training_seconds(run: PlannedRun) -> float:
    return float(run.folder.read_manifest().get("seconds", {}).get("train", 0.0))
