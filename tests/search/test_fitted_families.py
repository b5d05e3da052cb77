"""Learned fusion and calibrated WBF in the search, and their recipes on new predictions."""

import json
from dataclasses import replace
from functools import partialmethod
from pathlib import Path

import numpy as np
import pytest

from builders import assert_same_predictions, random_world
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.evaluate import evaluate
from bunri.fuse.calibration_curves import CURVES
from bunri.learned import TreeSettings
from bunri.predictions import Predictions
from bunri.search import EnsembleRecipe, apply_recipe, read_recipe, search, write_recipe
from bunri.search.calibrated import CalibratedFamily, JudgedBoxes
from bunri.search.families import FAMILIES, Progress, family_of
from bunri.search.learned import LearnedFamily
from bunri.search.task import Task, make_task
from learned_worlds import agreeing_world

FAST = TreeSettings(seeds=2, rounds=15, leaves=7, least_in_leaf=10)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LearnedFamily, "__init__", partialmethod(LearnedFamily.__init__, settings=FAST))


def world() -> tuple[Dataset, list[Predictions], Task]:
    dataset, members = agreeing_world(images=160)
    return dataset, members, make_task(members, dataset, folds=3)


def new_members() -> tuple[Dataset, dict[str, Predictions]]:
    dataset, members = agreeing_world(seed=7, images=40)
    return dataset, {member.name: member for member in members}


@pytest.mark.usefixtures("quick")
def test_learned_fusion_wins_where_places_tell_more_than_scores() -> None:
    dataset, members, _ = world()
    found = search(members, dataset, folds=3, families=["fused", "learned"], resamples=20)
    assert found.recipe.method == "learned"
    assert found.family_scores["learned"] > found.family_scores["fused"] + 0.1
    assert found.score == pytest.approx(found.family_scores["learned"])
    assert found.notes == ()
    assert {step.family for step in found.path} == {"fused", "learned"}
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert "parameters" not in values["recipe"]
    assert values["recipe"]["found"]["explanation"]["members"]["shared"] > 0
    assert values["recipe"]["found"]["mAP50"] == pytest.approx(found.score)


@pytest.mark.usefixtures("quick")
def test_a_learned_recipe_is_written_read_and_applied(tmp_path: Path) -> None:
    dataset, members, _ = world()
    recipe = search(members, dataset, folds=3, families=["learned"], resamples=5).recipe
    write_recipe(recipe, tmp_path / "recipe.json")
    again = read_recipe(tmp_path / "recipe.json")
    truth, new = new_members()
    assert_same_predictions(apply_recipe(recipe, new), apply_recipe(again, new))
    assert str(again) == "learned: left + right"
    alone = evaluate(new["left"], truth).mAP50
    assert evaluate(apply_recipe(again, new), truth).mAP50 > alone + 0.2


@pytest.mark.usefixtures("quick")
def test_a_learned_recipe_does_not_do_without_a_member() -> None:
    _, _, task = world()
    recipe = LearnedFamily().fit(task, task.folds)
    _, new = new_members()
    del new["right"]
    with pytest.raises(DataError, match=r"but right is not among left.*a learned recipe cannot do without any"):
        apply_recipe(recipe, new, allow_missing=True)


@pytest.mark.usefixtures("quick")
def test_one_member_alone() -> None:
    dataset, members, _ = world()
    found = search(members[:1], dataset, folds=3, families=["learned"], resamples=5)
    assert found.recipe.members == ("left",)
    assert 0 < found.score < 1


@pytest.mark.parametrize("families", [["learned"], ["fused", "learned"]])
def test_too_little_data_falls_back_to_fusing_and_says_so(families: list[str]) -> None:
    dataset, members = agreeing_world(images=60)
    found = search(members, dataset, folds=3, families=families, resamples=5)
    assert found.recipe.method in ("wbf", "nms", "soft_nms", "nmw")
    assert list(found.family_scores) == ["fused"]
    assert len(found.notes) == 1
    assert "needs at least 100 images" in found.notes[0]
    assert found.to_dict()["notes"] == list(found.notes)


def test_enough_for_all_but_not_for_every_fold_is_too_little() -> None:
    dataset, members = agreeing_world(images=110)
    refusal = LearnedFamily().refusal(make_task(members, dataset, folds=3))
    assert refusal is not None
    assert LearnedFamily().refusal(make_task(members, dataset, folds=12)) is None


@pytest.mark.usefixtures("quick")
def test_a_fold_is_not_looked_at() -> None:
    """Most of the truth of the fold left out is mirrored; the recipe does not notice."""
    dataset, members, task = world()
    truth = dataset.annotations
    hidden = np.isin(truth.image_id, task.image_id[task.fold == 1]) & (np.arange(len(dataset.annotations)) % 3 > 0)
    box = np.where(hidden[:, None], 600 - truth.box_xyxy[:, [2, 3, 0, 1]], truth.box_xyxy)
    moved = make_task(members, replace(dataset, annotations=replace(truth, box_xyxy=box)), folds=3)
    np.testing.assert_array_equal(moved.fold, task.fold)
    for family in (LearnedFamily, CalibratedFamily):
        a, b, c = (family().fit(one, fold) for one, fold in ((task, 1), (moved, 1), (moved, 0)))
        assert a.parameters == b.parameters != c.parameters


