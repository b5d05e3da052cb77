"""Predictions sorted once by image, class and falling score: the layout that matching and fusing work on."""

from dataclasses import dataclass

import numpy as np

from bunri.boxes import IntArray
from bunri.predictions import Predictions


@dataclass(frozen=True, eq=False)
class SortedBoxes:
    """Where N boxes stand in R runs; a run is the boxes of one image and class.

    Attributes:
        image: ``(R,)`` rank of the image among the sorted ids, not falling.
        class_index: ``(R,)`` rising within an image.
        start: ``(R + 1,)`` first row of each run, with N as the last.
        row: ``(N,)`` row of the predictions; scores fall within a run, of equal ones the earlier row comes first.
    """

    image: IntArray
    class_index: IntArray
    start: IntArray
    row: IntArray


def sorted_boxes(predictions: Predictions, image_id: IntArray) -> SortedBoxes:
    """Sort boxes whose images are all among the sorted ids ``image_id``."""
    from bunri.sorting_kernels import order_runs, place_by_key, ranks_of

    count, classes = len(predictions), int(predictions.class_index.max(initial=0)) + 1
    rank, rows, order, cell = (np.empty(count, np.int64) for _ in range(4))
    image_start, start = np.zeros(len(image_id) + 1, np.int64), np.empty(count + 1, np.int64)
    ranks_of(image_id, predictions.image_id, rank)
    place_by_key(rank, image_start, rows)
    tally = np.empty(classes + 1, np.int64)
    score = predictions.score.copy()  # numba compiles read-only columns apart from others
    runs = order_runs(predictions.class_index, score, image_start, rows, tally, order, cell, start)
    image, class_index = np.divmod(cell[:runs], classes)
    return SortedBoxes(image, class_index, start[: runs + 1], order)
