"""Rivals and structure: rare shapes by hand, the rest against a slow, obvious twin."""

import numpy as np
import pytest

from bunri.boxes import FloatArray, area, iou_matrix
from bunri.learned.boxes_by_image import ImageBoxes
from bunri.learned.relations import RIVALS, STRUCTURE, relate
from learned_worlds import boxes_of

Rows = list[tuple[int, float, tuple[float, float, float, float]]]


def related(boxes: ImageBoxes) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    rivals, structure = np.zeros((len(boxes.score), len(RIVALS))), np.zeros((len(boxes.score), len(STRUCTURE)))
    relate(boxes, rivals, structure)
    named = [
        [dict(zip(names, row, strict=True)) for row in values.tolist()]
        for names, values in ((RIVALS, rivals), (STRUCTURE, structure))
    ]
    return named[0], named[1]


def one_image(rows: Rows) -> ImageBoxes:
    """Boxes given as (class, score, xyxy), by falling score."""
    classes, scores, boxes = zip(*rows, strict=True)
    return ImageBoxes(np.array([0, len(rows)]), np.array(classes), np.array(scores), np.array(boxes))


def test_a_lower_box_knows_its_rival_and_the_higher_one_knows_it_has_none() -> None:
    (high, low), _ = related(one_image([(0, 0.9, (0, 0, 10, 10)), (0, 0.4, (0, 0, 10, 8))]))
    assert (low["iou"], low["score"], low["count"]) == (0.8, 0.9, 1)
    assert low["margin"] == pytest.approx(-0.5)
    assert (low["inside"], low["covers"]) == (1.0, 0.8)
    assert low["inside_count"] == 1
    assert (high["iou"], high["count"], high["margin"]) == (0, 0, 0.9)
    assert (high["lower_iou"], high["lower_score"]) == (0.8, 0.4)
    assert (high["mass"], low["mass"]) == (0.4, 0.9)


def test_another_class_on_the_same_place_is_another_kind_of_rival() -> None:
    (high, low), _ = related(one_image([(0, 0.9, (0, 0, 10, 10)), (1, 0.4, (0, 0, 10, 10))]))
    assert (low["iou"], low["iou_other"], low["score_other"], low["count_other"]) == (0, 1, 0.9, 1)
    assert low["margin"] == 0.4
    assert (high["lower_iou"], high["lower_iou_other"]) == (0, 1)


def test_a_whole_knows_its_parts_and_parts_their_whole() -> None:
    _, (whole, part, other) = related(
        one_image([(0, 0.9, (0, 0, 20, 10)), (0, 0.5, (0, 0, 5, 10)), (1, 0.25, (10, 0, 15, 10))])
    )
    assert (whole["parts"], whole["part_score"], whole["part_mass"]) == (1, 0.5, 0.5)
    assert whole["part_area"] == pytest.approx(0.5 * 0.25)
    assert (whole["parts_other"], whole["part_score_other"]) == (1, 0.25)
    assert (part["whole_score"], part["whole_mass"], part["whole_score_other"]) == (0.9, 0.9, 0)
    assert (other["whole_score"], other["whole_score_other"]) == (0, 0.9)


def test_neighbours_fade_with_distance_and_likeness_counts() -> None:
    _, (a, b) = related(one_image([(0, 0.8, (0, 0, 10, 10)), (0, 0.4, (20, 0, 30, 10))]))
    assert a["near_mass"] == pytest.approx(0.4 * np.exp(-2))
    assert b["near_mass"] == pytest.approx(0.8 * np.exp(-2))
    assert (a["alike_score"], b["alike_score"]) == pytest.approx((0.4, 0.8))
    assert a["near_mass_other"] == 0


def twin(boxes: ImageBoxes, i: int) -> dict[str, float]:
    """Some of the numbers of box ``i``, over all others of its image."""
    others = np.array([j for j in np.flatnonzero(boxes.image == boxes.image[i]) if j != i])
    iou = iou_matrix(boxes.box[i][None], boxes.box[others])[0]
    same, higher = boxes.class_index[others] == boxes.class_index[i], others < i
    score = boxes.score[others]
    inside = shared_area(boxes.box[i], boxes.box[others]) / area(boxes.box[i][None])
    loose, close = (iou > 0.2) & (iou <= 0.5), (iou > 0.5) & (iou <= 0.9)

    def most(values: FloatArray, where: FloatArray) -> float:
        return float(values[where].max(initial=0.0))

    return {
        "iou": most(iou, same & higher),
        "iou_other": most(iou, ~same & higher),
        "inside": most(inside, same & higher),
        "inside_other": most(inside, ~same & higher),
        "count": float((same & higher & (iou > 0.3)).sum()),
        "mass": float(score[iou > 0.3].sum()),
        "lower_iou": most(iou, same & ~higher),
        "loose_score": most(score, same & loose),
        "loose_score_other": most(score, ~same & loose),
        "close_score": most(score, same & close),
        "close_mass": float(score[same & close].sum()),
    }


def shared_area(box: FloatArray, others: FloatArray) -> FloatArray:
    return area(np.column_stack([np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])]))


@pytest.mark.parametrize("seed", range(3))
def test_relations_are_those_of_the_twin(seed: int) -> None:
    boxes = boxes_of(seed, images=5)
    rivals, structure = related(boxes)
    for i in range(len(boxes.score)):
        expected = twin(boxes, i)
        found = {name: (rivals[i] | structure[i])[name] for name in expected}
        assert found == pytest.approx(expected)


def test_boxes_without_area_have_neighbours_and_nothing_breaks() -> None:
    rivals, structure = related(one_image([(0, 0.8, (0, 0, 10, 10)), (0, 0.4, (5, 5, 5, 5))]))
    for rows in (rivals, structure):
        assert np.isfinite([list(row.values()) for row in rows]).all()
