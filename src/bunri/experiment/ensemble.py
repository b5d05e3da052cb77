"""The ensemble of an experiment: found or fixed on out-of-fold predictions, applied to test."""

from collections.abc import Sequence

from bunri.config import Experiment
from bunri.experiment.data import ExperimentData
from bunri.experiment.gathering import Member, write_member
from bunri.fuse import fuse
from bunri.io import write_predictions
from bunri.predictions import Predictions


def build_ensemble(experiment: Experiment, members: Sequence[Member], data: ExperimentData) -> Member | None:
    """Fuse the models and write ``ensemble/`` and ``submission.csv``; None where there is nothing to fuse.

    A searched ensemble is judged by cross-fitted predictions: each image fused by a recipe that was found without it.
    """
    if experiment.ensemble is None or len(members) < 2:
        _write_submission(experiment, members[0].test if len(members) == 1 else None, data)
        return None
    ensemble = (_searched if experiment.ensemble.method == "search" else _fixed)(experiment, members, data)
    write_member(ensemble, data)
    _write_submission(experiment, ensemble.test, data)
    return ensemble


def _write_submission(experiment: Experiment, test: Predictions | None, data: ExperimentData) -> None:
    if test is not None and data.test is not None:
        write_predictions(test, experiment.folder / "submission.csv", data.test)


def _searched(experiment: Experiment, members: Sequence[Member], data: ExperimentData) -> Member:
    from bunri.search import apply_recipe, search

    folder = experiment.folder / "ensemble"
    result = search([member.out_of_fold for member in members], data.train)
    result.recipe.save(folder / "recipe.json")
    tests = {member.name: member.test for member in members if member.test is not None}
    test = apply_recipe(result.recipe, tests).named("ensemble") if tests else None
    return Member("ensemble", folder, result.out_of_fold.named("ensemble"), test)


def _fixed(experiment: Experiment, members: Sequence[Member], data: ExperimentData) -> Member:
    out_of_fold = _fuse_as_told(experiment, members, [member.out_of_fold for member in members])
    tests = [member.test for member in members if member.test is not None]
    test = _fuse_as_told(experiment, members, tests) if tests else None
    return Member("ensemble", experiment.folder / "ensemble", out_of_fold, test)


def _fuse_as_told(experiment: Experiment, members: Sequence[Member], found: Sequence[Predictions]) -> Predictions:
    settings = experiment.ensemble
    assert settings is not None
    return fuse(
        found,
        method=settings.method,
        iou=settings.iou,
        weights=[settings.weights.get(member.name, 1.0) for member in members],
        min_score=settings.min_score,
        name="ensemble",
    )
