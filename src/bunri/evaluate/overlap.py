"""Error overlap: which objects two members find, and which only one of them does."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bunri.boxes import BoolArray
from bunri.dataset import Dataset
from bunri.evaluate.counted import counted_images
from bunri.evaluate.metrics import SIZES
from bunri.predictions import Predictions

SIZE_BOUNDS = (32.0**2, 96.0**2)
"""COCO's: small below the first area, large from the second on."""


@dataclass(frozen=True)
class Overlap:
    """Numbers of objects."""

    both: int
    only_a: int
    only_b: int
    neither: int


@dataclass(frozen=True)
class ErrorOverlap:
    """Who finds what, each member with its scores from the threshold of its best F1 on.

    Attributes:
        a: Name of the first member.
        b: Name of the second.
        min_score_a: Threshold of the first.
        min_score_b: Threshold of the second.
        images: Number of common images.
        total: Over all objects.
        by_class: By class name.
        by_size: By ``small``, ``medium``, ``large``.
    """

    a: str
    b: str
    min_score_a: float
    min_score_b: float
    images: int
    total: Overlap
    by_class: Mapping[str, Overlap]
    by_size: Mapping[str, Overlap]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def error_overlap(a: Predictions, b: Predictions, dataset: Dataset) -> ErrorOverlap:
    """Count the objects found at IoU 0.5 by both, one or none of two members, on the images both looked at.

    Raises:
        DataError: The two have no image of the data set in common.
    """
    from bunri.evaluate.matching import found_at_best_f1, objects_of

    counted = counted_images([a, b], dataset)
    objects = objects_of(dataset, counted)
    found_a, found_b = (found_at_best_f1(member, objects) for member in (a, b))
    real, class_index = ~objects.is_crowd, objects.key % objects.classes
    size = np.searchsorted(SIZE_BOUNDS, objects.area, side="right")

    def count(rows: BoolArray) -> Overlap:
        return _count(found_a.found[rows & real], found_b.found[rows & real])

    return ErrorOverlap(
        a=a.name,
        b=b.name,
        min_score_a=found_a.min_score,
        min_score_b=found_b.min_score,
        images=len(counted),
        total=count(real),
        by_class={name: count(class_index == c) for c, name in enumerate(dataset.class_names)},
        by_size={name: count(size == k) for k, name in enumerate(SIZES)},
    )


def _count(a: BoolArray, b: BoolArray) -> Overlap:
    pairs = (a & b, a & ~b, ~a & b, ~a & ~b)
    return Overlap(*(int(np.count_nonzero(pair)) for pair in pairs))
