import numpy as np
import pytest

from builders import make_dataset, make_predictions
from bunri.errors import DataError
from bunri.predictions import Predictions, concatenate

BOX = (10.0, 10.0, 50.0, 50.0)


def test_images_looked_at_are_those_of_the_boxes_unless_said() -> None:
    assert make_predictions([(3, 0, 0.5, BOX), (1, 0, 0.5, BOX), (3, 1, 0.4, BOX)]).seen_image_id.tolist() == [1, 3]
    assert make_predictions([(3, 0, 0.5, BOX)], seen=[9, 3, 3]).seen_image_id.tolist() == [3, 9]


def test_boxes_taken_away_leave_the_image_seen() -> None:
    found = make_predictions([(1, 0, 0.9, BOX), (2, 0, 0.1, BOX)])
    strong = found.above(0.1 + 1e-9)
    assert strong.image_id.tolist() == [1]
    assert strong.seen_image_id.tolist() == [1, 2]
    assert found.above(0.1).image_id.tolist() == [1, 2]


def test_of_images_keeps_what_was_seen_of_them() -> None:
    found = make_predictions([(1, 0, 0.9, BOX), (2, 0, 0.1, BOX)], seen=[1, 2, 3])
    part = found.of_images([2, 3, 4])
    assert part.image_id.tolist() == [2]
    assert part.seen_image_id.tolist() == [2, 3]


def test_columns_are_the_callers_no_longer() -> None:
    scores, own = np.array([0.5]), np.array([0.7])
    own.flags.writeable = False
    first, second = (Predictions(np.array([1]), np.array([0]), s, np.array([BOX])) for s in (scores, own))
    scores[0] = 0.1
    assert first.score.tolist() == [0.5]
    assert second.score is own  # nobody can change it
    with pytest.raises(ValueError, match="read-only"):
        first[:1].score[0] = 0.1


def test_a_view_of_what_others_may_change_is_copied() -> None:
    scores = np.array([0.5, 0.6])
    view = scores[:1]
    view.flags.writeable = False
    found = Predictions(np.array([1]), np.array([0]), view, np.array([BOX]))
    scores[0] = 0.1
    assert found.score.tolist() == [0.5]


def test_where_nothing_is_left_out_nothing_is_copied() -> None:
    found = make_predictions([(1, 0, 0.9, BOX), (2, 0, 0.1, BOX)])
    assert found.above(0.1) is found
    assert found.of_images([1, 2, 3]) is found


def test_boxes_are_cut_at_the_border_of_their_own_image() -> None:
    found = make_predictions([(1, 0, 0.9, (-4.0, 5.0, 130.0, 90.0))])
    assert found.clipped(make_dataset(width=100, height=80)).box_xyxy.tolist() == [[0, 5, 100, 80]]
    assert found.box_xyxy.tolist() == [[-4, 5, 130, 90]]


def test_parts_become_one() -> None:
    whole = concatenate([make_predictions(seen=[1, 2]), make_predictions([(7, 1, 0.2, BOX)])], "both")
    assert whole.name == "both"
    assert whole.image_id.tolist() == [1, 7]
    assert whole.seen_image_id.tolist() == [1, 2, 7]
    assert len(concatenate([])) == 0


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([(1, 0, float("nan"), BOX)], "must be finite"),
        ([(1, 0, 0.5, (0.0, 0.0, float("inf"), 1.0))], "must be finite"),
        ([(1, 0, 1.5, BOX)], r"scores must lie in \[0, 1\]"),
        ([(1, 0, -0.1, BOX)], r"scores must lie in \[0, 1\]"),
        ([(1, 0, 0.5, (50.0, 10.0, 10.0, 50.0))], "min <= max"),
        ([(1, -1, 0.5, BOX)], "class_index must not be negative"),
    ],
)
def test_what_is_no_prediction(
    boxes: list[tuple[int, int, float, tuple[float, float, float, float]]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        make_predictions(boxes)


def test_a_box_on_an_image_not_looked_at() -> None:
    with pytest.raises(DataError, match="among the images looked at"):
        make_predictions([(1, 0, 0.5, BOX)], seen=[2])


def test_columns_of_other_lengths() -> None:
    one = np.array([1])
    with pytest.raises(DataError, match=r"the same length, but got \[1, 2\]"):
        Predictions(image_id=one, class_index=one, score=np.array([0.5, 0.5]), box_xyxy=np.array([BOX]))
