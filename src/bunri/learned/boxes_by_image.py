"""The layout of all kernels of learned fusion: boxes of one image together, by falling score."""

from typing import NamedTuple

import numpy as np

from bunri.boxes import FloatArray, IntArray
from bunri.compiled import compiled_part
from bunri.predictions import Predictions


class ImageBoxes(NamedTuple):
    """N boxes on I images; the boxes of image i are the rows ``start[i]`` to ``start[i + 1]``."""

    start: IntArray
    """``(I + 1,)``"""
    class_index: IntArray
    """``(N,)``"""
    score: FloatArray
    """``(N,)`` falling within an image."""
    box: FloatArray
    """``(N, 4)``"""

    @property
    def image(self) -> IntArray:
        """``(N,)`` rank of the image of each box."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))


def boxes_by_image(predictions: Predictions, image_id: IntArray) -> ImageBoxes:
    """The boxes that lie on some images, given by sorted ids; of equal scores the earlier row comes first."""
    kept = np.flatnonzero(np.isin(predictions.image_id, image_id))
    rank = np.searchsorted(image_id, predictions.image_id[kept])
    order = kept[np.lexsort((-predictions.score[kept], rank))]
    start = np.searchsorted(np.sort(rank), np.arange(len(image_id) + 1))
    return ImageBoxes(start, predictions.class_index[order], predictions.score[order], predictions.box_xyxy[order])


class Overlap(NamedTuple):
    """How box a and box b lie to each other."""

    iou: float
    inside: float
    """Share of a that lies in b."""
    covers: float
    """Share of b that lies in a."""


@compiled_part
def overlap(a: FloatArray, i: int, b: FloatArray, j: int) -> Overlap:
    """Of box ``i`` of ``a`` and box ``j`` of ``b``; boxes without area overlap nothing."""
    width = min(a[i, 2], b[j, 2]) - max(a[i, 0], b[j, 0])
    height = min(a[i, 3], b[j, 3]) - max(a[i, 1], b[j, 1])
    if width <= 0 or height <= 0:
        return Overlap(0.0, 0.0, 0.0)
    shared, area_a, area_b = width * height, area_of(a, i), area_of(b, j)
    return Overlap(shared / (area_a + area_b - shared), shared / area_a, shared / area_b)


@compiled_part
def area_of(box: FloatArray, i: int) -> float:
    """Area of box ``i``."""
    return float((box[i, 2] - box[i, 0]) * (box[i, 3] - box[i, 1]))
