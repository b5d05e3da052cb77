"""What adding a member to an ensemble buys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bunri.dataset import Dataset
from bunri.evaluate import Comparison, compare
from bunri.evaluate.overlap import ErrorOverlap, error_overlap
from bunri.predictions import Predictions
from bunri.search.families import DEFAULT_FAMILIES, OnProgress
from bunri.search.nested import SearchResult, search
from bunri.search.task import capture_sessions


@dataclass(frozen=True, eq=False)
class Gain:
    """The best ensemble with one member more, against the best without it, both scored honestly.

    Attributes:
        added: Name of the member.
        without: The search without it.
        with_it: The search with it.
        comparison: Its difference is the gain, with a paired interval.
        overlap: Who finds what: the ensemble without the member (a) and the member alone (b).
    """

    added: str
    without: SearchResult
    with_it: SearchResult
    comparison: Comparison
    overlap: ErrorOverlap

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        difference = self.comparison.to_dict()
        kept = ("low", "high", "p_value", "verdict", "images", "images_to_decide", "resamples")
        return {
            "added": self.added,
            "gain": difference["difference"],
            **{name: difference[name] for name in kept},
            "mAP50_without": difference["mAP50_b"],
            "mAP50_with": difference["mAP50_a"],
            "recipe_without": str(self.without.recipe),
            "recipe_with": str(self.with_it.recipe),
            "overlap": self.overlap.to_dict(),
        }


def gain(
    predictions: Sequence[Predictions],
    added: Predictions,
    dataset: Dataset,
    folds: int = 5,
    seed: int = 0,
    groups: ArrayLike | None = None,
    families: Sequence[str] = DEFAULT_FAMILIES,
    time_budget: float | None = None,
    threads: int = 1,
    resamples: int = 1000,
    on_progress: OnProgress = lambda progress: None,
) -> Gain:
    """Measure what one member adds, on the images it looked at.

    Both searches have the same folds, so that the comparison is in pairs. Arguments are those of ``search``; the time
    budget is shared by the two.

    Raises:
        DataError: The member and the others have no image of the data set in common.
    """
    seen = np.unique(np.concatenate([member.seen_image_id for member in predictions]))
    common = np.intersect1d(np.intersect1d(seen, added.seen_image_id), dataset.images.id)
    labels = capture_sessions(dataset) if groups is None else np.asarray(groups)
    part = dataset.subset(common)
    rows = dataset.rows_of(common)
    labels = np.arange(len(common)) if labels is None else labels[rows]
    budget = None if time_budget is None else time_budget / 2
    both = [
        search(members, part, folds, seed, labels, families, budget, threads, resamples, on_progress)
        for members in (predictions, [*predictions, added])
    ]
    without, with_it = (result.out_of_fold for result in both)
    comparison = compare(with_it.named("with"), without.named("without"), part, resamples, min_score=0.0, groups=labels)
    overlap = error_overlap(without.named("ensemble"), added, part)
    return Gain(added.name, both[0], both[1], comparison, overlap)
