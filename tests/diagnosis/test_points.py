from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bunri
from builders import make_dataset, make_predictions, random_world
from bunri.dataset import Dataset
from bunri.diagnosis import points
from bunri.diagnosis.mistakes import match
from bunri.diagnosis.points import lost_points, ranked_of
from bunri.predictions import Predictions

OBJECT = (10.0, 10.0, 50.0, 50.0)
OTHER = (60.0, 10.0, 90.0, 40.0)


def lost(predictions: Predictions, dataset: Dataset) -> dict[str, float]:
    return {kind: cost for kind, cost in lost_points(match(predictions, dataset), dataset).items() if cost}


def test_a_wrong_class_costs_what_its_object_is_worth() -> None:
    dataset = make_dataset([(1, 0, OBJECT), (1, 1, OTHER)])
    predictions = make_predictions([(1, 0, 0.9, OBJECT), (1, 0, 0.8, OTHER)])
    # now class 0 has 1.0 and class 1 has 0; with the second box in class 1 both have 1.0
    assert lost(predictions, dataset) == {"class": 0.5}


def test_a_badly_placed_box_and_one_that_is_away() -> None:
    dataset = make_dataset([(1, 0, OBJECT), (2, 0, OBJECT)])
    predictions = make_predictions([(1, 0, 0.9, (10.0, 10.0, 50.0, 26.0)), (2, 0, 0.8, OBJECT)])
    # hits F, T: precision 0.5 up to recall 0.5, that is at 51 of 101 levels: 0.2525; mended: 1.0
    assert lost(predictions, dataset) == {"place": pytest.approx(1 - 25.5 / 101)}


def test_a_duplicate_a_background_box_and_a_missed_object() -> None:
    dataset = make_dataset([(1, 0, OBJECT), (1, 0, OTHER)])
    boxes = [(1, 0, 0.9, (10.0, 60.0, 40.0, 79.0)), (1, 0, 0.8, OBJECT), (1, 0, 0.7, OBJECT)]
    # F, T, F with two objects: 51 levels at 1/2; without the first box 51 at 1; without the missed object 101 at 1/2
    now = 25.5 / 101
    costs = lost(make_predictions(boxes), dataset)
    assert costs == {"background": pytest.approx(51 / 101 - now), "missed": pytest.approx(0.5 - now)}


def test_of_two_boxes_that_mean_one_object_the_surer_is_mended() -> None:
    dataset = make_dataset([(1, 0, OBJECT)], class_names=("a", "b", "c"))
    predictions = make_predictions([(1, 1, 0.9, OBJECT), (1, 2, 0.8, OBJECT)])
    assert lost(predictions, dataset) == {"class": 1.0}


def test_boxes_on_a_crowd_region_cost_nothing() -> None:
    dataset = make_dataset([(1, 0, OBJECT), (1, 0, (60.0, 10.0, 100.0, 60.0))], crowd=[False, True])
    assert lost(make_predictions([(1, 0, 0.9, (62.0, 12.0, 80.0, 30.0)), (1, 0, 0.8, OBJECT)]), dataset) == {}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_unmended_score_is_that_of_the_evaluator(seed: int) -> None:
    dataset, [member] = random_world(seed, images=6, members=1)
    scored = ranked_of(match(member, dataset), dataset).mAP50()
    assert scored == pytest.approx(bunri.evaluate(member, dataset).mAP50, abs=1e-12)


TIDE: dict[int, dict[str, float]] = {
    0: {"class": 0.069191195, "place": 0.316129593, "both": 0.037950574}
    | {"duplicate": 0.011807358, "background": 0.005117938, "missed": 0.091878351},
    3: {"class": 0.149590105, "place": 0.222043715, "both": 0.016518814}
    | {"duplicate": 0.00276393, "background": 0.007597334, "missed": 0.055508437},
    5: {"class": 0.099361602, "place": 0.270605612, "both": 0.015628958}
    | {"duplicate": 0.003421666, "background": 0.024162971, "missed": 0.072613732},
}
"""What tidecv 1.0.1 gives for ``spoilt_world``, by seed."""


def spoilt_world(seed: int) -> tuple[Dataset, Predictions]:
    """Boxes of which a third have any class and all are shifted: every kind of mistake is there."""
    dataset, [member, _] = random_world(seed, images=8, members=2, boxes_per_image=6)
    random = np.random.default_rng(seed)
    any_class = np.where(random.random(len(member)) < 0.3, random.integers(0, 3, len(member)), member.class_index)
    shifted = member.box_xyxy + random.normal(0, 12, (len(member), 1))
    return dataset, replace(member, class_index=any_class, box_xyxy=shifted)


@pytest.mark.parametrize("seed", TIDE)
def test_the_costs_are_those_of_tide(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "LEVELS", np.array([level / 100 for level in range(101)]))  # TIDE's, an ulp off COCO's
    dataset, member = spoilt_world(seed)
    assert lost_points(match(member, dataset), dataset) == pytest.approx(TIDE[seed], abs=1e-8)
