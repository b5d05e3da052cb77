from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from builders import random_world
from bunri.hypotheses.building import Setting, Workshop, calibrated
from bunri.hypotheses.file import Arm, Hypothesis
from bunri.hypotheses.footing import Check, Footings
from bunri.hypotheses.leaves import Facts, Leaf
from bunri.hypotheses.scoring import Scorer, metric_of
from bunri.predictions import Predictions

TRUTH, MEMBERS = random_world(5, images=24, members=3)
IDS = tuple(TRUTH.images.id.tolist())
HALVES = {image: k % 2 for k, image in enumerate(IDS)}


def checks(
    facts: Mapping[str, Facts], members: Mapping[str, Predictions] | None = None, **claim: Any
) -> dict[str, Check]:
    """What is found of ``b - a``, where ``b`` is fused of leaves ``a`` and ``c``."""
    arms = {"a": Arm(predictions={0: ()}), "c": Arm(predictions={0: ()}), "b": Arm(fuse=("a", "c"))}
    found = members or dict(zip("ac", MEMBERS, strict=False))
    leaves = {name: Leaf(name, {0: found[name]}, facts.get(name, Facts())) for name in "ac"}
    workshop = Workshop(arms, leaves, TRUTH, np.arange(len(TRUTH)))
    hypothesis = Hypothesis.validated({"claim": "c", "effect": "b - a", "smallest_effect": 0.02} | claim, "the test")
    setting = Setting(IDS, 0.0)
    metric = metric_of(hypothesis, TRUTH, setting, workshop.groups)
    footings = Footings(hypothesis, setting, metric, Scorer(workshop, 100, 0), only_common=False)
    return {check.name: check for check in footings.checks}


def test_what_is_not_known_of_one_member_is_not_known_of_its_ensemble() -> None:
    found = checks({"a": Facts(tta=("identity",), iterations=(9,))})
    assert (found["tta"].state, found["iterations"].state) == ("unknown", "unknown")
    assert found["tta"].values == {"b": "not known", "a": "identity"}
    assert found["tta"].refusal(is_demanded=False) is None
    assert found["tta"].refusal(is_demanded=True) == "tta must be known to be equal, but b: not known; a: identity"


def test_members_alike_make_arms_alike() -> None:
    facts = Facts(tta=("identity",), iterations=(9,), fold=HALVES, leaked=frozenset())
    assert {check.state for check in checks({"a": facts, "c": facts}).values()} == {"equal"}


def test_another_number_of_steps_in_an_ensemble_is_seen() -> None:
    found = checks({"a": Facts(iterations=(9,)), "c": Facts(iterations=(8, 12))})["iterations"]
    assert (found.state, found.values) == ("differs", {"b": "8 and 12 and 9", "a": "9"})


def test_folds_are_the_same_whatever_their_numbers() -> None:
    renumbered = {image: 7 - fold for image, fold in HALVES.items()}
    assert checks({"a": Facts(fold=HALVES), "c": Facts(fold=renumbered)})["folds"].state == "equal"
    other = dict.fromkeys(IDS[:12], 0) | dict.fromkeys(IDS[12:], 1)
    assert checks({"a": Facts(fold=HALVES), "c": Facts(fold=other)})["folds"].state == "differs"


def test_only_judged_images_leak() -> None:
    far = Facts(leaked=frozenset({10**6}))
    assert checks({"a": far, "c": far})["leaks"].state == "equal"
    near = Facts(leaked=frozenset(IDS[:3]))
    found = checks({"a": far, "c": near}, unequal={"leaks": "to show it"})["leaks"]
    assert (found.state, found.reason) == ("allowed", "to show it")
    assert found.values["c"] == "3 judged images were learned"


def test_member_count_is_looked_at_where_it_is_asked_for() -> None:
    assert "member_count" not in checks({})
    found = checks({}, equal=["member_count"])
    assert list(found) == ["member_count"]
    assert found["member_count"].values == {"b": "2", "a": "1"}


@pytest.mark.parametrize(("floor", "state"), [(0.5, "differs"), (0.015, "equal")])
def test_floors_differ_where_they_matter(floor: float, state: str) -> None:
    members = {"a": MEMBERS[0], "c": MEMBERS[1].above(floor)}
    assert checks({}, members)["score_floor"].state == state


def test_calibration_leaves_the_boxes_and_makes_scores_shares() -> None:
    found = calibrated(MEMBERS[:2], TRUTH, np.arange(len(TRUTH)), "isotonic")
    for before, after in zip(MEMBERS, found, strict=False):
        assert (len(after), after.name) == (len(before), before.name)
        assert after.score.mean() == pytest.approx(0.5, abs=0.25)
        assert not np.array_equal(np.sort(after.score), np.sort(before.score))


def test_images_of_a_group_are_one_unit() -> None:
    hypothesis = Hypothesis(claim="c", effect="b - a", smallest_effect=0.02)
    groups = np.arange(len(TRUTH)) // 3
    assert metric_of(hypothesis, TRUTH, Setting(IDS, 0.0), groups).units == 8
    one = hypothesis.model_copy(update={"classes": ("class0",)})
    with_class = TRUTH.annotations.image_id[TRUTH.annotations.class_index == 0]
    expected = len(np.unique(groups[TRUTH.rows_of(with_class)]))
    assert metric_of(one, TRUTH, Setting(IDS, 0.0), groups).units == expected
