"""An ensemble on the page: its recipe, the way of its search, and what the recipe loses without each member."""

from collections.abc import Mapping
from pathlib import Path

from bunri.dataset import Dataset
from bunri.errors import BunriError, DataError
from bunri.evaluate import Comparison, compare
from bunri.fuse import FuseOptions
from bunri.predictions import Predictions
from bunri.report.ensemble_facts import Ensemble, EnsembleMember
from bunri.report.intervals import Interval
from bunri.report.reading import read_search_path
from bunri.report.sources import ENSEMBLE
from bunri.search import EnsembleRecipe, apply_recipe, read_recipe
from bunri.search.recipe import CAN_DO_WITHOUT, recipe_of

RESAMPLES = 200
"""Of the photos, for the interval of what a member adds."""


def read_ensemble(folder: Path, members: Mapping[str, Predictions], truth: Dataset | None) -> Ensemble:
    """The ensemble of an experiment; ``members`` are its models by name, without which nothing is said of their gain.

    Raises:
        DataError: There is no recipe.
    """
    recipe = read_recipe(folder / ENSEMBLE / "recipe.json")
    search = folder / ENSEMBLE / "search.json"
    fusion = recipe if recipe.method in CAN_DO_WITHOUT else plain_fusion(recipe)
    gains, missing = _gains(fusion, members, truth)
    columns = zip(recipe.members, recipe.weights, recipe.min_score, strict=True)
    return Ensemble(
        recipe=str(recipe),
        members=[EnsembleMember(name, weight, floor, *gains.get(name, ())) for name, weight, floor in columns],
        path=read_search_path(search) if search.exists() else (),
        experiment=folder.resolve().name,
        gains_missing=missing,
        stand_in=None if fusion is recipe else str(fusion),
    )


def plain_fusion(recipe: EnsembleRecipe) -> EnsembleRecipe:
    """WBF of a recipe's members with equal weights: can do without any, where the recipe itself cannot."""
    return recipe_of(FuseOptions(), recipe.members)


_Gains = dict[str, tuple[Interval, str]]


def _gains(
    recipe: EnsembleRecipe, members: Mapping[str, Predictions], truth: Dataset | None
) -> tuple[_Gains, str | None]:
    try:
        if truth is None or len(recipe.members) < 2:
            raise DataError("what a member adds is measured on annotated photos, of two members or more")
        found = what_each_adds(recipe, members, truth)
        return {name: (Interval(one.difference, one.low, one.high), one.verdict) for name, one in found.items()}, None
    except BunriError as error:
        return {}, str(error)


def what_each_adds(recipe: EnsembleRecipe, members: Mapping[str, Predictions], truth: Dataset) -> dict[str, Comparison]:
    """The recipe against itself without each member, the other weights as they are, in pairs over photos.

    Raises:
        DataError: A member's predictions are not there, or the recipe cannot do without any.
    """
    cut = {name: member.clipped(truth) for name, member in members.items() if name in recipe.members}
    whole = apply_recipe(recipe, cut)
    found = {}
    for name in recipe.members:
        rest = {other: member for other, member in cut.items() if other != name}
        without = apply_recipe(recipe, rest, allow_missing=True, name="without")
        found[name] = compare(whole, without, truth, resamples=RESAMPLES, min_score=0.0)
    return found
