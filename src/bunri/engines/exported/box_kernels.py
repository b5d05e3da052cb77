"""Compiled loop of non-maximum suppression."""

import numpy as np
from numpy.typing import NDArray

from bunri.compiled import compiled

Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int64]


@compiled
def suppressed(box: Float32Array, group: IntArray, iou: np.float32, at_most: int) -> IntArray:
    """Rows of boxes ``(N, 4)``, best first, that no better one of their group ``(N,)`` overlaps by more than ``iou``.

    Overlaps are computed in float32 as torchvision computes them, so that borderline cases fall alike.
    """
    kept = np.empty(min(at_most, len(box)), np.int64)
    count = 0
    for row in range(len(box)):
        if count == len(kept):
            break
        area = (box[row, 2] - box[row, 0]) * (box[row, 3] - box[row, 1])
        stays = True
        for place in range(count):
            other = kept[place]
            if group[other] != group[row]:
                continue
            width = min(box[row, 2], box[other, 2]) - max(box[row, 0], box[other, 0])
            height = min(box[row, 3], box[other, 3]) - max(box[row, 1], box[other, 1])
            if width <= 0 or height <= 0:
                continue
            shared = width * height
            theirs = (box[other, 2] - box[other, 0]) * (box[other, 3] - box[other, 1])
            if shared / (theirs + area - shared) > iou:
                stays = False
                break
        if stays:
            kept[count] = row
            count += 1
    return kept[:count]
