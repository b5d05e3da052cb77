"""The ensemble of an experiment: found or fixed on out-of-fold predictions, applied to test."""

from collections.abc import Sequence
from pathlib import Path

from bunri.config import Experiment
from bunri.config.experiment_file import EnsembleSettings
from bunri.experiment.data import ExperimentData
from bunri.experiment.gathering import Member, write_member
from bunri.files import write_json
from bunri.fuse import FuseOptions
from bunri.io import write_predictions
from bunri.predictions import Predictions
from bunri.search.recipe import EnsembleRecipe, apply_recipe, recipe_of, write_recipe

NAME = "ensemble"
"""Folder and name of the ensemble among the members."""


def build_ensemble(experiment: Experiment, members: Sequence[Member], data: ExperimentData) -> Member | None:
    """Fuse the models and write ``ensemble/`` and ``submission.csv``; None where there is nothing to fuse."""
    if experiment.ensemble is None or len(members) < 2:
        _write_submission(experiment, members[0].test if len(members) == 1 else None, data)
        return None
    folder = experiment.folder / NAME
    recipe, out_of_fold = _recipe(experiment.ensemble, members, data, folder)
    write_recipe(recipe, folder / "recipe.json")
    tests = {member.name: member.test for member in members if member.test is not None}
    test = apply_recipe(recipe, tests, name=NAME) if tests else None
    ensemble = Member(NAME, folder, out_of_fold.named(NAME), test)
    write_member(ensemble, data)
    _write_submission(experiment, ensemble.test, data)
    return ensemble


def _recipe(
    settings: EnsembleSettings, members: Sequence[Member], data: ExperimentData, folder: Path
) -> tuple[EnsembleRecipe, Predictions]:
    """The recipe for new predictions, and the ensemble out of fold.

    A searched one is judged by cross-fitted predictions: each image is fused by a recipe that was found without it. The
    way of the search goes to ``search.json`` in the folder.
    """
    found = [member.out_of_fold for member in members]
    if settings.method == "search":
        from bunri.search import search

        result = search(found, data.train, groups=data.groups)
        write_json(folder / "search.json", result.to_dict())
        return result.recipe, result.out_of_fold
    options = FuseOptions(
        method=settings.method,
        iou=settings.iou,
        weights=tuple(settings.weights.get(member.name, 1.0) for member in members),
        min_score=settings.min_score,
    )
    recipe = recipe_of(options, [member.name for member in members])
    return recipe, apply_recipe(recipe, {member.name: member.out_of_fold for member in members})


def _write_submission(experiment: Experiment, test: Predictions | None, data: ExperimentData) -> None:
    if test is not None and data.test is not None:
        write_predictions(test, experiment.folder / "submission.csv", data.test)
