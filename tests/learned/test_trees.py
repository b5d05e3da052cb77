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
from bunri.learned.forest import LEAF, Forest
from bunri.learned.growing import Labels, grow
from bunri.learned.lightgbm_trees import forest_of
from bunri.learned.trees import Trees, TreeSettings
from learned_worlds import threshold_features

SMALL = TreeSettings(seeds=3, rounds=12, leaves=5, least_in_leaf=5, row_share=0.8, feature_share=0.9)


def grown(seed: int = 0, **changes: Any) -> tuple[Trees, Features]:
    features, log_odds = threshold_features(seed)
    labels = Labels(log_odds > 0, log_odds > -1)
    return grow(features, labels, SMALL, **changes), features


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


def test_a_split_between_known_and_unknown() -> None:
    """Where only that a member did not look tells, LightGBM's threshold is infinite."""
    values = np.where(np.arange(200) % 2, np.nan, np.linspace(0, 1, 200)).astype(np.float32)[:, None]
    parameters = SMALL.parameters(0, 1) | {"bagging_fraction": 1.0, "feature_fraction": 1.0}
    model = lightgbm.train(parameters, lightgbm.Dataset(values, np.arange(200) % 2), 3)
    assert "threshold=inf" in model.model_to_string()
    forest = forest_of([model.model_to_string()], 1)
    new = np.array([[0.0], [1.0], [1e30], [-5.0], [np.nan]], np.float32)
    np.testing.assert_allclose(forest.total(new), model.predict(new, raw_score=True), atol=1e-6)
    assert len(np.unique(forest.total(new))) == 2


def test_a_tree_of_one_leaf() -> None:
    features, _ = threshold_features(count=20)
    labels = Labels(np.arange(20) < 5, np.arange(20) < 10)
    trees = grow(features, labels, TreeSettings(seeds=1, rounds=2, least_in_leaf=100))
    assert np.unique(trees.probability(features)).tolist() == pytest.approx([5 / 20], abs=1e-3)
    assert sum(trees.gains.values()) == 0


def test_what_hangs_together_is_found_and_carries_the_gain() -> None:
    trees, features = grown()
    new, log_odds = threshold_features(seed=9)
    for forest in (trees.direct, trees.objects, trees.named):
        assert np.corrcoef(forest.total(new.values), log_odds)[0, 1] > 0.6
    assert tuple(trees.gains) == features.names
    assert sum(trees.gains.values()) == pytest.approx(1)
    assert trees.gains["shape: border"] < 0.2 < trees.gains["all: score"]


def class_and_score() -> tuple[Features, Labels]:
    """What has a high score is on an object; of these, those of class 3 are true."""
    class_index, score = np.meshgrid(np.arange(4), np.linspace(0, 1, 100))
    values = np.column_stack([class_index.ravel(), score.ravel()]).astype(np.float32)
    on_object = np.asarray(values[:, 1] > 0.3)
    return Features(("all: class", "all: score"), values), Labels((values[:, 0] == 3) & on_object, on_object)


def test_models_of_three_kinds_take_turns() -> None:
    features, labels = class_and_score()
    trees = grow(features, labels, replace(SMALL, seeds=5, feature_share=1.0))
    assert trees.in_steps == 2 / 5
    asked = [set(tree.tolist()) - {LEAF} for tree in np.split(trees.direct.feature, trees.direct.root[1:])]
    assert set.union(*asked[:12]) == {0, 1}
    assert set.union(*asked[12:24]) == {1}, "the second model must not know the classes"
    assert set.union(*asked[24:]) == {0, 1}
    assert set(trees.objects.feature.tolist()) == {LEAF, 1}
    assert set(trees.named.feature.tolist()) == {LEAF, 0}


def test_two_steps_are_an_object_and_then_its_class() -> None:
    features, labels = class_and_score()
    trees = replace(grow(features, labels, replace(SMALL, feature_share=1.0)), in_steps=1.0)
    object_there, right = (1 / (1 + np.exp(-one.total(features.values))) for one in (trees.objects, trees.named))
    np.testing.assert_allclose(trees.probability(features), object_there * right, rtol=1e-6)
    both, direct = (replace(trees, in_steps=share).probability(features) for share in (0.5, 0.0))
    odds = [one / (1 - one) for one in (both, direct, object_there * right)]
    np.testing.assert_allclose(odds[0], np.sqrt(odds[1] * odds[2]), rtol=1e-6)


def test_sure_steps_stay_numbers() -> None:
    sure = forest(number=[0.5, 80, 80])
    trees = Trees(forest(), sure, sure, 1.0, {"all: score": 1.0})
    assert trees.probability(Features(("all: score",), np.zeros((1, 1), np.float32))).tolist() == pytest.approx([1.0])


@pytest.mark.parametrize("share", [-0.1, 1.1, np.nan])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="share of models in two steps"):
        Trees(forest(), forest(), forest(), share, {})


def test_the_same_seed_gives_the_same_trees_with_any_number_of_threads() -> None:
    (one, features), (two, _), (other, _) = grown(threads=1), grown(threads=2), grown(seed=0)
    np.testing.assert_array_equal(one.probability(features), two.probability(features))
    assert json.dumps(one.to_dict()) == json.dumps(other.to_dict())


def test_growing_ends_when_it_is_told_to_but_not_before_the_first_model() -> None:
    asked: list[int] = []

    def stop(count: int) -> bool:
        asked.append(count)
        return False

    trees, _ = grown(go_on=stop)
    assert asked == [1]
    assert [len(forest.root) for forest in (trees.direct, trees.objects, trees.named)] == [
        0,
        SMALL.rounds,
        SMALL.rounds,
    ]
    assert trees.in_steps == 1


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
