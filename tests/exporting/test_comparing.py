import numpy as np
import pytest

from bunri.exporting.proving import boxes_again
from bunri.predictions import Predictions

BOX = (10.0, 20.0, 110.0, 70.0)


def one(box: tuple[float, ...] = BOX, score: float = 0.5, class_index: int = 1, image_id: int = 3) -> Predictions:
    return Predictions(np.array([image_id]), np.array([class_index]), np.array([score]), np.array([box]))


@pytest.mark.parametrize(
    ("found", "again"),
    [
        (one(), 1),
        (one(score=0.509), 1),
        (one(score=0.52), 0),
        (one(class_index=0), 0),
        (one(image_id=4), 0),
        (one((10, 20, 111, 70.5)), 1),  # 0.980 of the union
        (one((10, 20, 114, 70)), 0),
    ],
)
def test_a_box_is_there_again_at_its_place_with_its_class_and_score(found: Predictions, again: int) -> None:
    assert boxes_again(one(), found) == (again, 1)


def test_a_box_without_area_is_known_by_its_place() -> None:
    """It overlaps not even itself."""
    flat = (0.0, 20.0, 0.0, 70.0)
    assert boxes_again(one(flat), one(flat)) == (1, 1)
    assert boxes_again(one(flat), one((0.0, 20.05, 0.05, 70.0))) == (1, 1)
    assert boxes_again(one(flat), one((0.0, 20.0, 0.0, 71.0))) == (0, 1)


def test_boxes_of_low_score_do_not_matter() -> None:
    assert boxes_again(one(score=0.049), one(image_id=4)) == (0, 0)
