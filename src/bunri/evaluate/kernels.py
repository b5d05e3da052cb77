"""Compiled loops of scoring: COCO's greedy matching at one IoU, and average precision under weights on images."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.compiled import compiled, compiled_part

Int16Array = NDArray[np.int16]
Int32Array = NDArray[np.int32]


LEVELS, LEVEL = 101, 0.01
"""pycocotools' recall levels are ``numpy.linspace(0, 1, 101)``, which are these multiples to the last bit; rounded ones
would move AP50 by 1e-5."""


class Truth(NamedTuple):
    """Annotated boxes by image and class."""

    box: FloatArray
    """``(N, 4)``; crowd regions last among those of one image and class."""
    is_crowd: BoolArray
    """``(N,)``"""
    taken: BoolArray
    """``(N,)`` scratch, False: which object has its detection."""


class Detections(NamedTuple):
    """Detected boxes in R runs of one image and class."""

    image: IntArray
    """``(R,)`` rank of the image, not falling."""
    class_index: IntArray
    """``(R,)``"""
    place: IntArray
    """``(R,)`` or longer: first row of each run."""
    size: IntArray
    """``(R,)`` number of boxes in each run."""
    score: FloatArray
    """``(N,)`` falling within a run."""
    box: FloatArray
    """``(N, 4)``"""


class Outcomes(NamedTuple):
    """What became of the detections that count, in the order of their runs."""

    score: FloatArray
    image: IntArray
    class_index: IntArray
    is_true: BoolArray


class Ranking(NamedTuple):
    """True positives of all classes by falling score, and the false positives that stand between them."""

    first: IntArray
    """``(C + 1,)`` first true positive of each class."""
    true_image: Int32Array
    """``(T,)`` rank of the image of each true positive."""
    false_first: IntArray
    """``(T + 1,)`` first false positive that ranks above true positive t but below t - 1."""
    false_image: Int32Array
    """``(F,)`` their images. False positives below the last true positive of their class change nothing."""


@compiled
def match_detections(
    truth: Truth, low: IntArray, high: IntArray, found: Detections, iou: float, max_boxes: int, outcomes: Outcomes
) -> int:
    """Match as COCO does.

    From the highest score down a detection takes the free object it overlaps most (of equal overlaps the later one), if
    the IoU is at least ``iou``; a crowd region only when no object will do, and that as often as need be. Detections
    that match a crowd region, or come after the best ``max_boxes`` of their run, do not count.

    Args:
        truth: The objects.
        low: ``(R,)`` first object of the image and class of each run.
        high: ``(R,)`` the object after the last.
        found: The detections.
        iou: The threshold.
        max_boxes: Most detections of a run that count.
        outcomes: Result.

    Returns:
        How many detections count.
    """
    count = 0
    for run in range(len(found.image)):
        first, last, image, class_index = low[run], high[run], found.image[run], found.class_index[run]
        for row in range(found.place[run], found.place[run] + min(found.size[run], max_boxes)):
            best = _best_object(truth, first, last, found.box, row, iou) if first < last else -1
            if best >= 0:
                if truth.is_crowd[best]:
                    continue
                truth.taken[best] = True
            outcomes.score[count], outcomes.is_true[count] = found.score[row], best >= 0
            outcomes.image[count], outcomes.class_index[count] = image, class_index
            count += 1
    return count


@compiled_part
def _best_object(truth: Truth, low: int, high: int, box: FloatArray, row: int, iou: float) -> int:
    """The free object a box overlaps most, or -1."""
    best, best_iou = -1, min(iou, 1 - 1e-10)
    for k in range(low, high):
        if truth.is_crowd[k]:
            if best >= 0 and not truth.is_crowd[best]:
                break
        elif truth.taken[k]:
            continue
        value = overlap(truth, k, box, row)
        if value > 0 and value >= best_iou:
            best, best_iou = k, value
    return best


@compiled_part
def overlap(truth: Truth, k: int, box: FloatArray, row: int) -> float:
    """IoU with pycocotools' arithmetic (corner plus side); the area of a crowd region does not count."""
    x, y, width, height = box[row, 0], box[row, 1], box[row, 2] - box[row, 0], box[row, 3] - box[row, 1]
    true_x, true_y = truth.box[k, 0], truth.box[k, 1]
    true_width, true_height = truth.box[k, 2] - true_x, truth.box[k, 3] - true_y
    inter_width = min(x + width, true_x + true_width) - max(x, true_x)
    inter_height = min(y + height, true_y + true_height) - max(y, true_y)
    if inter_width <= 0 or inter_height <= 0:
        return 0.0
    inter = inter_width * inter_height
    union = width * height
    if not truth.is_crowd[k]:
        union += true_width * true_height - inter
    return float(inter / union)


