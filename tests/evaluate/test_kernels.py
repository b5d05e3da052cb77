"""The compiled loops of scoring, each against a slow and obvious twin."""

import math
from fractions import Fraction

import numpy as np
import pytest

from bunri.boxes import FloatArray, IntArray
from bunri.evaluate.judging import falling_order
from bunri.evaluate.kernels import (
    Detections,
    Outcomes,
    Ranking,
    Truth,
    average_precisions,
    count_objects,
    gaps_of_false,
    levels_up_to,
    match_detections,
)

IOU = 0.5


def overlap_of(a: FloatArray, b: FloatArray, is_crowd: bool) -> float:
    """IoU of two boxes, with the area of a crowd region left out of the union."""
    width, height = (max(min(a[k + 2], b[k + 2]) - max(a[k], b[k]), 0.0) for k in (0, 1))
    own, other = ((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return float(width * height / (own if is_crowd else own + other - width * height))


def matched_slowly(truth: Truth, boxes: FloatArray, max_boxes: int) -> list[tuple[int, bool]]:
    """Row and truth of the detections of one run that count: real objects first, crowd regions where none will do."""
    free, kept = [k for k in range(len(truth.box)) if not truth.is_crowd[k]], []
    for row in range(min(len(boxes), max_boxes)):
        overlaps = {k: overlap_of(boxes[row], truth.box[k], False) for k in free}
        fitting = [k for k in free if overlaps[k] >= IOU]
        if fitting:
            best = max(fitting, key=lambda k: (overlaps[k], k))  # of equal overlaps the later
            free.remove(best)
            kept.append((row, True))
        elif not any(
            truth.is_crowd[k] and overlap_of(boxes[row], truth.box[k], True) >= IOU for k in range(len(truth.box))
        ):
            kept.append((row, False))
    return kept


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("max_boxes", [100, 3])
def test_detections_are_matched_as_the_twin_does(seed: int, max_boxes: int) -> None:
    random = np.random.default_rng(seed)
    low = random.integers(0, 4, (18, 2)) * 4.0
    boxes = np.concatenate([low, low + random.integers(1, 5, (18, 2)) * 4.0], axis=1)  # on a grid: equal overlaps
    crowd = np.array([False] * 6 + [True] * 2)
    truth = Truth(boxes[:8], crowd, np.zeros(8, np.bool_))
    score = np.sort(random.random(10))[::-1].copy()
    one = np.zeros(1, np.int64)
    found = Detections(one, one, one, np.array([10]), score, boxes[8:].copy())
    outcomes = Outcomes(np.empty(10), np.empty(10, np.int64), np.empty(10, np.int64), np.empty(10, np.bool_))
    count = match_detections(truth, one, np.array([8]), found, IOU, max_boxes, outcomes)
    slow = matched_slowly(truth, boxes[8:], max_boxes)
    assert outcomes.score[:count].tolist() == [score[row] for row, _ in slow]
    assert outcomes.is_true[:count].tolist() == [is_true for _, is_true in slow]


def ranked(seed: int) -> tuple[Outcomes, IntArray, IntArray]:
    """Outcomes with ties, the true ones in rank order, and where each class begins among them."""
    random = np.random.default_rng(seed)
    outcomes = Outcomes(
        random.choice([0.2, 0.4, 0.6, 0.8], 60), random.integers(0, 7, 60), random.integers(0, 3, 60),
        random.random(60) < 0.4,
    )  # fmt: skip
    trues = np.array(
        sorted(np.flatnonzero(outcomes.is_true), key=lambda k: (outcomes.class_index[k], -outcomes.score[k], k))
    )
    return outcomes, trues, np.searchsorted(outcomes.class_index[trues], np.arange(4))


@pytest.mark.parametrize("seed", range(10))
def test_a_false_one_stands_before_the_first_true_one_that_ranks_below(seed: int) -> None:
    outcomes, trues, first = ranked(seed)
    gap = np.empty(60, np.int32)
    gaps_of_false(outcomes, 60, first, trues, outcomes.score[trues], gap)
    for k in range(60):
        below = [
            t
            for t, true in enumerate(trues)
            if outcomes.class_index[true] == outcomes.class_index[k]
            and (-outcomes.score[true], true) > (-outcomes.score[k], k)
        ]
        assert gap[k] == (len(trues) if outcomes.is_true[k] or not below else below[0])


@pytest.mark.parametrize("seed", range(5))
def test_objects_are_counted_as_often_as_their_images(seed: int) -> None:
    random = np.random.default_rng(seed)
    image, class_index = random.integers(0, 6, 40), random.integers(0, 3, 40)
    weights, result = random.integers(0, 4, (6, 9)).astype(np.int16), np.zeros((3, 9), np.int32)
    count_objects(image, class_index, weights, result)
    for c in range(3):
        assert result[c].tolist() == [sum(int(weights[i, r]) for i in image[class_index == c]) for r in range(9)]


@pytest.mark.parametrize("seed", range(10))
def test_average_precision_is_that_of_images_copied(seed: int) -> None:
    """The mean over 101 recalls of the best precision from there on, walked along every detection."""
    outcomes, trues, first = ranked(seed)
    gap = np.empty(60, np.int32)
    gaps_of_false(outcomes, 60, first, trues, outcomes.score[trues], gap)
    false = np.flatnonzero(gap < len(trues))
    false = false[np.argsort(gap[false], kind="stable")]
    places = np.searchsorted(gap[false], np.arange(len(trues) + 1))
    image = outcomes.image.astype(np.int32)
    ranking = Ranking(first, image[trues], places, image[false])
    random = np.random.default_rng(seed)
    weights, objects = random.integers(0, 3, (7, 5)).astype(np.int16), np.full((3, 5), 40, np.int32)
    (true, total), result = np.empty((2, 61, 5), np.int32), np.empty((3, 5))
    average_precisions(ranking, objects, weights, true, total, np.empty((2, 5)), result)
    for c in range(3):
        rows = sorted(np.flatnonzero(outcomes.class_index == c).tolist(), key=lambda k: (-outcomes.score[k], k))
        for r in range(5):
            assert result[c, r] == pytest.approx(_area(outcomes, rows, weights[:, r].tolist(), 40), abs=1e-12)


def _area(outcomes: Outcomes, rows: list[int], times: list[int], objects: int) -> float:
    true, total, points = 0, 0, list[tuple[float, float]]()
    for row in rows:
        count = times[outcomes.image[row]]
        total += count
        true += count if outcomes.is_true[row] else 0
        points += [(true / objects, true / total)] if count and outcomes.is_true[row] else []
    levels = np.linspace(0, 1, 101)
    return float(np.mean([max((p for recall, p in points if recall >= level), default=0.0) for level in levels]))


def test_levels_are_those_of_linspace() -> None:
    """The part itself, as a part is compiled for other kernels only."""
    levels, plain = np.linspace(0, 1, 101), vars(levels_up_to)["py_func"]
    for objects in range(1, 120):
        for found in range(objects + 1):
            recall = found / objects
            assert plain(recall) == np.count_nonzero(levels <= recall), Fraction(found, objects)


@pytest.mark.parametrize("values", [10, 10**9])
@pytest.mark.parametrize("count", [0, 1, 2, 5000])
def test_scores_fall_and_equal_ones_keep_their_order(values: int, count: int) -> None:
    score = np.random.default_rng(count).integers(0, values, count) / values
    assert falling_order(score).tolist() == np.argsort(-score, kind="stable").tolist()
    assert math.isfinite(score.sum())
