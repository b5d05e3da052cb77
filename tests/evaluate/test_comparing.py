import json

import numpy as np
import pytest

from builders import make_dataset, make_predictions, random_world
from bunri.errors import DataError, UsageError
from bunri.evaluate import compare
from bunri.evaluate.comparing import judge

BOX = (10.0, 10.0, 50.0, 50.0)
FAR = (60.0, 10.0, 90.0, 40.0)


def test_verdicts_of_a_clear_difference() -> None:
    dataset = make_dataset([(i, 0, BOX) for i in range(1, 41)])
    strong = make_predictions([(i, 0, 0.5, BOX) for i in range(1, 39)], seen=range(1, 41), name="strong")
    weak = make_predictions([(i, 0, 0.5, BOX) for i in range(1, 11)], seen=range(1, 41), name="weak")
    better, worse = compare(strong, weak, dataset), compare(weak, strong, dataset)
    assert (better.verdict, worse.verdict) == ("better", "worse")
    assert (better.a, better.b, better.images) == ("strong", "weak", 40)
    assert better.difference == pytest.approx(better.mAP50_a - better.mAP50_b)
    assert better.low > 0
    assert better.low <= better.difference <= better.high
    assert (worse.low, worse.high) == pytest.approx((-better.high, -better.low))
    assert better.p_value == worse.p_value
    assert 2 / 1001 < better.p_value < 0.005
    assert better.images_to_decide is None


def test_a_difference_in_words() -> None:
    dataset, (a, b) = random_world(seed=0, images=30)
    found = compare(a, b, dataset, resamples=50)
    words = f"{found.difference:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
    assert found.difference_in_words == words
    of_one_group = compare(a, b, dataset, resamples=50, groups=[0] * 30)
    assert of_one_group.difference_in_words.endswith("without interval (of one image or group alone)")


def test_a_model_against_itself_is_undecided() -> None:
    dataset, (member,) = random_world(members=1)
    same = compare(member, member, dataset)
    assert (same.difference, same.low, same.high, same.p_value, same.verdict) == (0, 0, 0, 1, "undecided")
    assert same.images_to_decide is None
    assert json.loads(json.dumps(same.to_dict()))["verdict"] == "undecided"


def test_a_small_difference_says_how_many_images_it_needs() -> None:
    dataset, (a, b) = random_world(seed=0, images=30)
    found = compare(a, b, dataset)
    assert found.verdict == "undecided"
    assert found.images_to_decide is not None
    assert found.images_to_decide > found.images


def test_one_floor_for_both_by_default() -> None:
    """Cut at .5, ``low`` has only its miss; without a floor its hit at .1 counts too."""
    dataset = make_dataset()
    low = make_predictions([(1, 0, 0.9, FAR), (1, 0, 0.1, BOX)])
    high = make_predictions([(1, 0, 0.5, BOX)])
    found = compare(low, high, dataset)
    assert (found.min_score, found.mAP50_a) == (0.5, 0.0)
    assert (found.lowest_score_a, found.lowest_score_b) == (0.1, 0.5)
    assert (compare(low, high, dataset, min_score=0).min_score, compare(low, high, dataset, min_score=0).mAP50_a) == (
        0,
        0.5,
    )


def test_nothing_to_find_on_the_common_images() -> None:
    dataset = make_dataset([(2, 0, BOX)], image_ids=[1, 2])
    a, b = (make_predictions([(1, 0, 0.9, BOX)], name=name) for name in "ab")
    with pytest.raises(DataError, match="an annotated object must be on the 1 images that a and b both looked at"):
        compare(a, b, dataset)


def test_a_floor_no_score_can_have() -> None:
    dataset, (a, b) = random_world()
    with pytest.raises(UsageError, match=r"min_score must lie in \[0, 1\], but got nan"):
        compare(a, b, dataset, min_score=float("nan"))


def test_only_common_images_count() -> None:
    dataset = make_dataset([(1, 0, BOX), (2, 0, BOX)])
    both = make_predictions([(1, 0, 0.9, BOX), (2, 0, 0.9, FAR)])
    first = make_predictions([(1, 0, 0.9, BOX)], seen=[1])
    assert (compare(both, first, dataset).images, compare(both, first, dataset).difference) == (1, 0)


def test_groups_widen_the_interval_of_repeated_images() -> None:
    """Ten scenes of eight equal photos are ten independent facts, not eighty."""
    ids = range(80)
    dataset = make_dataset([(i, 0, BOX) for i in ids])
    a = make_predictions([(i, 0, 0.5, BOX) for i in ids if i // 8 < 7], seen=ids)
    b = make_predictions([(i, 0, 0.5, BOX) for i in ids if i // 8 >= 4], seen=ids)
    alone = compare(a, b, dataset)
    grouped = compare(a, b, dataset, groups=[i // 8 for i in ids])
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_judgement_by_hand() -> None:
    """99 resamples, 4 of them at or below zero: p = 2 * 5 / 100; the lowest 2.5% hold zero.

    Their standard error is .0394, so that .2 is five of them, and .05 only 1.27: p = 2 * .1023.
    """
    samples = np.concatenate([np.full(4, -0.1), np.full(95, 0.1)])
    found = judge(0.2, samples, images=100, units=10**6)
    assert found.p_value == pytest.approx(0.1, abs=1e-4)
    assert found.verdict == "undecided"
    # (2.8 * .0394 / .2)² * 100 images
    assert found.images_to_decide == pytest.approx(100 * (2.8 * samples.std() / 0.2) ** 2, abs=1)
    assert judge(0.05, samples, images=100, units=10**6).p_value == pytest.approx(0.2046, abs=1e-3)


def test_one_image_or_one_group_decides_nothing() -> None:
    dataset = make_dataset([(1, 0, BOX), (2, 0, BOX)])
    a, b = make_predictions([(1, 0, 0.9, BOX)], seen=[1, 2]), make_predictions([(1, 0, 0.9, FAR)], seen=[1, 2])
    for found in (compare(a.of_images([1]), b, dataset), compare(a, b, dataset, groups=[7, 7])):
        assert found.difference > 0.4
        assert np.isnan([found.low, found.high]).all()
        assert (found.verdict, found.p_value, found.images_to_decide) == ("undecided", 1.0, None)
        assert found.to_dict()["low"] is None


def test_few_images_are_less_sure_of_the_same_resamples() -> None:
    samples = np.random.default_rng(0).normal(0.05, 0.0235, 4000)
    few, many = (judge(0.05, samples, units, units) for units in (8, 2000))
    assert few.low < many.low < many.high < few.high
    assert (few.verdict, many.verdict) == ("undecided", "better")
    assert few.p_value > 0.05 > many.p_value


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.04, 0.05, 0.1])
@pytest.mark.parametrize("units", [3, 10, 50, 1000])
def test_a_verdict_needs_the_interval_and_the_p_value(shift: float, units: int) -> None:
    found = judge(shift, np.random.default_rng(1).normal(shift, 0.02, 9999), units, units)
    assert found.verdict == "undecided" or (found.p_value < 0.05 and found.low > 0)
    assert found.verdict != "undecided" or found.p_value >= 0.05 or found.low <= 0
