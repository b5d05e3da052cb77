"""Features of a candidate from the other candidates of its image: rivals, parts, wholes and neighbours."""

import numpy as np

from bunri.boxes import FloatArray
from bunri.compiled import compiled, compiled_part
from bunri.learned.boxes_by_image import ImageBoxes, Overlap, area_of, overlap

RIVALS = (
    *("iou", "inside", "covers", "score", "count"),
    *("iou_other", "inside_other", "covers_other", "score_other", "count_other"),
    *("inside_count", "covers_count", "margin", "lower_iou", "lower_score", "lower_iou_other", "mass"),
)
"""Of higher candidates of the same class, then of other classes: highest IoU, highest share of this box in one, highest
share of one in this box, score of the one of the highest IoU, how many at IoU above .3. Of all higher ones: how many
hold this box, how many lie in it (above .9). The own score less the rival's, where it overlaps above .3. Of lower ones:
highest IoU with the same class and that one's score, highest IoU with another class. Sum of scores at IoU above .3."""

R_IOU, R_INSIDE, R_COVERS, R_SCORE, R_COUNT = range(5)
OTHER = 5
R_INSIDE_COUNT, R_COVERS_COUNT, R_MARGIN, R_LOWER_IOU, R_LOWER_SCORE, R_LOWER_IOU_OTHER, R_MASS = range(10, 17)

STRUCTURE = (
    *("parts", "part_score", "part_area", "part_mass", "whole_score", "whole_mass"),
    *("parts_other", "part_score_other", "part_area_other", "part_mass_other", "whole_score_other", "whole_mass_other"),
    *("loose_score", "loose_mass", "loose_score_other", "close_score", "close_mass", "close_score_other"),
    *("near_mass", "alike_score", "near_mass_other"),
)
"""Whatever their score: of parts (over .8 inside this box, under half its area) the number, best score, share of the
area weighted by score, and sum of scores; of wholes (this box is such a part of them) best score and sum; for the same
class, then for others. Candidates at IoU .2 to .5 (loose) and .5 to .9 (close). Of those apart: scores fading with the
distance in sizes of this box, and the best score times likeness of size."""

PARTS, PART_SCORE, PART_AREA, PART_MASS, WHOLE_SCORE, WHOLE_MASS = range(6)
LOOSE_SCORE, LOOSE_MASS, LOOSE_SCORE_OTHER, CLOSE_SCORE, CLOSE_MASS, CLOSE_SCORE_OTHER = range(12, 18)
NEAR_MASS, ALIKE_SCORE, NEAR_MASS_OTHER = range(18, 21)


@compiled
def relate(boxes: ImageBoxes, rivals: FloatArray, structure: FloatArray) -> None:
    """Relate every candidate to all others of its image.

    Args:
        boxes: The N candidates, by falling score within an image.
        rivals: ``(N, 17)`` zeros; columns ``RIVALS``.
        structure: ``(N, 21)`` zeros; columns ``STRUCTURE``.
    """
    for image in range(len(boxes.start) - 1):
        for i in range(boxes.start[image], boxes.start[image + 1]):
            for j in range(boxes.start[image], boxes.start[image + 1]):
                if i == j:
                    continue
                pair = overlap(boxes.box, i, boxes.box, j)
                same, score = boxes.class_index[i] == boxes.class_index[j], boxes.score[j]
                if pair.iou > 0.3:
                    rivals[i, R_MASS] += score
                if j < i:
                    _higher(rivals, i, pair, same, score)
                else:
                    _lower(rivals, i, pair, same, score)
                _containment(structure, i, pair, same, score, (_size(boxes.box, j) / _size(boxes.box, i)) ** 2)
                _vicinity(structure, i, pair.iou, same, score)
                if pair.iou < 0.2:
                    _distance(structure, boxes, i, j, same)
            rival = rivals[i, R_SCORE] if rivals[i, R_IOU] > 0.3 else 0.0
            rivals[i, R_MARGIN] = boxes.score[i] - rival


@compiled_part
def _higher(rivals: FloatArray, i: int, pair: Overlap, same: bool, score: float) -> None:
    first = 0 if same else OTHER
    if pair.iou > rivals[i, first + R_IOU]:
        rivals[i, first + R_IOU], rivals[i, first + R_SCORE] = pair.iou, score
    rivals[i, first + R_INSIDE] = max(rivals[i, first + R_INSIDE], pair.inside)
    rivals[i, first + R_COVERS] = max(rivals[i, first + R_COVERS], pair.covers)
    rivals[i, first + R_COUNT] += pair.iou > 0.3
    rivals[i, R_INSIDE_COUNT] += pair.inside > 0.9
    rivals[i, R_COVERS_COUNT] += pair.covers > 0.9


@compiled_part
def _lower(rivals: FloatArray, i: int, pair: Overlap, same: bool, score: float) -> None:
    if not same:
        rivals[i, R_LOWER_IOU_OTHER] = max(rivals[i, R_LOWER_IOU_OTHER], pair.iou)
    elif pair.iou > rivals[i, R_LOWER_IOU]:
        rivals[i, R_LOWER_IOU], rivals[i, R_LOWER_SCORE] = pair.iou, score


@compiled_part
def _containment(structure: FloatArray, i: int, pair: Overlap, same: bool, score: float, ratio: float) -> None:
    """``ratio`` is the area of the other box over that of box ``i``."""
    first = 0 if same else 6
    if pair.covers > 0.8 and ratio < 0.5:
        structure[i, first + PARTS] += 1
        structure[i, first + PART_SCORE] = max(structure[i, first + PART_SCORE], score)
        structure[i, first + PART_AREA] += score * ratio
        structure[i, first + PART_MASS] += score
    if pair.inside > 0.8 and ratio > 2:
        structure[i, first + WHOLE_SCORE] = max(structure[i, first + WHOLE_SCORE], score)
        structure[i, first + WHOLE_MASS] += score


@compiled_part
def _vicinity(structure: FloatArray, i: int, iou: float, same: bool, score: float) -> None:
    if iou <= 0.2 or iou > 0.9:
        return
    first = LOOSE_SCORE if iou <= 0.5 else CLOSE_SCORE
    column = first if same else first + 2
    structure[i, column] = max(structure[i, column], score)
    if same:
        structure[i, first + 1] += score


@compiled_part
def _distance(structure: FloatArray, boxes: ImageBoxes, i: int, j: int, same: bool) -> None:
    box, size = boxes.box, _size(boxes.box, i)
    x = (box[i, 0] + box[i, 2] - box[j, 0] - box[j, 2]) / 2
    y = (box[i, 1] + box[i, 3] - box[j, 1] - box[j, 3]) / 2
    fading = boxes.score[j] * np.exp(-np.sqrt(x * x + y * y) / size)
    structure[i, NEAR_MASS if same else NEAR_MASS_OTHER] += fading
    if same:
        ratio = size / _size(box, j)
        structure[i, ALIKE_SCORE] = max(structure[i, ALIKE_SCORE], boxes.score[j] * min(ratio, 1 / ratio))


@compiled_part
def _size(box: FloatArray, i: int) -> float:
    """Square root of the area; a box without area is a thousandth of a pixel, so that ratios are numbers."""
    return float(max(np.sqrt(area_of(box, i)), 1e-3))
