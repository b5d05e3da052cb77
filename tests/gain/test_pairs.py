import math

import pytest

from builders import random_world
from bunri.gain.pairs import Pair, measure_pairs
from bunri.gain.prediction import predict_gain, predict_pairs
from bunri.gain.subset_values import SubsetValues
from bunri.search.task import make_task


@pytest.fixture(scope="module")
def values() -> SubsetValues:
    dataset, members = random_world(seed=1, images=40, members=5)
    return SubsetValues(make_task(members, dataset, folds=3), resamples=50)


@pytest.fixture(scope="module")
def pairs(values: SubsetValues) -> list[Pair]:
    return measure_pairs(values, {"first": ["member0", "member1"]})


def test_every_pair_once_the_stronger_first(pairs: list[Pair]) -> None:
    assert len({frozenset((pair.a, pair.b)) for pair in pairs}) == len(pairs) == 10
    for pair in pairs:
        assert pair.mAP50_a >= pair.mAP50_b
        assert pair.gain == pytest.approx(pair.mAP50_fused - pair.mAP50_a)
        assert pair.low < pair.gain < pair.high


def test_within_and_across_families(values: SubsetValues, pairs: list[Pair]) -> None:
    assert [{pair.a, pair.b} for pair in pairs if pair.same_family] == [{"member0", "member1"}]
    assert {pair.same_family for pair in measure_pairs(values, {})} == {None}


def test_union_recall_is_of_all_objects(values: SubsetValues, pairs: list[Pair]) -> None:
    total, objects = pairs[0].overlap.total, len(values.task.dataset.annotations)
    assert total.both + total.only_a + total.only_b + total.neither == objects
    assert pairs[0].union_recall == pytest.approx(1 - total.neither / objects)
    assert pairs[0].to_dict()["union_recall"] == pairs[0].union_recall


def with_gains(pairs: list[Pair], slope: float) -> list[Pair]:
    """The pairs, if a gain were the rescued mAP50 times a slope."""
    from dataclasses import replace

    return [replace(pair, gain=slope * pair.features.rescued) for pair in pairs]


def test_a_gain_that_overlap_decides_is_foretold(pairs: list[Pair]) -> None:
    foretold, found = predict_pairs(with_gains(pairs, slope=2.0))
    assert found is not None
    assert (found.pairs, found.members) == (10, 5)
    assert found.rescued_rank_correlation == pytest.approx(1.0)
    assert found.rank_correlation > 0.8
    assert found.low <= found.rank_correlation <= found.high <= 1
    assert found.mean_error < 0.5 * found.mean_error_of_mean
    assert all(pair.predicted is not None for pair in foretold)


def test_a_pair_is_foretold_by_the_others_alone(pairs: list[Pair]) -> None:
    """Whatever the gain of one pair, what is foretold of it stays; what is foretold of others does not."""
    from dataclasses import replace

    before, _ = predict_pairs(pairs)
    after, _ = predict_pairs([replace(pairs[0], gain=0.9), *pairs[1:]])
    assert before[0].predicted == after[0].predicted
    assert before[1].predicted != after[1].predicted


def test_few_pairs_foretell_nothing(pairs: list[Pair]) -> None:
    same, found = predict_pairs(pairs[:5])
    assert found is None
    assert same == pairs[:5]
    assert predict_gain(pairs[:4], pairs[0].features) is None


def test_of_four_members_there_is_no_interval(pairs: list[Pair]) -> None:
    four = [pair for pair in pairs if "member4" not in (pair.a, pair.b)]
    _, found = predict_pairs(four)
    assert found is not None
    assert math.isnan(found.low)
    assert found.to_dict()["low"] is None
