"""Trees as flat arrays give what LightGBM gives, and damaged ones are refused."""

import json
import sys
from dataclasses import replace
from typing import Any

import lightgbm
import numpy as np
import pytest

from bunri.errors import DataError, MissingPackageError
from bunri.learned.features import Features
from bunri.learned.forest import Forest
from bunri.learned.lightgbm_trees import forest_of
from bunri.learned.trees import Trees, TreeSettings, grow
from learned_worlds import threshold_features

SMALL = TreeSettings(seeds=2, rounds=12, leaves=5, least_in_leaf=5, row_share=0.8, feature_share=0.9)


def grown(seed: int = 0, **changes: Any) -> tuple[Trees, Features]:
    features, log_odds = threshold_features(seed)
    return grow(features, log_odds > 0, SMALL, **changes), features


@pytest.mark.parametrize("with_unknown", [True, False])
def test_the_forest_scores_as_lightgbm_does(with_unknown: bool) -> None:
    features, log_odds = threshold_features()
    values = features.values if with_unknown else np.nan_to_num(features.values, nan=0.25)
    models = [lightgbm.train(SMALL.parameters(seed, 1), lightgbm.Dataset(values, log_odds > 0), 12) for seed in (0, 1)]
    forest = forest_of([model.model_to_string() for model in models], 3)
    new, _ = threshold_features(seed=5)  # with NaN also where the model met none
    expected = np.mean([model.predict(new.values, raw_score=True) for model in models], axis=0)
    np.testing.assert_allclose(forest.total(new.values), expected, atol=1e-6)


def test_values_on_a_threshold_fall_on_the_side_they_fell_on() -> None:
    values = np.repeat(np.array([0.1, 0.2, 0.3], np.float32), 50)[:, None]
    parameters = SMALL.parameters(0, 1) | {"bagging_fraction": 1.0, "feature_fraction": 1.0}
    model = lightgbm.train(parameters, lightgbm.Dataset(values, values[:, 0] > 0.15), 3)
    forest = forest_of([model.model_to_string()], 1)
    around = np.array([0.1, np.nextafter(np.float32(0.15), np.float32(1)), 0.15, 0.2, 0.25, 0.3], np.float32)[:, None]
    np.testing.assert_allclose(forest.total(around), model.predict(around, raw_score=True), atol=1e-6)


def test_a_tree_of_one_leaf() -> None:
    features, _ = threshold_features(count=20)
    trees = grow(features, np.arange(20) < 5, TreeSettings(seeds=1, rounds=2, least_in_leaf=100))
    assert np.unique(trees.probability(features)).tolist() == pytest.approx([5 / 20], abs=1e-3)
    assert sum(trees.gains.values()) == 0


def test_what_hangs_together_is_found_and_carries_the_gain() -> None:
    trees, features = grown()
    new, log_odds = threshold_features(seed=9)
    found = trees.forest.total(new.values)
    assert np.corrcoef(found, log_odds)[0, 1] > 0.7
    assert tuple(trees.gains) == features.names
    assert sum(trees.gains.values()) == pytest.approx(1)
    assert trees.gains["shape: border"] < 0.2 < trees.gains["all: score"]


def test_every_second_model_does_not_know_the_classes() -> None:
    class_index = np.tile(np.arange(4, dtype=np.float32), 100)
    features = Features(
        ("all: class", "all: score"), np.column_stack([class_index, class_index > 1]).astype(np.float32)
    )
    asked = []
    for seeds in (1, 2):
        forest = grow(features, class_index == 3, replace(SMALL, seeds=seeds, feature_share=1.0)).forest
        asked.append(np.split(forest.feature, forest.root[1:]))
    assert [[bool((tree == 0).any()) for tree in model] for model in asked] == [[True] * 12, [True] * 12 + [False] * 12]


def test_the_same_seed_gives_the_same_trees_with_any_number_of_threads() -> None:
    (one, features), (two, _), (other, _) = grown(threads=1), grown(threads=2), grown(seed=0)
    np.testing.assert_array_equal(one.probability(features), two.probability(features))
    assert json.dumps(one.forest.to_dict()) == json.dumps(other.forest.to_dict())


def test_growing_ends_when_it_is_told_to_but_not_before_the_first_model() -> None:
    asked: list[int] = []

    def stop(count: int) -> bool:
        asked.append(count)
        return False

    trees, _ = grown(go_on=stop)
    assert asked == [1]
    assert len(trees.forest.root) == SMALL.rounds


def test_written_and_read_again_nothing_changes() -> None:
    trees, features = grown()
    back = Trees.from_dict(json.loads(json.dumps(trees.to_dict())))
    np.testing.assert_array_equal(back.probability(features), trees.probability(features))
    assert back.gains == trees.gains


LINE = {"root": [0], "feature": [0, -1, -1], "number": [0.5, 1, 2], "right": [2, 0, 0], "unknown": [1, 0, 0]}
"""One split, two leaves."""


def forest(**changes: list[float]) -> Forest:
    values = LINE | changes
    root, feature, right, unknown = (
        np.array(values[name], np.int32) for name in ("root", "feature", "right", "unknown")
    )
    return Forest(root, feature, np.array(values["number"], np.float32), right, unknown, features=1)


def test_a_forest_by_hand() -> None:
    assert forest().total(np.array([[0.5], [0.6], [np.nan]], np.float32)).tolist() == [1, 2, 1]
    assert forest(unknown=[2, 0, 0]).total(np.array([[np.nan]], np.float32)).tolist() == [2]
    assert forest(root=[]).total(np.zeros((2, 1), np.float32)).tolist() == [0, 0]
    with pytest.raises(ValueError, match="there must be 1 features, but there are 2"):
        forest().total(np.zeros((2, 2), np.float32))


@pytest.mark.parametrize(
    "changes",
    [
        {"root": [3]},
        {"root": [-1]},
        {"feature": [1, -1, -1]},
        {"feature": [-2, -1, -1]},
        {"feature": [0, -1]},
        {"feature": [0, -1, 0]},  # the last node would lead out
        {"right": [0, 0, 0]},  # round and round
        {"right": [1, 0, 0]},
        {"right": [3, 0, 0]},
        {"unknown": [0, 0, 0]},
        {"number": [0.5, np.nan, 2]},
        {"number": [0.5, 1]},
    ],
)
def test_trees_that_lead_nowhere_are_refused(changes: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match="must lead from each node to later ones"):
        forest(**changes)


def test_an_array_of_another_type_is_refused() -> None:
    values = forest().to_dict()
    with pytest.raises(DataError, match="its type must be int32"):
        Forest.from_dict(values | {"right": values["number"]})


def test_without_lightgbm_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(MissingPackageError, match="pip install lightgbm"):
        grown()
