"""Detections matched to objects once, to be scored under any weighting of the images."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.evaluate.by_class import ColumnsByClass
from bunri.evaluate.kernels import (
    Detections,
    Outcomes,
    Ranking,
    Truth,
    average_precisions,
    count_objects,
    gaps_of_false,
    match_detections,
)
from bunri.predictions import Predictions
from bunri.sorted_boxes import sorted_boxes
from bunri.sorting_kernels import place_by_key

BLOCK = 64
"""Resamples scored in one go: their counts stay in the processor's cache."""

SCRATCH = 2**23
"""Counts kept of true positives and resamples scored in one go, where a class has very many."""


@dataclass(frozen=True, eq=False)
class Objects:
    """What is to be found of C classes on I images.

    Attributes:
        image_id: ``(I,)`` sorted ids of the images that count.
        key: ``(N,)`` image rank * C + class of each annotated box, rising; crowd regions last among equal keys.
        box: ``(N, 4)``
        area: ``(N,)`` as annotated.
        is_crowd: ``(N,)``
        classes: C.
    """

    image_id: IntArray
    key: IntArray
    box: FloatArray
    area: FloatArray
    is_crowd: BoolArray
    classes: int

    def counts(self, weights: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
        """Number of objects of each class ``(C, R)`` when images count ``weights`` ``(I, R)`` times; no crowds."""
        image, class_index = np.divmod(self.key[~self.is_crowd], self.classes)
        result = np.zeros((self.classes, weights.shape[1]), np.int32)
        count_objects(image, class_index, np.ascontiguousarray(weights, np.int16), result)
        return result

    def of_images(self, image_id: IntArray) -> "Objects":
        """The objects on some of the images, given by sorted ids."""
        if len(image_id) == len(self.image_id):
            return self
        ranks = np.searchsorted(self.image_id, image_id)
        first, last = (np.searchsorted(self.key, (ranks + k) * self.classes) for k in (0, 1))
        image = np.repeat(np.arange(len(ranks)), last - first)
        rows = np.arange(len(image)) + (first - np.cumsum(last - first) + (last - first))[image]
        key = image * self.classes + self.key[rows] % self.classes
        return Objects(image_id, key, self.box[rows], self.area[rows], self.is_crowd[rows], self.classes)


def objects_of(dataset: Dataset, image_id: IntArray) -> Objects:
    """The annotated boxes on some images, given by sorted ids."""
    classes = len(dataset.class_names)
    truth = dataset.annotations.take(np.flatnonzero(np.isin(dataset.annotations.image_id, image_id)))
    key = np.searchsorted(image_id, truth.image_id) * classes + truth.class_index
    order = np.lexsort((truth.is_crowd, key))
    return Objects(image_id, key[order], truth.box_xyxy[order], truth.area[order], truth.is_crowd[order], classes)


@dataclass(frozen=True, eq=False)
class Matches:
    """Detections of one member, matched at an IoU and ranked."""

    objects: Objects
    ranking: Ranking

    def average_precisions(self, weights: NDArray[np.integer[Any]]) -> FloatArray:
        """Average precision of each class ``(C, R)`` when images count ``weights`` ``(I, R)`` times.

        NaN where a class has no object on images that count.
        """
        most = int(np.diff(self.ranking.first).max(initial=0))
        step = min(max(SCRATCH // (most + 1), 1), BLOCK)
        parts = [self._average_precisions(weights[:, k : k + step], most) for k in range(0, weights.shape[1], step)]
        return np.concatenate([np.empty((self.objects.classes, 0)), *parts], axis=1)

    def _average_precisions(self, weights: NDArray[np.integer[Any]], most: int) -> FloatArray:
        part = np.ascontiguousarray(weights, np.int16)
        width = part.shape[1]
        true, total = (np.empty((most + 1, width), np.int32) for _ in range(2))
        result = np.empty((self.objects.classes, width))
        average_precisions(self.ranking, self.objects.counts(part), part, true, total, np.empty((2, width)), result)
        return result

    def mAP50(self, weights: NDArray[np.integer[Any]]) -> FloatArray:
        """Mean over the classes that have objects, ``(R,)``; NaN where none has."""
        return mean_of_defined(self.average_precisions(weights))


def mean_of_defined(values: FloatArray) -> FloatArray:
    """Mean over the first axis of what is not NaN; NaN where nothing is."""
    defined = ~np.isnan(values)
    count = defined.sum(axis=0)
    total = np.where(defined, values, 0.0).sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def match(predictions: Predictions, objects: Objects, max_boxes: int = 100, iou: float = 0.5) -> Matches:
    """Match the boxes that lie on the images of ``objects`` at an IoU; other boxes are left out."""
    return match_found(detections_of(predictions, objects), objects, max_boxes, iou)


def detections_of(predictions: Predictions, objects: Objects) -> Detections:
    """The boxes that lie on the images of ``objects``, in runs."""
    used = predictions.of_images(objects.image_id)
    boxes = sorted_boxes(used, objects.image_id)
    score, box = used.score[boxes.row], used.box_xyxy[boxes.row]
    return Detections(boxes.image, boxes.class_index, boxes.start, np.diff(boxes.start), score, box)


def match_found(found: Detections, objects: Objects, max_boxes: int = 100, iou: float = 0.5) -> Matches:
    """Match detections already in runs of one image and class."""
    outcomes, count, _ = _outcomes(found, objects, max_boxes, iou)
    return Matches(objects, _ranked(outcomes, count, objects.classes))


def match_blocks(
    blocks: Iterable[tuple[IntArray, Detections]], objects: Objects, max_boxes: int = 100, iou: float = 0.5
) -> Matches:
    """As :func:`match_found`, of detections that come block of images by block; the result is the same bit for bit.

    Of a detection its score, its image and whether it is true are kept, on disk where they are many.

    Args:
        blocks: Sorted ids of the images of a block, above those of the last, and the detections; images are ranked
            among these ids.
        objects: On all images.
        max_boxes: Most boxes of an image and class that count.
        iou: The threshold.

    Raises:
        OutputError: The folder of temporary files is full.
    """
    blocks = iter(blocks)
    first, second = next(blocks, None), next(blocks, None)
    if first is not None and second is None and np.array_equal(first[0], objects.image_id):
        return match_found(first[1], objects, max_boxes, iou)
    with closing(ColumnsByClass(objects.classes, width=2)) as kept:
        for image_id, found in chain(filter(None, (first, second)), blocks):
            outcomes, count, _ = _outcomes(found, objects.of_images(image_id), max_boxes, iou)
            image = np.searchsorted(objects.image_id, image_id)[outcomes.image[:count]]
            columns = [outcomes.score[:count].view(np.int64), 2 * image + outcomes.is_true[:count]]
            kept.add(outcomes.class_index[:count], np.stack(columns))
        return Matches(objects, _joined([_ranked(*_outcomes_of_class(kept, c), 1) for c in range(objects.classes)]))


def _outcomes_of_class(kept: ColumnsByClass, class_index: int) -> tuple[Outcomes, int]:
    score, image_and_truth = kept.of_class(class_index)
    is_true = (image_and_truth & 1).astype(np.bool_)
    image_and_truth >>= 1
    return Outcomes(score.view(np.float64), image_and_truth, np.zeros(len(score), np.int64), is_true), len(score)


def _joined(rankings: Sequence[Ranking]) -> Ranking:
    """Rankings of one class each as one of all."""
    false = np.cumsum([0, *(len(one.false_image) for one in rankings)])
    false_first = [one.false_first[:-1] + start for one, start in zip(rankings, false[:-1], strict=True)]
    return Ranking(
        first=np.cumsum([0, *(len(one.true_image) for one in rankings)]),
        true_image=np.concatenate([one.true_image for one in rankings]),
        false_first=np.concatenate([*false_first, false[-1:]]),
        false_image=np.concatenate([one.false_image for one in rankings]),
    )


def _outcomes(found: Detections, objects: Objects, max_boxes: int, iou: float = 0.5) -> tuple[Outcomes, int, BoolArray]:
    """What became of the detections, how many count, and which annotated boxes were found ``(N,)``."""
    key = found.image * objects.classes + found.class_index
    low, high = (np.searchsorted(objects.key, key, side=side) for side in ("left", "right"))
    taken = np.zeros(len(objects.key), np.bool_)
    room = int(np.minimum(found.size, max_boxes).sum())
    outcomes = Outcomes(np.empty(room), np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.bool_))
    truth = Truth(objects.box, objects.is_crowd, taken)
    count = match_detections(truth, low, high, found, iou, max_boxes, outcomes)
    return outcomes, count, taken


@dataclass(frozen=True, eq=False)
class FoundObjects:
    """Which objects a member finds with its scores from a threshold on.

    Attributes:
        found: ``(N,)`` of ``Objects``; a crowd region never is.
        min_score: The threshold.
    """

    found: BoolArray
    min_score: float


def found_at_best_f1(predictions: Predictions, objects: Objects, max_boxes: int = 100) -> FoundObjects:
    """The objects found with scores from the threshold on at which F1, over all classes, is highest.

    A threshold is needed, as with every box of every score nearly everything is found; this one is fair to members
    whose scores mean different things.
    """
    outcomes, count, _ = _outcomes(detections_of(predictions, objects), objects, max_boxes)
    if not count:
        return FoundObjects(np.zeros(len(objects.key), np.bool_), np.nan)
    order = np.argsort(-outcomes.score[:count], kind="stable")
    true = np.cumsum(outcomes.is_true[order])
    f1 = 2 * true / (np.arange(count) + 1 + np.count_nonzero(~objects.is_crowd))
    min_score = float(outcomes.score[order[np.argmax(f1)]])
    _, _, taken = _outcomes(detections_of(predictions.above(min_score), objects), objects, max_boxes)
    return FoundObjects(taken, min_score)


def _ranked(outcomes: Outcomes, count: int, classes: int) -> Ranking:
    """Of equal scores the detection of the earlier image comes first, of one image the earlier row."""
    trues = np.flatnonzero(outcomes.is_true[:count])
    trues = trues[np.lexsort((-outcomes.score[trues], outcomes.class_index[trues]))]
    first = np.searchsorted(outcomes.class_index[trues], np.arange(classes + 1))
    gap, rows = np.empty(count, np.int32), np.empty(count, np.int32)  # half the memory, where they are many
    start = np.zeros(len(trues) + 2, np.int64)
    gaps_of_false(outcomes, count, first, trues, outcomes.score[trues], gap)
    place_by_key(gap, start, rows)
    between = rows[: start[len(trues)]]
    true_image, false_image = (outcomes.image[rows].astype(np.int32) for rows in (trues, between))
    return Ranking(first, true_image, start[:-1], false_image)
