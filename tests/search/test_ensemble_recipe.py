import json
from pathlib import Path

import numpy as np
import pytest

from builders import random_world
from bunri.errors import BunriError, ConfigError, DataError
from bunri.fuse import METHODS, FuseOptions, fuse
from bunri.predictions import Predictions
from bunri.search import EnsembleRecipe, apply_recipe, read_recipe, write_recipe
from bunri.search.recipe import recipe_of


def make_recipe(**changes: object) -> EnsembleRecipe:
    values = {"members": ["member0", "member1"], "weights": [2, 1], "min_score": [0, 0.1], "iou": 0.6} | changes
    return EnsembleRecipe.validated(values, "recipe.json")


def members(count: int = 2) -> dict[str, Predictions]:
    return {member.name: member for member in random_world(members=count)[1]}


def same(a: Predictions, b: Predictions) -> bool:
    return np.array_equal(a.score, b.score) and np.array_equal(a.box_xyxy, b.box_xyxy)


@pytest.mark.parametrize("method", METHODS)
def test_a_recipe_is_the_fusion_it_describes(method: str) -> None:
    given = members()
    applied = apply_recipe(make_recipe(method=method), given)
    direct = fuse(list(given.values()), method=method, iou=0.6, weights=[2, 1], min_score=[0, 0.1])
    assert same(applied, direct)
    assert applied.name == "ensemble"


def test_members_are_found_by_name_in_any_order() -> None:
    given = members(3)
    reverse = dict(reversed(given.items()))
    assert same(apply_recipe(make_recipe(), given), apply_recipe(make_recipe(), reverse))


def test_written_and_read_again_nothing_changes(tmp_path: Path) -> None:
    recipe = make_recipe(found={"mAP50": 0.7, "images": 10})
    write_recipe(recipe, tmp_path / "recipe.json")
    assert read_recipe(tmp_path / "recipe.json") == recipe


def test_one_member_as_it_is_changes_nothing() -> None:
    recipe = recipe_of(FuseOptions("nms", 1.0, weights=(0.0, 1.0), min_score=(0.0, 0.0)), ["member0", "member1"])
    given = members()
    applied = apply_recipe(recipe, given)
    assert recipe.members == ("member1",)
    assert str(recipe) == "as it is: member1"
    assert sorted(applied.score.tolist()) == sorted(given["member1"].score.tolist())


def test_options_there_and_back() -> None:
    options = FuseOptions("soft_nms", weights=(1.0, 0.5), min_score=(0.0, 0.2), decay="linear", sigma=0.3)
    assert recipe_of(options, ["a", "b"]).options == options


def test_a_missing_member_is_refused_by_name() -> None:
    given = {"member0": members()["member0"]}
    with pytest.raises(DataError, match="needs the members member0, member1, but member1 is not among member0"):
        apply_recipe(make_recipe(), given)


def test_a_missing_member_can_be_done_without() -> None:
    given = members()
    del given["member1"]
    without = apply_recipe(make_recipe(), given, allow_missing=True)
    assert same(without, fuse([given["member0"]], iou=0.6, weights=[2.0]))
    with pytest.raises(DataError, match=r"are not among none.*one at least must be there"):
        apply_recipe(make_recipe(), {}, allow_missing=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": ["a", "a"]}, "members must be unique"),
        ({"members": []}, "at least 1 item"),
        ({"weights": [1]}, "weights must have one number for each of the 2 members"),
        ({"weights": [1, 0]}, "weights must be above 0"),
        ({"method": "magic"}, "method must be one of wbf, nms"),
        ({"iuo": 0.5}, "iuo: unknown key; did you mean 'iou'?"),
        ({"version": 2}, "version"),
    ],
)
def test_mistakes_in_a_recipe(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_recipe(**changes)


@pytest.mark.parametrize("content", ["[1]", "{", '{"members": ["a"], "weights": [1], "min_score": [0], "iou": 7}'])
def test_a_file_that_is_no_recipe(content: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(content)
    with pytest.raises(BunriError, match=r"recipe\.json|iou must lie"):
        read_recipe(path)


def test_words() -> None:
    assert str(make_recipe()) == "wbf IoU 0.6: 2 member0 + member1, scores above 0.1"
    assert str(make_recipe(method="soft_nms")).startswith("soft_nms gaussian sigma 0.5: ")
    assert json.loads(make_recipe().model_dump_json())["method"] == "wbf"
