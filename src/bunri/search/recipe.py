"""The recipe of an ensemble: what was found, as JSON, to be applied to new predictions of the same members."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, Self

from pydantic import Field, JsonValue, model_validator

from bunri.errors import ConfigError, DataError, UsageError
from bunri.files import read_json, write_json
from bunri.fuse import METHODS, FuseOptions
from bunri.fuse.methods import fuse_with
from bunri.predictions import Predictions
from bunri.settings import Settings
from bunri.shown import Shown

Apply = Callable[["EnsembleRecipe", Sequence[Predictions]], Predictions]

APPLIERS: dict[str, str] = {
    **dict.fromkeys(METHODS, "bunri.search.recipe:apply_fusion"),
    "per_class": "bunri.search.per_class:apply_per_class",
    "calibrated": "bunri.search.calibrated:apply_calibrated",
    "learned": "bunri.search.learned:apply_learned",
}
"""How a method is applied, as ``module:function``. A method beyond fusing keeps what it fitted in ``parameters``; its
function takes the recipe and the members in the order of the recipe."""

CAN_DO_WITHOUT = (*METHODS, "calibrated")
"""Methods that can be applied where members are missing."""


class EnsembleRecipe(Shown, Settings):
    """Members by name, and how they become one set of predictions."""

    version: int = Field(default=1, ge=1, le=1)
    """Of this format."""
    members: tuple[str, ...] = Field(min_length=1)
    """Names, unique, in the order of ``weights``."""
    method: str = "wbf"
    """One of ``APPLIERS``: ``wbf``, ``nms``, ``soft_nms``, ``nmw`` or a fitted method."""
    weights: tuple[float, ...]
    """One for each member."""
    iou: float = 0.55
    """Boxes of one class overlap when their IoU is above it; with ``nms``, 1 keeps every box."""
    min_score: tuple[float, ...]
    """Boxes of a member with a lower score are left out; one for each member."""
    conf_type: str = "avg"
    """WBF: score of a cluster."""
    decay: str = "gaussian"
    """Soft-NMS: ``linear`` or ``gaussian``."""
    sigma: float = 0.5
    """Soft-NMS: width of the Gaussian decay."""
    soft_min_score: float = 0.001
    """Soft-NMS: boxes stay while their decayed score is above it."""
    parameters: dict[str, JsonValue] = {}
    """What a fitted method learned; empty for the methods of ``bunri fuse``."""
    found: dict[str, JsonValue] = {}
    """How the recipe was found: honest score and interval, images, folds. Says nothing about how it is applied."""

    @model_validator(mode="after")
    def _check(self) -> "EnsembleRecipe":
        if len(set(self.members)) < len(self.members):
            raise ValueError(f"members must be unique, but got {', '.join(self.members)}")
        for name in ("weights", "min_score"):
            if len(getattr(self, name)) != len(self.members):
                raise ValueError(f"{name} must have one number for each of the {len(self.members)} members")
        if self.method not in APPLIERS:
            raise ValueError(f"method must be one of {', '.join(APPLIERS)}, but got {self.method!r}")
        if min(self.weights) <= 0:
            raise ValueError(f"weights must be above 0 (leave the member out instead), but got {self.weights}")
        return self

    @property
    def options(self) -> FuseOptions:
        """The options of ``fuse`` the recipe stands for."""
        method = self.method if self.method in METHODS else "wbf"
        names = {field.name for field in fields(FuseOptions)} - {"method", "max_boxes"}
        return FuseOptions(method=method, **{name: getattr(self, name) for name in names})

    def with_facts(self, **facts: JsonValue) -> Self:
        """The same recipe that says more of how it was found."""
        return self.model_copy(update={"found": {**self.found, **facts}})

    def __str__(self) -> str:
        named = zip(self.members, self.weights, strict=True)
        members = " + ".join(name if weight == 1 else f"{weight:g} {name}" for name, weight in named)
        floors = sorted(set(self.min_score) - {0.0})
        above = f", scores above {', '.join(f'{floor:g}' for floor in floors)}" if floors else ""
        words = "learned" if self.method == "learned" else _describe(self.options)
        return f"{'calibrated ' if self.method == 'calibrated' else ''}{words}: {members}{above}"


def _describe(options: FuseOptions) -> str:
    if options.method == "nms" and options.iou >= 1:
        return "as it is"
    if options.method == "soft_nms":
        width = f"sigma {options.sigma:g}" if options.decay == "gaussian" else f"IoU {options.iou:g}"
        return f"soft_nms {options.decay} {width}"
    confidence = f" {options.conf_type}" if options.method == "wbf" and options.conf_type != "avg" else ""
    return f"{options.method}{confidence} IoU {options.iou:g}"


def recipe_of(options: FuseOptions, names: Sequence[str]) -> EnsembleRecipe:
    """The recipe of fusing M named members; those of weight 0 are left out."""
    weights, floors = options.weights_of(len(names)), options.floors_of(len(names))
    used = [m for m in range(len(names)) if weights[m] > 0]
    rest = {k: v for k, v in asdict(options).items() if k not in ("weights", "min_score", "max_boxes")}
    return EnsembleRecipe(
        members=tuple(names[m] for m in used),
        weights=tuple(float(weights[m]) for m in used),
        min_score=tuple(float(floors[m]) for m in used),
        **rest,
    )


def apply_recipe(
    recipe: EnsembleRecipe,
    members: Mapping[str, Predictions],
    allow_missing: bool = False,
    name: str = "ensemble",
) -> Predictions:
    """Make one set of predictions of the members a recipe names, as it says.

    The boxes should be cut at the borders of their images (``Predictions.clipped``), as they were in the search.

    Args:
        recipe: What was found.
        members: New predictions of the same models by name; others than the recipe's are left out.
        allow_missing: Members that are not there are left out and the weights of the others stand; a recipe of
            learned fusion cannot do without any, as its model knows only places seen by all.
        name: Of the result.

    Raises:
        DataError: A member is missing.
    """
    there = [member for member in recipe.members if member in members]
    missing = sorted(set(recipe.members) - set(there))
    if missing and not (allow_missing and there and recipe.method in CAN_DO_WITHOUT):
        raise DataError(_missing(recipe, missing, list(members), allow_missing))
    kept = recipe if not missing else without_members(recipe, missing)
    module, _, function = APPLIERS[kept.method].partition(":")
    apply: Apply = getattr(import_module(module), function)
    return apply(kept, [members[member] for member in kept.members]).named(name)


def _missing(recipe: EnsembleRecipe, missing: Sequence[str], given: Sequence[str], allowed: bool) -> str:
    came = (
        f"the recipe needs the members {', '.join(recipe.members)}, but {', '.join(missing)} "
        f"{'is' if len(missing) == 1 else 'are'} not among {', '.join(given) or 'none'}. Name a file with "
        "--member NAME=FILE"
    )
    if recipe.method not in CAN_DO_WITHOUT:
        return f"{came}; a {recipe.method} recipe cannot do without any."
    return f"{came}; one at least must be there." if allowed else f"{came}, or leave members out with --allow-missing."


def without_members(recipe: EnsembleRecipe, missing: Sequence[str]) -> EnsembleRecipe:
    """The recipe without some members; the weights of the others stand."""
    kept = [m for m, member in enumerate(recipe.members) if member not in missing]
    columns = {
        column: tuple(getattr(recipe, column)[m] for m in kept) for column in ("members", "weights", "min_score")
    }
    return recipe.model_copy(update=columns)


def apply_fusion(recipe: EnsembleRecipe, members: Sequence[Predictions]) -> Predictions:
    """Fuse as ``bunri.fuse`` does."""
    return fuse_with(members, recipe.options, "ensemble")


def write_recipe(recipe: EnsembleRecipe, path: str | PathLike[str]) -> None:
    """Write a recipe as JSON, whole or not at all."""
    write_json(Path(path), recipe.model_dump(mode="json"))


def read_recipe(path: str | PathLike[str]) -> EnsembleRecipe:
    """Read a recipe.

    Raises:
        DataError: The file cannot be read or is not JSON.
        ConfigError: It is not a recipe; the message has every mistake by key.
    """
    values: Any = read_json(Path(path), "the recipe of an ensemble")
    if not isinstance(values, dict):
        raise ConfigError(f"the recipe of an ensemble {path} must be a JSON object, but it is {type(values).__name__}")
    recipe = EnsembleRecipe.validated(values, str(path))
    try:
        _ = recipe.options  # the options of fusing are checked at the door too
    except UsageError as error:
        raise ConfigError(f"{path}: {error}") from error
    return recipe
