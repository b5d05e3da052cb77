"""The standard metrics block of images by block of images: what is kept of a box is its score and two bits a criterion.

Detections are matched within their image and class, so blocks change nothing; average precision then ranks the scores
of one class at a time. What is kept lies on disk where it is much, so that memory does not grow with the boxes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.evaluate.by_class import ColumnsByClass
from bunri.evaluate.coco_kernels import Criteria, Judged, Scratch, judge_detections, precision_curves
from bunri.evaluate.kernels import Detections, Truth
from bunri.evaluate.matching import Objects, detections_of, objects_of
from bunri.predictions import Predictions

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)

RECALLS = 101

AREAS = ((0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10))
"""Least and most area of what counts: all, and COCO's small, medium and large."""

CRITERIA = Criteria(IOU_THRESHOLDS, *(np.array(bounds) for bounds in zip(*AREAS, strict=True)))

PART = 2**17
"""Boxes judged in one go."""

Precision = NDArray[np.float64]
"""Precision ``(T, R, C, A)`` at 10 IoU thresholds, 101 recalls, C classes, 4 sizes (all first); -1 without truth."""


@dataclass(eq=False)
class Tally:
    """What is known of the blocks so far.

    Attributes:
        dataset: The truth.
        max_boxes: Most boxes of an image and class that count.
        images: How many images counted.
        lowest_score: Of the boxes that were met; infinite without.
    """

    dataset: Dataset
    max_boxes: int = 100
    images: int = 0
    lowest_score: float = np.inf
    _objects: Objects = field(init=False)
    _judged: ColumnsByClass = field(init=False)
    _found: IntArray = field(init=False)

    def __post_init__(self) -> None:
        classes = len(self.dataset.class_names)
        self._objects = objects_of(self.dataset, np.unique(self.dataset.images.id))
        self._judged, self._found = ColumnsByClass(classes, width=3), np.zeros((len(AREAS), classes), np.int64)

    def close(self) -> None:
        """Let the detections go."""
        self._judged.close()

    def add(self, predictions: Predictions, counted: IntArray) -> None:
        """Match the boxes on some images, given by sorted ids, that have not counted before."""
        objects = self._objects.of_images(counted)
        ignored = _ignored(objects)
        for a in range(len(AREAS)):
            self._found[a] += np.bincount(objects.key[~ignored[:, a]] % objects.classes, minlength=objects.classes)
        found = detections_of(predictions, objects)
        for part in _parts(found):
            judged = _judged(part, objects, ignored, self.max_boxes)
            self._judged.add(judged.class_index, np.stack([judged.score.view(np.int64), judged.true, judged.counted]))
        self.images += len(counted)
        self.lowest_score = min(self.lowest_score, float(found.score.min(initial=np.inf)))

    def precision(self) -> Precision:
        """Precision at every criterion and recall of every class, equal to pycocotools to 1e-9."""
        classes = len(self.dataset.class_names)
        result = np.full((classes, len(AREAS), len(IOU_THRESHOLDS), RECALLS), -1.0)
        for c in range(classes):
            score, true, counted = self._judged.of_class(c)
            _write_curves(score.view(np.float64), true, counted, self._found[:, c], result[c])
        return np.asarray(result.transpose(2, 3, 0, 1))


def _ignored(objects: Objects) -> BoolArray:
    """Which object is to be ignored among the objects of each size ``(N, A)``."""
    area = objects.area[:, None]
    return np.asarray((area < CRITERIA.least_area) | (area > CRITERIA.most_area) | objects.is_crowd[:, None])


def _parts(found: Detections) -> Iterator[Detections]:
    """Some runs after the other: what is written of them stays in the processor's cache."""
    bounds = np.searchsorted(np.cumsum(found.size), np.arange(0, int(found.size.sum()), PART)).tolist()
    for first, last in pairwise([*bounds, len(found.size)]):
        runs = slice(first, last)
        columns = found.image[runs], found.class_index[runs], found.place[runs], found.size[runs]
        yield Detections(*columns, found.score, found.box)


def _judged(found: Detections, objects: Objects, ignored: BoolArray, max_boxes: int) -> Judged:
    key = found.image * objects.classes + found.class_index
    low, high = (np.searchsorted(objects.key, key, side=side) for side in ("left", "right"))
    size = np.minimum(found.size, max_boxes)
    room = int(size.sum())
    judged = Judged(np.empty(room), *(np.empty(room, np.int64) for _ in range(3)))
    scratch = Scratch(np.empty(int((size * (high - low)).max(initial=0))), np.empty(int(size.max(initial=0))))
    truth = Truth(objects.box, objects.is_crowd, np.zeros(len(objects.key), np.bool_))
    judge_detections(truth, ignored, low, high, found, CRITERIA, max_boxes, scratch, judged)
    return judged


def falling_order(score: FloatArray) -> IntArray:
    """Rows ``(N,)`` of scores from the highest down, of equal ones the earlier first.

    numpy sorts by vector instructions where the order of equal ones is free; they are put right after it.
    """
    order = np.argsort(-score)
    ranked = score[order]
    is_new = ranked[1:] != ranked[:-1]
    if is_new.all():
        return order
    run = np.concatenate([[0], np.cumsum(is_new)])
    return np.asarray(np.sort(run * len(order) + order) % len(order))


def _write_curves(score: FloatArray, true: IntArray, counted: IntArray, objects: IntArray, result: FloatArray) -> None:
    """Precision ``(A, T, R)`` of a class with so many objects of each size; left as it is where there are none."""
    order = falling_order(score)
    true, counted = true[order], counted[order]  # once: as many as four sizes go through them
    overlaps = len(IOU_THRESHOLDS)
    for a in np.flatnonzero(objects).tolist():
        totals, running = np.empty((overlaps, objects[a] + 1), np.int32), np.zeros((2, overlaps), np.int32)
        result[a] = 0.0
        precision_curves(true, counted, a * overlaps, int(objects[a]), totals, running, result[a])
