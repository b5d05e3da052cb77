"""Which candidates are true, as the evaluator would say."""

import numpy as np

from bunri.boxes import BoolArray, FloatArray, IntArray, area
from bunri.compiled import compiled
from bunri.dataset import Dataset
from bunri.evaluate.matching import Objects, objects_of
from bunri.learned.boxes_by_image import ImageBoxes, overlap

MATCH_IOU = 0.5


def true_candidates(boxes: ImageBoxes, image_id: IntArray, dataset: Dataset) -> tuple[BoolArray, BoolArray]:
    """Match candidates to objects greedily by falling score at IoU 0.5, as the metric does.

    Args:
        boxes: N candidates.
        image_id: ``(I,)`` sorted ids of their images.
        dataset: The truth.

    Returns:
        ``(N,)`` which are true, and ``(N,)`` which lie on a crowd region and so are neither true nor false.
    """
    classes = len(dataset.class_names)
    objects = objects_of(dataset, image_id)
    key = boxes.image * classes + boxes.class_index
    order = np.argsort(key, kind="stable")
    is_true = np.empty(len(key), np.bool_)
    is_true[order] = _matched(boxes, order, key[order], _without_crowds(objects))
    return is_true, _on_crowds(boxes, key, objects) & ~is_true


def on_objects(boxes: ImageBoxes, image_id: IntArray, dataset: Dataset) -> BoolArray:
    """Which candidates ``(N,)`` lie on an object of any class, at IoU 0.5 or more; arguments as above."""
    objects = _without_crowds(objects_of(dataset, image_id))
    start = np.searchsorted(objects.key // objects.classes, np.arange(len(image_id) + 1))
    result = np.zeros(len(boxes.score), np.bool_)
    mark_overlapping(boxes.start, boxes.box, start, objects.box, MATCH_IOU, result)
    return result


def _without_crowds(objects: Objects) -> Objects:
    real = ~objects.is_crowd
    crowd = objects.is_crowd[real]
    return Objects(objects.image_id, objects.key[real], objects.box[real], objects.area[real], crowd, objects.classes)


def _matched(boxes: ImageBoxes, order: IntArray, key: IntArray, objects: Objects) -> BoolArray:
    """Of the candidates in ``order``, which is by the rising ``key`` of their image and class."""
    from bunri.evaluate.kernels import Detections, Outcomes, Truth, match_detections

    run, start, size = np.unique(key, return_index=True, return_counts=True)
    image, class_index = np.divmod(run, objects.classes)
    found = Detections(image, class_index, start, size, boxes.score[order], boxes.box[order])
    low, high = (np.searchsorted(objects.key, run, side=side) for side in ("left", "right"))
    truth = Truth(objects.box, objects.is_crowd, np.zeros(len(objects.key), np.bool_))
    room = len(order)
    outcomes = Outcomes(np.empty(room), np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.bool_))
    match_detections(truth, low, high, found, MATCH_IOU, room, outcomes)
    return outcomes.is_true


def _on_crowds(boxes: ImageBoxes, key: IntArray, objects: Objects) -> BoolArray:
    """Which candidates lie by half or more in a crowd region of their class."""
    result = np.zeros(len(key), np.bool_)
    for crowd in np.flatnonzero(objects.is_crowd):
        rows = np.flatnonzero(key == objects.key[crowd])
        box = boxes.box[rows]
        shared = np.column_stack(
            [np.maximum(box[:, :2], objects.box[crowd, :2]), np.minimum(box[:, 2:], objects.box[crowd, 2:])]
        )
        result[rows] |= area(shared) >= MATCH_IOU * area(box)
    return result


@compiled
def mark_overlapping(
    start: IntArray, box: FloatArray, other_start: IntArray, other: FloatArray, least: float, result: BoolArray
) -> None:
    """Mark the boxes that have an IoU of ``least`` or more with one of the others on their image.

    Args:
        start: ``(I + 1,)`` the boxes of image i are the rows ``start[i]`` to ``start[i + 1]``.
        box: ``(N, 4)``
        other_start: ``(I + 1,)`` the same of the others.
        other: ``(M, 4)``
        least: IoU.
        result: ``(N,)`` false; the result.
    """
    for image in range(len(start) - 1):
        for i in range(start[image], start[image + 1]):
            for j in range(other_start[image], other_start[image + 1]):
                if overlap(box, i, other, j).iou >= least:
                    result[i] = True
