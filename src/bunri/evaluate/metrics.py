"""The standard COCO metrics of predictions, as pycocotools computes them."""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.evaluate.counted import check_classes, check_floor, common_images, counted_images, no_image_counts
from bunri.evaluate.judging import Precision, Tally
from bunri.predictions import Predictions
from bunri.shown import Shown

SIZES = ("small", "medium", "large")
"""COCO's sizes by annotated area: below 32², below 96², and above."""


@dataclass(frozen=True)
class Evaluation(Shown):
    """Metrics of one set of predictions on a 0-1 scale; NaN where there is no truth to find.

    Attributes:
        mAP50: Mean over classes of the average precision at IoU 0.5.
        mAP50_95: The same over IoU 0.5, 0.55, ..., 0.95.
        AP50: Average precision at IoU 0.5 by class name.
        AP50_95: The same over IoU 0.5 to 0.95.
        mAP50_by_size: mAP50 of ``small``, ``medium`` and ``large`` objects.
        mAP50_95_by_size: The same over IoU 0.5 to 0.95.
        min_score: The floor that was asked for: boxes below it did not count.
        lowest_score: The smallest score that was met, NaN without boxes. A model cut at a higher floor than
            another is at a disadvantage: low-scored boxes only ever raise mAP.
        max_boxes: At most so many boxes of an image and class counted, the best ones.
        images: Number of images that counted.
        images_not_seen: Number of images of the data set the model did not look at.
    """

    mAP50: float
    mAP50_95: float
    AP50: Mapping[str, float]
    AP50_95: Mapping[str, float]
    mAP50_by_size: Mapping[str, float]
    mAP50_95_by_size: Mapping[str, float]
    min_score: float
    lowest_score: float
    max_boxes: int
    images: int
    images_not_seen: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; NaN becomes None."""
        return dict(self._items())

    def _items(self) -> Iterator[tuple[str, Any]]:
        yield from (("mAP50", none_if_nan(self.mAP50)), ("mAP50_95", none_if_nan(self.mAP50_95)))
        for name in ("AP50", "AP50_95"):
            yield name, {label: none_if_nan(value) for label, value in getattr(self, name).items()}
        for name in ("mAP50", "mAP50_95"):
            yield from ((f"{name}_{size}", none_if_nan(getattr(self, f"{name}_by_size")[size])) for size in SIZES)
        for name in ("min_score", "lowest_score", "max_boxes", "images", "images_not_seen"):
            yield name, none_if_nan(getattr(self, name))


def none_if_nan(value: float) -> float | None:
    """The value, or None where it is not a number."""
    return None if math.isnan(value) else value


def evaluate(predictions: Predictions, dataset: Dataset, min_score: float = 0.0, max_boxes: int = 100) -> Evaluation:
    """Score predictions against annotations, equal to pycocotools to 1e-9.

    Only the images of the data set that the model looked at count. Crowd regions are ignored as COCO does. A class
    without an annotated box is NaN and left out of the means. An annotation may have any id, also 0.

    Args:
        predictions: Boxes in pixels.
        dataset: The truth.
        min_score: Boxes below this score do not count.
        max_boxes: COCO's maxDets, for each image and class.

    Raises:
        DataError: No image counts, or a class is not one of the data set.
        UsageError: The floor is outside of [0, 1].
    """
    return evaluate_blocks([predictions], dataset, min_score, max_boxes)


def evaluate_blocks(
    blocks: Iterable[Predictions], dataset: Dataset, min_score: float = 0.0, max_boxes: int = 100
) -> Evaluation:
    """As :func:`evaluate`, of predictions that come block of images by block, by rising image id; memory stays flat.

    Raises:
        DataError: No image counts, a class is not one of the data set, or a block begins before the last one ends.
        UsageError: The floor is outside of [0, 1].
    """
    check_floor(min_score)
    with closing(Tally(dataset, max_boxes)) as tally:
        _count(blocks, tally, min_score)
        precision = tally.precision()
    names = dataset.class_names
    return Evaluation(
        mAP50=_mean(precision[0, :, :, 0]),
        mAP50_95=_mean(precision[..., 0]),
        AP50={name: _mean(precision[0, :, c, 0]) for c, name in enumerate(names)},
        AP50_95={name: _mean(precision[:, :, c, 0]) for c, name in enumerate(names)},
        mAP50_by_size={size: _mean(precision[0, :, :, a + 1]) for a, size in enumerate(SIZES)},
        mAP50_95_by_size={size: _mean(precision[..., a + 1]) for a, size in enumerate(SIZES)},
        min_score=min_score,
        lowest_score=tally.lowest_score if math.isfinite(tally.lowest_score) else math.nan,
        max_boxes=max_boxes,
        images=tally.images,
        images_not_seen=len(dataset) - tally.images,
    )


def _count(blocks: Iterable[Predictions], tally: Tally, min_score: float) -> None:
    names, last = set[str](), None
    for block in blocks:
        check_classes(block, tally.dataset)
        names.add(block.name)
        if not len(block.seen_image_id):
            continue
        if last is not None and block.seen_image_id[0] <= last:
            raise DataError(f"blocks must come by rising image id, but {block.seen_image_id[0]} comes after {last}")
        last = block.seen_image_id[-1]
        tally.add(block.above(min_score), common_images([block], tally.dataset))
    if not tally.images:
        raise no_image_counts(sorted(names))


def precision_at_recall(predictions: Predictions, dataset: Dataset, max_boxes: int = 100) -> Precision:
    """Precision ``(101, C)`` at recalls 0, 0.01, ..., 1 and IoU 0.5, as pycocotools interpolates it; -1 without truth.

    Raises:
        DataError: As :func:`evaluate`.
    """
    with closing(Tally(dataset, max_boxes)) as tally:
        tally.add(predictions, counted_images([predictions], dataset))
        return tally.precision()[0, :, :, 0]


def _mean(precision: Precision) -> float:
    defined = precision[precision > -1]
    return float(defined.mean()) if len(defined) else math.nan
