"""What a search found, and what that is worth."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from bunri.evaluate import Comparison
from bunri.evaluate.metrics import none_if_nan
from bunri.predictions import Predictions, concatenate
from bunri.search.families import Progress
from bunri.search.held_out import NAME
from bunri.search.recipe import EnsembleRecipe
from bunri.shown import Shown


@dataclass(frozen=True, eq=False)
class SearchResult(Shown):
    """What was found, and what it is worth on images it was not fitted on.

    Attributes:
        recipe: Found on all images; for use on new ones.
        score: Honest mAP50: every image was fused by a recipe found without its fold.
        low: Of the 95% interval of ``score``.
        high: Of the same.
        out_of_fold_blocks: Makes the predictions ``score`` is of, block of images by block.
        gain: ``out_of_fold`` against the best single member, in pairs. That member was chosen on the images it is
            scored on, so the gain is rather understated.
        family_scores: Honest mAP50 of each family of recipes.
        path: Every better candidate on the way, by family and fold; its scores flatter.
        images: Number of images.
        folds: Number of folds.
        groups: Number of groups of images that stayed together.
        lowest_scores: The floor each member came with, by name.
        seconds: It took.
        notes: Which families were left out, and why; whether the time budget cut the search short.
    """

    recipe: EnsembleRecipe
    score: float
    low: float
    high: float
    out_of_fold_blocks: Callable[[], Iterator[Predictions]]
    gain: Comparison
    family_scores: dict[str, float]
    path: tuple[Progress, ...]
    images: int
    folds: int
    groups: int
    lowest_scores: dict[str, float]
    seconds: float
    notes: tuple[str, ...] = ()

    @cached_property
    def out_of_fold(self) -> Predictions:
        """The predictions ``score`` is of, in memory."""
        blocks = list(self.out_of_fold_blocks())
        return blocks[0] if len(blocks) == 1 else concatenate(blocks, NAME)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the recipe without what a fitted method learned, which only its file has."""
        numbers = {name: none_if_nan(getattr(self, name)) for name in ("score", "low", "high", "seconds")}
        return {
            "recipe": self.recipe.model_dump(mode="json", exclude={"parameters"}),
            "mAP50": numbers.pop("score"),
            **numbers,
            "gain": self.gain.to_dict(),
            "family_scores": {name: none_if_nan(score) for name, score in self.family_scores.items()},
            "images": self.images,
            "folds": self.folds,
            "groups": self.groups,
            "lowest_scores": {name: none_if_nan(score) for name, score in self.lowest_scores.items()},
            "notes": list(self.notes),
            "path": [asdict(step) for step in self.path],
        }