@compiled
def gaps_of_false(
    outcomes: Outcomes, count: int, first: IntArray, trues: IntArray, true_score: FloatArray, gap: Int32Array
) -> None:
    """Write between which true positives each false positive stands; only true positives need be sorted.

    Args:
        outcomes: Of the detections.
        count: How many count.
        first: ``(C + 1,)`` first true positive of each class in ``trues``.
        trues: ``(T,)`` true positives by class, falling score and order of detections.
        true_score: ``(T,)`` their scores.
        gap: ``(count,)`` the first of ``trues`` that ranks below a false positive; T where there is none of its class,
            and for true positives.
    """
    for k in range(count):
        low, end, score = first[outcomes.class_index[k]], first[outcomes.class_index[k] + 1], outcomes.score[k]
        place = _first_below(true_score, low, end, score)
        while place > low and true_score[place - 1] == score and trues[place - 1] > k:
            place -= 1
        gap[k] = len(trues) if outcomes.is_true[k] or place == end else place


@compiled_part
def _first_below(falling: FloatArray, low: int, end: int, score: float) -> int:
    """Place of the first of ``falling[low:end]`` below a score, or ``end``; halved without branches."""
    place, length = low, end - low
    while length > 1:
        half = length // 2
        place += half * int(falling[place + half - 1] >= score)
        length -= half
    return place + 1 if length == 1 and falling[place] >= score else place


@compiled
def count_objects(image: IntArray, class_index: IntArray, weights: Int16Array, objects: Int32Array) -> None:
    """Add up how often the objects ``(N,)`` of each class count.

    Args:
        image: ``(N,)`` ranks of their images.
        class_index: ``(N,)``
        weights: ``(images, R)`` how often each image counts.
        objects: ``(C, R)`` result; comes as zeros.
    """
    for k in range(len(image)):
        for r in range(weights.shape[1]):
            objects[class_index[k], r] += weights[image[k], r]


@compiled
def average_precisions(
    ranking: Ranking,
    objects: Int32Array,
    weights: Int16Array,
    true: Int32Array,
    total: Int32Array,
    work: FloatArray,
    result: FloatArray,
) -> None:
    """Average precision of each class under R weightings of the images, NaN where no object counts.

    An image of weight k counts as k copies of it. Precision at recall r is the best precision at any recall from r on,
    sampled at the 101 recalls 0, 0.01, ..., 1 as pycocotools does.

    Args:
        ranking: Of the detections.
        objects: ``(C, R)`` weighted number of objects.
        weights: ``(images, R)`` how often each image counts.
        true: ``(T + 1, R)`` scratch, T the most true positives of a class.
        total: ``(T + 1, R)`` scratch.
        work: ``(2, R)`` scratch.
        result: ``(C, R)``
    """
    for r in range(weights.shape[1]):
        true[0, r], total[0, r] = 0, 0
    for c in range(len(ranking.first) - 1):
        count = ranking.first[c + 1] - ranking.first[c]
        _count_detections(ranking, ranking.first[c], count, weights, true, total)
        _interpolate(true, total, count, objects[c], work[0], work[1], result[c])


@compiled_part
def _count_detections(
    ranking: Ranking, first: int, count: int, weights: Int16Array, true: Int32Array, total: Int32Array
) -> None:
    """Weighted numbers of true positives and of all detections down to each of ``count`` true positives, from row 1."""
    width = weights.shape[1]
    for t in range(count):
        image = ranking.true_image[first + t]
        for r in range(width):
            true[t + 1, r] = weights[image, r] + true[t, r]
            total[t + 1, r] = weights[image, r] + total[t, r]
        for k in range(ranking.false_first[first + t], ranking.false_first[first + t + 1]):
            image = ranking.false_image[k]
            for r in range(width):
                total[t + 1, r] += weights[image, r]


@compiled_part
def _interpolate(
    true: Int32Array,
    total: Int32Array,
    count: int,
    objects: Int32Array,
    best: FloatArray,
    levels: FloatArray,
    result: FloatArray,
) -> None:
    """Mean over recall levels of the best precision at that recall or beyond, walking from the last detection up.

    All resamples take a step at a time, without branches: ``levels`` is how many levels lie at or below the recall the
    walk has come to, and ``best`` the best precision met.
    """
    width = len(result)
    for r in range(width):
        best[r], result[r] = 0.0, 0.0
        levels[r] = levels_up_to(true[count, r] / max(objects[r], 1))
    for t in range(count, 0, -1):
        for r in range(width):
            precision = true[t, r] / max(total[t, r], 1)
            best[r] = precision if precision > best[r] else best[r]
            below = levels_up_to(true[t - 1, r] / max(objects[r], 1))
            result[r] += best[r] * (levels[r] - below)
            levels[r] = below
    for r in range(width):
        result[r] = (result[r] + best[r] * levels[r]) / LEVELS if objects[r] > 0 else np.nan


@compiled_part
def levels_up_to(recall: float) -> float:
    """How many of the levels k * 0.01, as rounded in floating point, lie at or below a recall."""
    k = np.floor(recall * 100)
    k = k + 1 if (k + 1) * LEVEL <= recall else k
    return float(k if k * LEVEL > recall else k + 1)
