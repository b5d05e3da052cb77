"""Features of a candidate from the boxes of the members: who saw it, how surely, and as what."""

import numpy as np

from bunri.boxes import FloatArray
from bunri.compiled import compiled, compiled_part
from bunri.learned.boxes_by_image import ImageBoxes, overlap

VOTES = ("best_30", "best_50", "best_75", "best_90", "score_times_iou", "iou", "count", "other_class")
"""Of the boxes of one member. Same class: the best score at IoU above .3, .5, .75, .9; the best score times IoU; the
highest IoU; the number at IoU above .5. Other classes: the best score at IoU above .5."""

BEST_30, BEST_50, BEST_75, BEST_90, SCORE_TIMES_IOU, IOU, COUNT, OTHER_CLASS = range(len(VOTES))


@compiled
def count_votes(candidates: ImageBoxes, member: ImageBoxes, votes: FloatArray, place: FloatArray) -> None:
    """Look at each candidate with the eyes of one member.

    Args:
        candidates: N boxes.
        member: Boxes on the same images.
        votes: ``(N, 8)`` zeros; the result, columns ``VOTES``.
        place: ``(N, C)`` zeros; the best score of each class at IoU above .5.
    """
    for image in range(len(candidates.start) - 1):
        for i in range(candidates.start[image], candidates.start[image + 1]):
            for j in range(member.start[image], member.start[image + 1]):
                iou = overlap(candidates.box, i, member.box, j).iou
                if iou <= 0.3:
                    continue
                if member.class_index[j] == candidates.class_index[i]:
                    _vote(votes, i, iou, member.score[j])
                elif iou > 0.5:
                    votes[i, OTHER_CLASS] = max(votes[i, OTHER_CLASS], member.score[j])
                if iou > 0.5:
                    c = member.class_index[j]
                    place[i, c] = max(place[i, c], member.score[j])


@compiled_part
def _vote(votes: FloatArray, i: int, iou: float, score: float) -> None:
    votes[i, BEST_30] = max(votes[i, BEST_30], score)
    votes[i, SCORE_TIMES_IOU] = max(votes[i, SCORE_TIMES_IOU], score * iou)
    votes[i, IOU] = max(votes[i, IOU], iou)
    if iou > 0.5:
        votes[i, COUNT] += 1
        votes[i, BEST_50] = max(votes[i, BEST_50], score)
    if iou > 0.75:
        votes[i, BEST_75] = max(votes[i, BEST_75], score)
    if iou > 0.9:
        votes[i, BEST_90] = max(votes[i, BEST_90], score)


SPREAD = (
    *("x_min", "y_min", "x_max", "y_max"),
    *("x_min_any", "y_min_any", "x_max_any", "y_max_any"),
    *("deviation", "weight", "weight_any", "weight_share", "own_90", "other_90", "count_90", "margin_90"),
)
"""Of the boxes of the sources at IoU of at least .3, weighted by score * IoU^2, in widths and heights of the candidate:
mean offset of each side, of the same class and of any class; standard deviation of the sides of the same class;
weights. At IoU above .9, which is the same box of a detector that names several classes: best score of the own and of
another class, how many, and the difference."""

DEVIATION, WEIGHT, WEIGHT_ANY, WEIGHT_SHARE, OWN_90, OTHER_90, COUNT_90, MARGIN_90 = range(8, len(SPREAD))


@compiled
def measure_spread(candidates: ImageBoxes, boxes: ImageBoxes, result: FloatArray) -> None:
    """Measure how far the members agree on the sides and the class of each candidate.

    Args:
        candidates: N boxes.
        boxes: Of the sources, on the same images.
        result: ``(N, 16)`` zeros; columns ``SPREAD``.
    """
    squares = np.zeros(4)
    for image in range(len(candidates.start) - 1):
        for i in range(candidates.start[image], candidates.start[image + 1]):
            squares[:] = 0.0
            for j in range(boxes.start[image], boxes.start[image + 1]):
                iou = overlap(candidates.box, i, boxes.box, j).iou
                if iou >= 0.3:
                    _add_sides(candidates, i, boxes, j, iou, squares, result)
                if iou > 0.9:
                    column = OWN_90 if boxes.class_index[j] == candidates.class_index[i] else OTHER_90
                    result[i, column] = max(result[i, column], boxes.score[j])
                    result[i, COUNT_90] += 1
            _finish(result, i, squares)


@compiled_part
def _add_sides(
    candidates: ImageBoxes, i: int, boxes: ImageBoxes, j: int, iou: float, squares: FloatArray, result: FloatArray
) -> None:
    weight = boxes.score[j] * iou * iou
    same = boxes.class_index[j] == candidates.class_index[i]
    result[i, WEIGHT_ANY] += weight
    if same:
        result[i, WEIGHT] += weight
    for side in range(4):
        length = max(candidates.box[i, 2 + side % 2] - candidates.box[i, side % 2], 1e-9)
        offset = (boxes.box[j, side] - candidates.box[i, side]) / length
        result[i, 4 + side] += weight * offset
        if same:
            result[i, side] += weight * offset
            squares[side] += weight * offset * offset


@compiled_part
def _finish(result: FloatArray, i: int, squares: FloatArray) -> None:
    """Sums become means; the variance of the sides is the mean square less the squared mean."""
    weight, weight_any, variance = max(result[i, WEIGHT], 1e-9), max(result[i, WEIGHT_ANY], 1e-9), 0.0
    for side in range(4):
        result[i, side] /= weight
        result[i, 4 + side] /= weight_any
        variance += max(squares[side] / weight - result[i, side] ** 2, 0.0)
    result[i, DEVIATION] = np.sqrt(variance)
    result[i, WEIGHT_SHARE] = result[i, WEIGHT] / weight_any
    result[i, MARGIN_90] = result[i, OWN_90] - result[i, OTHER_90]
