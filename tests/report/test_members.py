import numpy as np
import pytest

from builders import make_dataset, make_predictions
from bunri.diagnosis.mistakes import match
from bunri.evaluate.metrics import evaluate, precision_at_recall
from bunri.report.members import member_facts, rescues

A, B, C = (0.0, 0.0, 20.0, 20.0), (30.0, 0.0, 50.0, 20.0), (60.0, 0.0, 80.0, 20.0)
DATASET = make_dataset([(1, 0, A), (1, 0, B), (1, 1, C), (2, 0, A)])


def test_precision_at_recall_has_average_precision_as_its_mean() -> None:
    member = make_predictions([(1, 0, 0.9, A), (1, 0, 0.8, C), (1, 0, 0.7, B)], seen=[1, 2])
    precision = precision_at_recall(member, DATASET)
    assert precision.shape == (101, 3)
    assert precision[0, 0] == pytest.approx(1.0)  # the first box is right
    assert precision[60, 0] == pytest.approx(2 / 3)  # two of three objects with three boxes
    assert precision[67, 0] == 0.0  # the third is never found
    assert precision[:, 0].mean() == pytest.approx(evaluate(member, DATASET).AP50["Paper"])
    assert (precision[:, 2] == -1).all()  # no object of the third class


def test_classes_without_boxes_have_no_curve() -> None:
    facts = member_facts(make_predictions([(1, 0, 0.9, A)], seen=[1, 2]), DATASET, False)
    assert list(facts.precision) == ["Paper", "Metal"]
    assert facts.AP50["Glass"] is None
    assert len(facts.confusion) == 4


def test_calibration_keeps_the_bins_that_have_boxes() -> None:
    found = member_facts(make_predictions([(1, 0, 0.9, A), (1, 1, 0.2, B)], seen=[1]), DATASET, False).calibration
    assert (found.mean_score, found.share_true) == ((0.2, 0.9), (0.0, 1.0))
    assert found.ece == pytest.approx((0.2 + 0.1) / 2)


def test_rescues_are_shares_of_what_the_row_misses() -> None:
    one = make_predictions([(1, 0, 0.9, A)], seen=[1, 2], name="one")
    two = make_predictions([(1, 0, 0.9, B), (1, 1, 0.9, C)], seen=[1], name="two")
    found = rescues([match(one, DATASET), match(two, DATASET)], DATASET)
    assert list(found.members) == ["one", "two"]
    assert np.allclose(np.array(found.found, float), [1 / 4, 2 / 3])
    assert found.rescued == [[None, 1.0], [1.0, None]]  # on image 1 alone, which both have seen


def test_of_nothing_missed_nothing_is_rescued() -> None:
    whole = make_predictions([(1, 0, 0.9, A), (1, 0, 0.9, B), (1, 1, 0.9, C)], seen=[1], name="whole")
    other = make_predictions([(2, 0, 0.9, A)], seen=[2], name="other")
    assert rescues([match(whole, DATASET), match(other, DATASET)], DATASET).rescued == [[None, None], [None, None]]
