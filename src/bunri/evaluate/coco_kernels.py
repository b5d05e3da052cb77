"""Compiled loops of the standard metrics: COCO's matching at every IoU and size at once, and its precision curves."""

from typing import NamedTuple

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.compiled import compiled, compiled_part
from bunri.evaluate.kernels import Detections, Int32Array, Truth, levels_up_to, overlap

NEARLY_ONE = 1 - 1e-10
"""pycocotools' threshold where more is asked: overlaps are not exact."""


class Criteria(NamedTuple):
    """What a match must be: T overlaps, A sizes. Bit a * T + t of a number says yes or no for size a and overlap t."""

    iou: FloatArray
    """``(T,)`` rising."""
    least_area: FloatArray
    """``(A,)``"""
    most_area: FloatArray
    """``(A,)``"""


class Judged(NamedTuple):
    """What the detections that may count are worth, in the order of their runs."""

    score: FloatArray
    class_index: IntArray
    true: IntArray
    """``(N,)`` bits: it is a true positive."""
    counted: IntArray
    """``(N,)`` bits: it is a true or a false positive, and not to be ignored."""


class Scratch(NamedTuple):
    """Room for one run of at most D detections and G objects."""

    overlap: FloatArray
    """``(D * G,)``"""
    best: FloatArray
    """``(D,)``"""


@compiled
def judge_detections(
    truth: Truth,
    ignored: BoolArray,
    low: IntArray,
    high: IntArray,
    found: Detections,
    criteria: Criteria,
    max_boxes: int,
    scratch: Scratch,
    judged: Judged,
) -> None:
    """Match the detections of each run as pycocotools does, for every overlap and size apart.

    Args:
        truth: The objects.
        ignored: ``(N, A)`` which object does not count among which size: crowd regions, and what is larger or smaller.
        low: ``(R,)`` first object of the image and class of each run.
        high: ``(R,)`` the object after the last.
        found: The detections.
        criteria: Overlaps and sizes.
        max_boxes: Most detections of a run that count.
        scratch: Room.
        judged: Result.
    """
    count = 0
    for run in range(len(found.image)):
        first, last, place = low[run], high[run], found.place[run]
        boxes, best = min(found.size[run], max_boxes), 0.0
        for d in range(boxes):
            score, box = found.score[place + d], found.box
            judged.score[count + d], judged.class_index[count + d] = score, found.class_index[run]
            judged.true[count + d], judged.counted[count + d] = 0, _sizes_of(box, place + d, criteria)
            best = max(best, _overlaps_of(truth, first, last, box, place + d, d * (last - first), d, scratch))
        for t in range(len(criteria.iou)):
            if best >= min(criteria.iou[t], NEARLY_ONE):
                for a in range(len(criteria.least_area)):
                    _match_run(truth, ignored, first, last, boxes, a, t, criteria, scratch, count, judged)
        count += boxes


@compiled_part
def _sizes_of(box: FloatArray, row: int, criteria: Criteria) -> int:
    """The bits of the sizes the area of a box belongs to."""
    area, bits = (box[row, 2] - box[row, 0]) * (box[row, 3] - box[row, 1]), 0
    overlaps = len(criteria.iou)
    for a in range(len(criteria.least_area)):
        if criteria.least_area[a] <= area <= criteria.most_area[a]:
            bits |= ((1 << overlaps) - 1) << (a * overlaps)
    return bits


@compiled_part
def _overlaps_of(
    truth: Truth, first: int, last: int, box: FloatArray, row: int, place: int, d: int, scratch: Scratch
) -> float:
    """Write the overlaps of a detection with the objects of its run; return the largest."""
    largest = 0.0
    for k in range(first, last):
        value = overlap(truth, k, box, row)
        scratch.overlap[place + k - first] = value
        largest = max(largest, value)
    scratch.best[d] = largest
    return largest


@compiled_part
def _match_run(
    truth: Truth,
    ignored: BoolArray,
    first: int,
    last: int,
    boxes: int,
    a: int,
    t: int,
    criteria: Criteria,
    scratch: Scratch,
    count: int,
    judged: Judged,
) -> None:
    """Match one run at one overlap and size: objects that count first, those to be ignored where none will do."""
    bit, least = 1 << (a * len(criteria.iou) + t), min(criteria.iou[t], NEARLY_ONE)
    for k in range(first, last):
        truth.taken[k] = False
    for d in range(boxes):
        if scratch.best[d] < least:
            continue
        best, best_overlap = -1, least
        for ignoring in range(2):
            if best >= 0:
                break
            for k in range(first, last):
                value = scratch.overlap[d * (last - first) + k - first]
                free = truth.is_crowd[k] or not truth.taken[k]
                if ignored[k, a] == ignoring and free and value >= best_overlap:
                    best, best_overlap = k, value
        if best < 0:
            continue
        truth.taken[best] = True
        if ignored[best, a]:
            judged.counted[count + d] &= ~bit
        else:
            judged.counted[count + d] |= bit
            judged.true[count + d] |= bit


@compiled
def precision_curves(
    true: IntArray,
    counted: IntArray,
    shift: int,
    objects: int,
    totals: Int32Array,
    running: Int32Array,
    precision: FloatArray,
) -> None:
    """Precision at 101 recalls of one class and size, as pycocotools interpolates it.

    Args:
        true: ``(N,)`` bits of the detections by falling score.
        counted: ``(N,)`` bits of the same.
        shift: Of the first bit.
        objects: Number of objects, above 0.
        totals: ``(T, objects + 1)`` scratch: detections down to each true positive.
        running: ``(2, T)`` scratch, zeros: true positives and detections so far.
        precision: ``(T, 101)`` result; comes as zeros.
    """
    overlaps = len(precision)
    for row in range(len(true)):
        for t in range(overlaps):
            running[0, t] += (true[row] >> (shift + t)) & 1
            running[1, t] += (counted[row] >> (shift + t)) & 1
        if true[row] != 0:
            for t in range(overlaps):
                if (true[row] >> (shift + t)) & 1:
                    totals[t, running[0, t]] = running[1, t]
    for t in range(overlaps):
        best, level = 0.0, int(levels_up_to(running[0, t] / objects))
        for found in range(running[0, t], 0, -1):
            best = max(best, found / totals[t, found])
            below = int(levels_up_to((found - 1) / objects))
            for k in range(below, level):
                precision[t, k] = best
            level = below
        for k in range(level):
            precision[t, k] = best
