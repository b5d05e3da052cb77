import numpy as np
import pytest

from builders import random_world
from bunri.gain.shares import Shares, measure_shares, whole_families
from bunri.gain.subset_values import SubsetValues
from bunri.search.task import make_task


@pytest.fixture(scope="module")
def values() -> SubsetValues:
    """Three partners and a copy of the first, whose coming brings nothing."""
    dataset, (a, b, c) = random_world(seed=1, images=40, members=3)
    return SubsetValues(make_task([a, b, c, a.named("copy")], dataset, folds=3), resamples=50)


@pytest.fixture(scope="module")
def shares(values: SubsetValues) -> Shares:
    return measure_shares(values, {"twins": ["member0", "copy"], "absent": ["someone"]})


def test_shares_add_up_to_the_whole_and_to_the_gain(shares: Shares) -> None:
    assert sum(share.share for share in shares.members) == pytest.approx(shares.mAP50)
    above = shares.mAP50 - shares.best_single_mAP50
    assert sum(share.of_gain for share in shares.members) == pytest.approx(above)
    assert sum(share.share for share in shares.families) == pytest.approx(shares.mAP50)


def test_twins_have_one_share(shares: Shares) -> None:
    by_name = {share.name: share for share in shares.members}
    assert by_name["member0"].share == pytest.approx(by_name["copy"].share, abs=0.01)
    assert by_name["member0"].mAP50 == by_name["copy"].mAP50


def test_families_are_those_named_and_the_others_alone(shares: Shares) -> None:
    assert [share.name for share in shares.families] == ["twins", "member1", "member2"]
    assert whole_families({"f": ["b", "gone"]}, ["a", "b"]) == {"f": ["b"], "a": ["a"]}


def test_intervals_hold_the_shares(shares: Shares) -> None:
    for share in shares.members:
        assert share.low < share.share < share.high
        assert share.of_gain_low < share.of_gain < share.of_gain_high
        assert share.error == 0


def test_the_greedy_curve_begins_with_the_best_and_ends_with_all(shares: Shares) -> None:
    assert shares.curve[0].added == shares.best_single
    assert shares.curve[0].gain == pytest.approx(shares.best_single_mAP50)
    assert shares.curve[-1].mAP50 == pytest.approx(shares.mAP50)
    assert np.cumsum([step.gain for step in shares.curve]).tolist() == pytest.approx([s.mAP50 for s in shares.curve])


def test_without_families_there_are_no_shares_of_them(values: SubsetValues) -> None:
    found = measure_shares(values, {})
    assert found.families == ()
    assert found.to_dict()["value_of_none"] == 0.0
    assert set(found.to_dict()["members"][0]) >= {"name", "mAP50", "share", "low", "high", "of_gain"}
