"""Fusion with settings of their own for classes whose boxes are many enough to tell that they are better.

Fusing and AP50 decompose by class, so the candidates of a search are candidates for every class at no further cost; and
they overfit as easily. A class departs from the common settings only where the difference is more than ``SURE``
standard errors on the training images, and where it has ``MIN_OBJECTS`` objects there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from pydantic import JsonValue

from bunri.boxes import FloatArray, IntArray
from bunri.errors import DataError
from bunri.fuse import FuseOptions
from bunri.fuse.methods import fuse_with
from bunri.predictions import Predictions, concatenate
from bunri.search.climbing import Climb
from bunri.search.families import FusedFamily
from bunri.search.memory import options_of
from bunri.search.recipe import EnsembleRecipe, recipe_of
from bunri.search.task import Task

MIN_OBJECTS = 100
"""Objects of a class on the training images, below which it keeps the common settings."""

SURE = 2.0
"""Standard errors of the paired difference by which settings of a class must be better."""

CANDIDATES = 20
"""So many of the best candidates are tried for each class, and more to have every set of members among them."""


@dataclass(eq=False)
class PerClassFamily(FusedFamily):
    """``FusedFamily`` and, beyond it, settings for single classes."""

    name: str = "per_class"

    def fit(self, task: Task, fold: int, deadline: float = np.inf) -> EnsembleRecipe:
        """Search on the images outside of ``fold``, then by class among the best candidates of this search."""
        climb, plain = self.climb(task, fold, deadline)
        return recipe_of_classes(plain, options_by_class(climb, plain), task.names)


def options_by_class(climb: Climb, plain: FuseOptions) -> dict[int, FuseOptions]:
    """Classes that do better with settings of their own on a finished search's training set, and these settings."""
    weights = np.concatenate([climb.scorer.weights[:, [climb.column]], climb.resamples()], axis=1)
    enough = climb.scorer.objects.counts(weights[:, :1])[:, 0] >= MIN_OBJECTS
    common = climb.scorer.matches(plain).average_precisions(weights)
    tried = _worth_trying(climb.tried) if enough.any() else []
    lead, found = np.zeros(len(common)), dict[int, FuseOptions]()
    for options in tried:
        surely = _sure_gain(climb.scorer.matches(options).average_precisions(weights) - common)
        for c in np.flatnonzero(enough & (surely > lead)).tolist():
            lead[c], found[c] = surely[c], options
    return found


def _worth_trying(tried: Mapping[FuseOptions, float]) -> list[FuseOptions]:
    """The best candidates, and the best of each set of members: who is weak in all may be strong in one class."""
    ranked = sorted(tried, key=tried.__getitem__)
    by_members = {tuple(weight > 0 for weight in options.weights or ()): options for options in ranked}
    return list(dict.fromkeys([*ranked[-CANDIDATES:], *by_members.values()]))


def _sure_gain(difference: FloatArray) -> FloatArray:
    """What is left of each class's gain ``(C,)`` after ``SURE`` standard errors; the first of ``(C, 1 + R)`` is it."""
    return np.asarray(difference[:, 0] - SURE * difference[:, 1:].std(axis=1))


def recipe_of_classes(plain: FuseOptions, by_class: Mapping[int, FuseOptions], names: Sequence[str]) -> EnsembleRecipe:
    """The recipe of fusing M named members by ``plain``, and some classes by options of their own."""
    if not by_class:
        return recipe_of(plain, names)
    return EnsembleRecipe(
        members=tuple(names),
        method="per_class",
        weights=(1.0,) * len(names),
        min_score=(0.0,) * len(names),
        parameters={"plain": _values(plain), "classes": {str(c): _values(o) for c, o in sorted(by_class.items())}},
    )


def _values(options: FuseOptions) -> dict[str, JsonValue]:
    """Options as JSON has them, for ``options_of``."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(options).items()}


def apply_per_class(recipe: EnsembleRecipe, members: Sequence[Predictions]) -> Predictions:
    """Fuse each class by its options.

    Raises:
        DataError: The recipe is not whole.
    """
    plain, by_class = _options_in(recipe)
    special = np.array(sorted(by_class), np.int64)
    others = [member[~np.isin(member.class_index, special)] for member in members]
    parts = [fuse_with(others, plain, "ensemble")]
    for c, options in sorted(by_class.items()):
        parts.append(fuse_with([member[member.class_index == c] for member in members], options, "ensemble"))
    joined = concatenate(parts)
    return joined[_by_image(joined)]


def _by_image(boxes: Predictions) -> IntArray:
    return np.asarray(np.lexsort((-boxes.score, boxes.class_index, boxes.image_id)))


def _options_in(recipe: EnsembleRecipe) -> tuple[FuseOptions, dict[int, FuseOptions]]:
    try:
        plain, classes = recipe.parameters["plain"], recipe.parameters["classes"]
        if not (isinstance(plain, dict) and isinstance(classes, dict)):
            raise TypeError("plain and classes must be objects")
        return options_of(plain), {int(c): options_of(dict(options)) for c, options in classes.items()}  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise DataError(f"a recipe by class must be whole, but it is not: {error}. Search it again.") from error
