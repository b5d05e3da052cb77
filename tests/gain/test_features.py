from collections.abc import Sequence

import pytest

from builders import make_dataset, make_predictions
from bunri.diagnosis.mistakes import match
from bunri.gain.features import OverlapFeatures, overlap_features
from bunri.predictions import Predictions

Corners = tuple[float, float, float, float]
Box = tuple[int, int, float, Corners]

LEFT: Corners = (0, 0, 20, 20)
RIGHT: Corners = (50, 0, 70, 20)
NOWHERE: Corners = (50, 40, 70, 60)
ELSEWHERE: Corners = (0, 40, 20, 60)


def features(stronger: Sequence[Box], weaker: Sequence[Box]) -> OverlapFeatures:
    """Of two members on an image with one object of class 0 on each side."""
    dataset = make_dataset([(1, 0, LEFT), (1, 0, RIGHT)])
    members: list[Predictions] = [make_predictions(boxes, seen=[1]) for boxes in (stronger, weaker)]
    return overlap_features(match(members[0], dataset), match(members[1], dataset), dataset)


def test_what_the_other_finds_is_worth_what_is_missing() -> None:
    """With one of two objects found AP is 51 of 101 recall levels; with both it is 1."""
    found = features([(1, 0, 0.9, LEFT)], [(1, 0, 0.8, RIGHT)])
    assert found.rescued == pytest.approx(50 / 101)
    assert found.behind == 0


def test_what_both_find_is_worth_nothing() -> None:
    found = features([(1, 0, 0.9, LEFT)], [(1, 0, 0.8, LEFT)])
    assert found == OverlapFeatures(rescued=0.0, shared_false=0.0, behind=0.0)


def test_an_object_found_late_is_not_found_twice() -> None:
    """The stronger's own low box on the right object goes when that is rescued: recall never passes 1."""
    late = [
        (1, 0, 0.9, LEFT),
        (1, 0, 0.3, NOWHERE),
        (1, 0, 0.25, ELSEWHERE),
        (1, 0, 0.2, ELSEWHERE),
        (1, 0, 0.1, RIGHT),
    ]
    found = features(late, [(1, 0, 0.8, RIGHT)])
    assert 0 < found.rescued < 50 / 101
    assert found.behind == pytest.approx((51 + 50 * 2 / 5 - 51) / 101)


def test_false_boxes_both_have() -> None:
    a = [(1, 0, 0.8, NOWHERE), (1, 0, 0.7, ELSEWHERE), (1, 0, 0.6, LEFT), (1, 0, 0.5, RIGHT)]
    right = [(1, 0, 0.9, LEFT), (1, 0, 0.5, RIGHT)]
    assert features(a, [*right, (1, 0, 0.6, NOWHERE)]).shared_false == 0.5
    assert features(a, [*right, (1, 1, 0.6, NOWHERE)]).shared_false == 0.0  # of another class
    assert features(a, [*right, (1, 0, 0.4, NOWHERE)]).shared_false == 0.0  # below the threshold of best F1


def test_members_without_boxes() -> None:
    assert features([], []) == OverlapFeatures(0.0, 0.0, 0.0)
    assert features([(1, 0, 0.9, NOWHERE)], []).shared_false == 0.0
