import json
import math
from typing import Any

import numpy as np
import pytest

import bunri
from builders import make_predictions, random_world
from bunri.errors import DataError, UsageError
from bunri.gain import GainReport, gain
from bunri.predictions import Predictions

FAST: dict[str, Any] = {"folds": 3, "resamples": 50, "families": ("fused",)}


def noise(images: int) -> Predictions:
    """A member that finds nothing and dreams with confidence."""
    random = np.random.default_rng(9)
    rows = []
    for image in range(1, images + 1):
        for x, y in random.uniform(0, 500, (6, 2)).tolist():
            rows.append((image, int(random.integers(3)), float(random.uniform(0.5, 1)), (x, y, x + 40, y + 40)))
    return make_predictions(rows, name="noise")


@pytest.fixture(scope="module")
def report() -> GainReport:
    """A partner and noise, added to three members."""
    dataset, members = random_world(seed=1, images=40, members=4)
    families = {"old": ["member0", "member1"], "new": ["member2", "member3"]}
    return gain(members[:3], [members[3], noise(40)], dataset, **FAST, member_families=families)


def test_a_partner_helps_and_noise_does_not() -> None:
    dataset, (a, b) = random_world(seed=1, images=40)
    partner, useless = gain([a], [b, noise(40)], dataset, folds=3, resamples=200, families=("fused",)).added
    assert partner.comparison.verdict == "better"
    assert useless.comparison.verdict == "undecided"
    assert useless.overlap.total.only_b == 0
    values = partner.to_dict()
    assert values["gain"] == pytest.approx(values["mAP50_with"] - values["mAP50_without"])
    assert partner.without is useless.without  # of the same images: searched once


def test_the_verb_at_the_top_of_the_package() -> None:
    dataset, (a, b) = random_world(seed=1, images=20)
    found = bunri.gain([a], b, dataset, **FAST)
    assert [one.added for one in found.added] == ["member1"]


def test_a_gain_is_measured_where_the_member_looked() -> None:
    dataset, (a, b) = random_world(seed=1, images=40)
    found = gain([a], b.of_images(range(1, 21)), dataset, folds=2, resamples=20)
    assert found.added[0].comparison.images == found.images == 20


def test_shares_pairs_and_families_are_of_all_members(report: GainReport) -> None:
    assert report.shares is not None
    names = [share.name for share in report.shares.members]
    assert names == ["member0", "member1", "member2", "member3", "noise"]
    assert [share.name for share in report.shares.families] == ["old", "new", "noise"]
    assert len(report.pairs) == 10
    worst = min(report.shares.members, key=lambda share: share.share)
    assert worst.name == "noise"
    assert worst.of_gain < 0


def test_what_overlap_foretells(report: GainReport) -> None:
    partner, useless = report.added
    assert report.prediction is not None
    assert partner.predicted is not None
    assert useless.predicted is not None
    assert partner.predicted > useless.predicted


def test_the_report_is_plain_json(report: GainReport) -> None:
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert set(values) == {
        *("gains", "shares", "pairs", "prediction", "member_families", "images", "groups", "folds"),
        *("min_score", "lowest_scores", "notes"),
    }
    assert [one["added"] for one in values["gains"]] == ["member3", "noise"]
    assert set(values["gains"][0]["features"]) == {"rescued", "shared_false", "behind"}
    assert values["pairs"][0].keys() >= {"a", "b", "gain", "low", "high", "overlap", "predicted", "union_recall"}
    assert values["shares"].keys() >= {"value", "mAP50", "best_single", "members", "families", "curve", "orders"}


def test_one_floor_for_all() -> None:
    dataset, (a, b) = random_world(seed=1, images=20)
    native = gain([a], b.above(0.4), dataset, **FAST)
    assert "--min-score 0.4" in native.notes[0]
    equal = gain([a], b, dataset, min_score=0.4, **FAST)
    assert all(score >= 0.4 for score in equal.lowest_scores.values())
    assert not any("one footing" in note for note in equal.notes)


def test_members_of_few_common_images_have_gains_but_no_shares() -> None:
    dataset, (a, b, c) = random_world(seed=1, images=40, members=3)
    found = gain([a], [b.of_images(range(1, 21)), c.of_images(range(21, 41))], dataset, **FAST)
    assert [one.comparison.images for one in found.added] == [20, 20]
    assert (found.shares, found.pairs, found.images) == (None, (), 0)
    assert "too few images in common" in found.notes[-1]


@pytest.mark.parametrize(
    ("families", "message"),
    [
        ({"x": ["nobody"]}, "families must be of the members member0, member1, but got nobody"),
        ({"x": ["member0"], "y": ["member0"]}, "a member must be in one family, but member0 is in several"),
    ],
)
def test_families_that_are_wrong(families: dict[str, list[str]], message: str) -> None:
    dataset, (a, b) = random_world(images=10)
    with pytest.raises(UsageError, match=message):
        gain([a], b, dataset, member_families=families)


def test_what_cannot_be_measured_is_refused() -> None:
    dataset, (a, b) = random_world(images=20)
    with pytest.raises(UsageError, match="at least one member must be added"):
        gain([a], [], dataset)
    with pytest.raises(DataError, match="member1 and the members it is added to must have looked at an image"):
        gain([a.of_images(range(1, 11))], b.of_images(range(11, 21)), dataset, **FAST)
    with pytest.raises(UsageError, match="min_score must lie in"):
        gain([a], b, dataset, min_score=math.inf)
