import numpy as np
import pytest

from builders import make_predictions, random_world
from bunri.boxes import FloatArray, iou_matrix
from bunri.compiled import compiled
from bunri.learned.boxes_by_image import Overlap, boxes_by_image, overlap

A = (0.0, 0.0, 10.0, 10.0)


@compiled
def overlap_of(a: FloatArray, i: int, b: FloatArray, j: int) -> Overlap:
    return overlap(a, i, b, j)


@pytest.mark.parametrize(
    ("other", "iou", "inside", "covers"),
    [
        (A, 1.0, 1.0, 1.0),
        ((5.0, 0.0, 15.0, 10.0), 1 / 3, 0.5, 0.5),
        ((0.0, 0.0, 5.0, 10.0), 0.5, 0.5, 1.0),  # the other is a part
        ((0.0, 0.0, 20.0, 10.0), 0.5, 1.0, 0.5),  # the other is the whole
        ((10.0, 0.0, 20.0, 10.0), 0.0, 0.0, 0.0),  # they touch
        ((3.0, 3.0, 3.0, 8.0), 0.0, 0.0, 0.0),  # no area
        ((30.0, 30.0, 40.0, 40.0), 0.0, 0.0, 0.0),
    ],
)
def test_overlap(other: tuple[float, float, float, float], iou: float, inside: float, covers: float) -> None:
    found = overlap_of(np.array([A]), 0, np.array([other]), 0)
    assert found == pytest.approx((iou, inside, covers))


def test_boxes_of_an_image_stand_together_by_falling_score() -> None:
    dataset, (member,) = random_world(images=8, members=1)
    boxes = boxes_by_image(member, dataset.images.id)
    assert len(boxes.score) == len(member) == boxes.start[-1]
    for image in range(8):
        own = boxes.score[boxes.start[image] : boxes.start[image + 1]]
        assert sorted(own, reverse=True) == own.tolist()
        assert sorted(own) == sorted(member.score[member.image_id == image + 1])
    np.testing.assert_array_equal(np.bincount(boxes.image, minlength=8), np.diff(boxes.start))


def test_of_equal_scores_the_earlier_row_comes_first_and_other_images_are_left_out() -> None:
    member = make_predictions([(7, 2, 0.5, A), (3, 1, 0.5, A), (7, 0, 0.5, A), (9, 0, 0.9, A)], seen=[3, 5, 7, 9])
    boxes = boxes_by_image(member, np.array([3, 5, 7]))
    assert boxes.start.tolist() == [0, 1, 1, 3]
    assert boxes.class_index.tolist() == [1, 2, 0]


def test_overlaps_are_those_of_the_matrix() -> None:
    dataset, (member,) = random_world(images=1, members=1, boxes_per_image=12)
    box = boxes_by_image(member, dataset.images.id).box
    matrix = iou_matrix(box, box)
    for i in range(len(box)):
        for j in range(len(box)):
            assert overlap_of(box, i, box, j).iou == pytest.approx(matrix[i, j])
