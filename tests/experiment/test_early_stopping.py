from statistics import fmean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bunri.experiment.early_stopping import Curve, Verdict, median_rule

GOOD = ((1.0, 0.4), (2.0, 0.6))  # mean 0.5 at epoch 2
FAIR = ((1.0, 0.3), (2.0, 0.5))  # 0.4
POOR = ((1.0, 0.1), (2.0, 0.3))  # 0.2


def judged(curve: Curve, *others: Curve, grace: float = 2.0, least: int = 3) -> Verdict | None:
    return median_rule(curve, others, grace, least)


def test_an_arm_below_the_median_of_the_means_is_behind() -> None:
    found = judged(((1.0, 0.3), (2.0, 0.2)), GOOD, FAIR, POOR)  # its best is 0.3, the median of 0.5, 0.4, 0.2 is 0.4
    assert found == Verdict(2.0, 0.3, 0.4, 3)
    assert str(found) == (
        "stopped early at epoch 2: its best mAP50 so far, 0.3000, is below 0.4000, the median of the means of 3 other "
        "arms up to there"
    )


def test_one_at_the_median_goes_on() -> None:
    assert judged(((1.0, 0.4), (2.0, 0.1)), GOOD, FAIR, POOR) is None


def test_nothing_is_said_in_the_grace_period_nor_where_too_few_have_come_as_far() -> None:
    behind = ((1.0, 0.0),)
    assert judged(behind, GOOD, FAIR, POOR) is None
    assert judged(behind, GOOD, FAIR, POOR, grace=1.0) is not None
    assert judged((*behind, (2.0, 0.0)), GOOD, FAIR, ((1.0, 0.9),)) is None  # the third is at epoch 1
    assert judged((*behind, (2.0, 0.0)), GOOD, FAIR, ()) is None
    assert judged((*behind, (2.0, 0.0)), GOOD, FAIR, least=2) is not None
    assert judged((), GOOD, FAIR, POOR) is None


def test_what_others_reached_later_does_not_count() -> None:
    late = ((1.0, 0.1), (2.0, 0.1), (3.0, 0.9))
    assert judged(((2.0, 0.15),), late, late, late) is None


def test_others_are_counted_up_to_the_epoch_whatever_their_steps_are() -> None:
    between = ((0.8, 0.2), (1.6, 0.4), (2.4, 0.9))
    found = judged(((2.0, 0.1),), between, between, between)
    assert found is not None
    assert found.median == pytest.approx(0.3)
    assert judged(((2.0, 0.1),), ((3.0, 0.9),), ((3.0, 0.9),), ((3.0, 0.9),)) is None  # nothing at or before epoch 2


curves = st.lists(st.floats(0, 1), min_size=1, max_size=6).map(lambda v: [(float(i + 1), x) for i, x in enumerate(v)])


@given(curves, st.lists(curves, max_size=6))
def test_the_rule_is_its_definition_and_the_order_of_the_others_does_not_matter(
    curve: list[tuple[float, float]], others: list[list[tuple[float, float]]]
) -> None:
    epochs = len(curve)
    means = [fmean([value for _, value in other[:epochs]]) for other in others if len(other) >= epochs]
    is_behind = len(means) >= 2 and max(value for _, value in curve) < median(means)
    assert (median_rule(curve, others, 1.0, 2) is not None) == is_behind
    assert median_rule(curve, others[::-1], 1.0, 2) == median_rule(curve, others, 1.0, 2)


@given(st.lists(curves, min_size=2, max_size=6))
def test_the_best_of_those_that_came_farthest_is_never_behind(all_curves: list[list[tuple[float, float]]]) -> None:
    best = max(all_curves, key=lambda curve: (len(curve), max(value for _, value in curve)))
    assert median_rule(best, [curve for curve in all_curves if curve is not best], 1.0, 1) is None