@pytest.mark.usefixtures("quick")
def test_without_time_one_model_must_do() -> None:
    _, _, task = world()
    told: list[Progress] = []
    family = LearnedFamily(on_progress=told.append)
    short, whole = family.fit(task, 0, deadline=0.0), family.fit(task, 0)
    assert len(json.dumps(short.parameters)) < len(json.dumps(whole.parameters))
    assert [step.stage for step in told] == ["fit", "fit"]
    assert tuple(told) == tuple(family.path)
    assert 0.5 < told[0].score <= 1


def overconfident_world() -> tuple[Dataset, list[Predictions]]:
    """The better member is shy, the worse one loud."""
    dataset, (a, b) = agreeing_world(images=80)
    true = np.arange(len(a)) < len(a) / 2
    shy = replace(a, score=np.where(true, a.score * 0.2 + 0.1, a.score * 0.1))
    return dataset, [shy.named("shy"), replace(b, score=0.5 + b.score / 2).named("loud")]


def test_calibrated_fusion_makes_scores_comparable() -> None:
    dataset, members = overconfident_world()
    found = search(members, dataset, folds=3, families=["calibrated"], resamples=20)
    assert found.recipe.method == "calibrated"
    assert str(found.recipe).startswith("calibrated wbf IoU ")
    for member in members:
        before, after = (reliability_of(found.recipe, member.name, when) for when in ("before", "after"))
        assert after < 0.5 * before
    assert {step.family for step in found.path} == {"calibrated"}
    assert found.to_dict()["recipe"]["found"]["reliability"]["loud"]["after"]["count"]


def reliability_of(recipe: EnsembleRecipe, member: str, when: str) -> float:
    tables = recipe.found["reliability"]
    assert isinstance(tables, dict)
    return float(tables[member][when]["ece"])  # type: ignore[arg-type, call-overload, index]


@pytest.mark.parametrize(("steps", "expected"), [(True, {"isotonic"}), (False, {"platt", "beta"})])
def test_the_curve_that_surprises_least_is_taken(steps: bool, expected: set[str]) -> None:
    """A step is what only the isotonic curve can be; with few boxes on a smooth curve it follows luck."""
    random, count = np.random.default_rng(0), 4000 if steps else 300
    score, image = random.random(count), np.arange(count) % 100
    share = np.where(score > 0.6, 0.9, 0.1) if steps else score**2
    boxes = JudgedBoxes(score, np.zeros(count, np.int64), random.random(count) < share, image)
    fitting = np.arange(100) % 2 == 0
    assert boxes.best_curve(fitting, ~fitting, classes=1) in expected


def test_the_choice_of_a_curve_is_kept_with_the_recipe() -> None:
    dataset, members = overconfident_world()
    recipe = CalibratedFamily().fit(make_task(members, dataset, folds=3), 3)
    curves = json.loads(json.dumps(recipe.parameters["curves"]))
    assert {curves[member.name]["method"] for member in members} <= set(CURVES)


def test_a_calibrated_recipe_is_written_read_and_applied(tmp_path: Path) -> None:
    dataset, members = overconfident_world()
    recipe = CalibratedFamily().fit(make_task(members, dataset, folds=3), 3)
    write_recipe(recipe, tmp_path / "recipe.json")
    again = read_recipe(tmp_path / "recipe.json")
    given = {member.name: member for member in members}
    assert_same_predictions(apply_recipe(recipe, given), apply_recipe(again, given))
    alone = apply_recipe(again, {"shy": given["shy"]}, allow_missing=True)
    assert 0 < alone.score.max() <= 1
    with pytest.raises(DataError, match="but loud is not among shy"):
        apply_recipe(again, {"shy": given["shy"]})


@pytest.mark.parametrize("parameters", [{}, {"curves": {}}, {"curves": 3}, {"curves": {"shy": {}, "loud": {}}}])
def test_a_calibrated_recipe_without_whole_curves_is_refused(parameters: dict[str, object]) -> None:
    _, members = overconfident_world()
    values = {"members": ["shy", "loud"], "weights": [1, 1], "min_score": [0, 0], "method": "calibrated"}
    recipe = EnsembleRecipe.validated(values | {"parameters": parameters}, "recipe.json")
    with pytest.raises(DataError, match=r"must have curves of each member|must be whole"):
        apply_recipe(recipe, {member.name: member for member in members})


def test_a_member_that_finds_nothing_cannot_be_calibrated() -> None:
    dataset, members = random_world(images=12)
    blind = members[0][:0].named("blind")
    found = search([members[0], blind], dataset, folds=2, families=["calibrated"], resamples=5)
    assert found.recipe.method != "calibrated"
    assert "calibration needs true and false boxes of each member" in found.notes[0]
    assert "blind has 0 true ones of 0" in found.notes[0]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_its_name(name: str) -> None:
    family = family_of(name, lambda step: None, 1, None)
    assert family.name == name
    assert family.path == []
