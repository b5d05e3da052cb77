import json
from typing import Any

import numpy as np
import pytest

from builders import make_predictions
from bunri.boxes import BoolArray, FloatArray
from bunri.errors import DataError, UsageError
from bunri.fuse.calibration import POOLING, Calibration, calibrate_out_of_fold, fit_calibration
from bunri.fuse.calibration_curves import CURVES, GRID, isotonic_curve
from bunri.fuse.reliability import reliability

METHODS = sorted(CURVES)


def overconfident(count: int = 4000, seed: int = 0) -> tuple[FloatArray, BoolArray]:
    """Scores of which the square is the share that is true."""
    random = np.random.default_rng(seed)
    score = random.uniform(0, 1, count)
    return score, random.random(count) < score**2


@pytest.mark.parametrize("method", METHODS)
def test_scores_come_to_mean_the_share_that_is_true(method: str) -> None:
    score, is_true = overconfident()
    one = np.zeros(len(score), np.int64)
    fitted = fit_calibration(score, one, is_true, 1, method)
    new, new_true = overconfident(seed=1)
    before, after = reliability(new, new_true), reliability(fitted.apply(new, one), new_true)
    assert after.ece < 0.03 < 0.12 < before.ece
    np.testing.assert_allclose(fitted.apply(GRID, np.zeros(len(GRID), np.int64)), GRID**2, atol=0.08)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(3))
def test_curves_rise_and_stay_in_bounds(method: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    score, is_true = random.beta(0.3, 2, 200), random.random(200) < 0.3
    class_index = random.integers(0, 4, 200)
    table = fit_calibration(score, class_index, is_true, 5, method).table
    assert table.shape == (5, len(GRID))
    assert table.min() >= 0
    assert table.max() <= 1
    assert np.diff(table).min() >= 0


def test_the_order_of_scores_lives_on_where_the_isotonic_curve_is_flat() -> None:
    score = np.linspace(0.01, 0.99, 50)
    curve = isotonic_curve(score, np.arange(50) == 0)  # the lowest alone is true: one step
    assert np.diff(curve).min() > 0
    assert curve.mean() == pytest.approx(0.02, abs=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_perfect_separation_and_ends_of_the_scale_are_numbers(method: str) -> None:
    score = np.array([0.0, 0.0, 1.0, 1.0])
    fitted = fit_calibration(score, np.zeros(4, np.int64), np.array([False, False, True, True]), 1, method)
    low, high = fitted.apply(np.array([0.0, 1.0]), np.zeros(2, np.int64))
    assert 0 <= low < 0.1
    assert 0.9 < high <= 1


def test_a_class_has_its_own_curve_the_more_the_more_true_boxes_it_has() -> None:
    """Class 0 is right at all scores, class 1 at none but a few; class 2 is not there."""
    random = np.random.default_rng(0)
    score, class_index = random.uniform(0, 1, 2000), np.repeat([0, 1], 1000)
    is_true = np.where(class_index == 0, random.random(2000) < 0.9, random.random(2000) < 0.01)
    fitted = fit_calibration(score, class_index, is_true, 3)
    middle = fitted.apply(np.full(3, 0.5), np.arange(3))
    pooled, own = is_true.mean(), 0.9
    trust = is_true[:1000].sum() / (is_true[:1000].sum() + POOLING)
    assert middle[0] == pytest.approx(trust * own + (1 - trust) * pooled, abs=0.06)
    assert middle[2] == pytest.approx(pooled, abs=0.06)
    assert middle[1] == pytest.approx(pooled, abs=0.15)  # ten true boxes: hardly a curve of its own
    few = fit_calibration(score[:1010], class_index[:1010], np.append(is_true[:1000], np.zeros(10, np.bool_)), 2)
    np.testing.assert_allclose(
        few.table[1], isotonic_curve(score[:1010], np.append(is_true[:1000], [False] * 10)), atol=1e-6
    )


def test_out_of_fold_a_box_is_calibrated_by_the_other_folds() -> None:
    score, is_true = overconfident(600)
    fold, one = np.arange(600) % 3, np.zeros(600, np.int64)
    calibrated = calibrate_out_of_fold(score, one, is_true, fold, 1)
    for k in range(3):
        others = fit_calibration(score[fold != k], one[fold != k], is_true[fold != k], 1)
        np.testing.assert_array_equal(calibrated[fold == k], others.apply(score[fold == k], one[fold == k]))


def test_written_and_read_again_nothing_changes() -> None:
    score, is_true = overconfident(300)
    fitted = fit_calibration(score, np.arange(300) % 2, is_true, 2, "beta")
    back = Calibration.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert back.method == "beta"
    np.testing.assert_array_equal(back.table, fitted.table)


def test_predictions_keep_all_but_their_scores() -> None:
    member = make_predictions([(1, 1, 0.9, (0.0, 0.0, 5.0, 5.0)), (2, 0, 0.2, (0.0, 0.0, 5.0, 5.0))], seen=[1, 2, 3])
    halved = Calibration("platt", np.stack([GRID / 2, GRID / 3])).apply_to(member)
    np.testing.assert_allclose(halved.score, [0.3, 0.1])
    assert halved.seen_image_id.tolist() == [1, 2, 3]
    assert halved.name == member.name
    assert member.score.tolist() == [0.9, 0.2]


def test_classes_it_does_not_know_are_refused() -> None:
    member = make_predictions([(1, 2, 0.9, (0.0, 0.0, 5.0, 5.0))])
    with pytest.raises(DataError, match="names class 2, but the calibration has 1 classes"):
        Calibration("platt", GRID[None]).apply_to(member)


@pytest.mark.parametrize("is_true", [[True, True], [False, False], []])
def test_only_true_or_only_false_boxes_are_refused(is_true: list[bool]) -> None:
    with pytest.raises(DataError, match=f"needs true and false boxes, but {sum(is_true)} of {len(is_true)}"):
        fit_calibration(np.full(len(is_true), 0.5), np.zeros(len(is_true), np.int64), np.array(is_true, np.bool_), 1)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(UsageError, match="must be one of isotonic, platt, beta, but got 'magic'"):
        fit_calibration(np.array([0.5]), np.array([0]), np.array([True]), 1, "magic")


@pytest.mark.parametrize(
    "values",
    [
        {"method": "beta"},
        {"method": "beta", "table": [[0.0, 1.0]]},
        {"method": "beta", "table": GRID.tolist()},
        {"method": "beta", "table": [GRID[::-1].tolist()]},
        {"method": "beta", "table": [(GRID * 2).tolist()]},
        {"method": "beta", "table": [["a"] * len(GRID)]},
        {"method": "beta", "table": [[None] * len(GRID)]},
        None,
    ],
)
def test_what_is_not_a_calibration_is_refused(values: Any) -> None:
    with pytest.raises(DataError, match="must be whole"):
        Calibration.from_dict(values)
