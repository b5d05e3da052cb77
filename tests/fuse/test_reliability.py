import json

import numpy as np
import pytest

from bunri.fuse.reliability import reliability


def test_the_table_by_hand() -> None:
    score = np.array([0.1, 0.3, 0.3, 0.9])
    found = reliability(score, np.array([False, True, False, True]), bins=2)
    assert found.edge.tolist() == [0, 0.5, 1]
    assert found.count.tolist() == [3, 1]
    np.testing.assert_allclose(found.mean_score, [0.7 / 3, 0.9])
    np.testing.assert_allclose(found.share_true, [1 / 3, 1])
    assert found.ece == pytest.approx(0.75 * (1 / 3 - 0.7 / 3) + 0.25 * 0.1)


def test_a_score_on_a_border_belongs_to_the_bin_above_and_one_to_the_last() -> None:
    found = reliability(np.array([0.0, 0.5, 1.0]), np.array([True, True, True]), bins=2)
    assert found.count.tolist() == [1, 2]


def test_an_empty_bin_is_unknown_and_costs_nothing() -> None:
    found = reliability(np.array([0.95, 0.95]), np.array([True, True]), bins=10)
    assert np.isnan(found.share_true[:9]).all()
    assert found.ece == pytest.approx(0.05)
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert values["share_true"] == [None] * 9 + [1.0]
    assert values["count"][9] == 2


def test_no_boxes_at_all() -> None:
    found = reliability(np.empty(0), np.empty(0, np.bool_))
    assert found.count.sum() == 0
    assert found.ece == 0


def test_scores_that_mean_what_they_say_have_no_error() -> None:
    random = np.random.default_rng(0)
    score = random.uniform(0, 1, 50_000)
    is_true = random.random(50_000) < score
    assert reliability(score, is_true).ece < 0.01
    assert reliability(1 - score, is_true).ece > 0.4
