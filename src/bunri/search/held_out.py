"""Predictions of each fold by a recipe found without it, block of images by block, and what they are worth."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bunri.boxes import BoolArray, IntArray
from bunri.evaluate.kernels import Detections
from bunri.evaluate.matching import Matches, Objects, detections_of, match_blocks
from bunri.predictions import Predictions, concatenate
from bunri.search.recipe import EnsembleRecipe, apply_recipe
from bunri.search.task import MemberBlock, Task

NAME = "ensemble"


def held_out_blocks(task: Task, recipes: Sequence[EnsembleRecipe]) -> Iterator[MemberBlock]:
    """The members fused into one, each fold by its recipe."""
    for block in task.blocks():
        fold = task.fold[np.searchsorted(task.image_id, block.image_id)]
        parts = [_fused(block, fold == k, recipe) for k, recipe in enumerate(recipes) if np.any(fold == k)]
        yield MemberBlock(block.image_id, (concatenate(parts, NAME),))


def _fused(block: MemberBlock, held_out: BoolArray, recipe: EnsembleRecipe) -> Predictions:
    ids = block.image_id[held_out]
    return apply_recipe(recipe, {member.name: member.of_images(ids) for member in block.members})


@dataclass(frozen=True, eq=False)
class Judged:
    """One set of predictions, matched.

    Attributes:
        matches: On all images of a task.
        seen: ``(I,)`` which images were looked at.
        lowest_score: NaN without boxes.
    """

    matches: Matches
    seen: BoolArray
    lowest_score: float


def judged(blocks: Iterable[MemberBlock], objects: Objects) -> Judged:
    """Match the one set of predictions that comes in blocks."""
    seen, lowest = np.zeros(len(objects.image_id), np.bool_), [np.nan]

    def detections() -> Iterator[tuple[IntArray, Detections]]:
        for image_id, (predictions,) in blocks:
            seen[np.searchsorted(objects.image_id, predictions.seen_image_id)] = True
            lowest.append(float(predictions.score.min(initial=np.inf)))
            yield image_id, detections_of(predictions, objects.of_images(image_id))

    matches = match_blocks(detections(), objects)
    floor = min(lowest[1:], default=np.inf)
    return Judged(matches, seen, floor if np.isfinite(floor) else np.nan)
