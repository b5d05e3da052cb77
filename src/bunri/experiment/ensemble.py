"""The ensemble of an experiment: found or fixed on out-of-fold predictions, applied to test."""

import os
from collections.abc import Sequence
from pathlib import Path

from bunri.config import Experiment
from bunri.config.experiment_file import EnsembleSettings
from bunri.experiment.data import ExperimentData
from bunri.experiment.gathering import Member, write_member
from bunri.experiment.provenance import made_by
from bunri.files import write_json
from bunri.fuse import FuseOptions
from bunri.io import write_predictions
from bunri.predictions import Predictions
from bunri.search import EnsembleRecipe, apply_recipe, search, write_recipe
from bunri.search.families import DEFAULT_FAMILIES
from bunri.search.recipe import recipe_of
from bunri.writers import say_to_stderr

NAME = "ensemble"
"""Folder and name of the ensemble among the members."""


def build_ensemble(experiment: Experiment, members: Sequence[Member], data: ExperimentData) -> Member | None:
    """Fuse the models and write ``ensemble/`` and ``submission.csv``; None where there is nothing to fuse."""
    if experiment.ensemble is None or len(members) < 2:
        _write_submission(experiment, members[0].test if len(members) == 1 else None, data)
        return None
    folder = experiment.folder / NAME
    if experiment.ensemble.method == "search":
        recipe, out_of_fold = _searched(experiment, members, data, folder)
    else:
        recipe, out_of_fold = _fixed(experiment.ensemble, members)
    write_recipe(recipe.with_facts(made_by=made_by(data.source_sha256)), folder / "recipe.json")
    tests = {member.name: member.test for member in members if member.test is not None}
    test = apply_recipe(recipe, tests, name=NAME) if tests else None
    ensemble = Member(NAME, folder, out_of_fold.named(NAME), test)
    write_member(ensemble, data)
    _write_submission(experiment, ensemble.test, data)
    return ensemble


def _searched(
    experiment: Experiment, members: Sequence[Member], data: ExperimentData, folder: Path
) -> tuple[EnsembleRecipe, Predictions]:
    """The recipe found on all images, and cross-fitted predictions: each image fused by a recipe found without it."""
    settings = experiment.ensemble
    assert settings is not None
    say_to_stderr(f"searching the ensemble of {', '.join(member.name for member in members)}")
    result = search(
        [member.out_of_fold for member in members],
        data.train,
        folds=settings.folds,
        groups=data.groups,
        families=settings.families or DEFAULT_FAMILIES,
        time_budget=settings.seconds,
        threads=os.cpu_count() or 1,
    )
    write_json(folder / "search.json", result.to_dict())
    say_to_stderr(f"found {result.recipe}")
    return result.recipe, result.out_of_fold


def _fixed(settings: EnsembleSettings, members: Sequence[Member]) -> tuple[EnsembleRecipe, Predictions]:
    """The recipe as the experiment has it, and the models fused by it."""
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
