from typing import Any

import pytest

from bunri.config.overrides import apply_overrides, merge_recipes
from bunri.errors import ConfigError

VALUES: dict[str, Any] = {
    "jobs": 1,
    "recipe": {"optimizer": {"lr": 0.1}},
    "models": [{"name": "fcos", "set": {"arguments.min_size": 192}}, {"name": "retina"}],
    "folds": None,
}


@pytest.mark.parametrize(
    ("override", "place", "expected"),
    [
        ("jobs=2", ["jobs"], 2),
        ("recipe.optimizer.lr=1e-3", ["recipe", "optimizer", "lr"], 0.001),  # YAML 1.1 would read a text
        ("recipe.optimizer.lr=0.01", ["recipe", "optimizer", "lr"], 0.01),
        ("models.retina.recipe.epochs=3", ["models", 1, "recipe", "epochs"], 3),
        ("models.1.engine=other", ["models", 1, "engine"], "other"),
        ("models.fcos.set.arguments.min_size=256", ["models", 0, "set", "arguments.min_size"], 256),
        ("folds.run=[0, 1]", ["folds", "run"], [0, 1]),
        ("name=", ["name"], None),
        ("data.train.where.a.b=x=y", ["data", "train", "where", "a.b"], "x=y"),
        (
            "recipe.optimizer.layer_factors.backbone.body=0",
            ["recipe", "optimizer", "layer_factors", "backbone.body"],
            0,
        ),
    ],
)
def test_override_reaches_its_place(override: str, place: list[Any], expected: Any) -> None:
    value: Any = apply_overrides(VALUES, [override])
    for part in place:
        value = value[part]
    assert value == expected


def test_overrides_leave_the_given_values_alone() -> None:
    apply_overrides(VALUES, ["recipe.optimizer.lr=5", "models.fcos.set.a=1"])
    assert VALUES["recipe"]["optimizer"]["lr"] == 0.1
    assert VALUES["models"][0]["set"] == {"arguments.min_size": 192}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("jobs", "must be dotted.key=value"),
        ("=2", "must be dotted.key=value"),
        ("models.fcoss.stages=one", "did you mean 'fcos'"),
        ("models.7.stages=one", "no entry is called '7'"),
        ("jobs.more=2", "no keys"),
        ("recipe.optimizer.lr.x.y=2", "no keys"),
        ("folds.run=[0", "must be YAML"),
    ],
)
def test_wrong_overrides_are_refused(override: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        apply_overrides(VALUES, [override])


@pytest.mark.parametrize(
    ("common", "own", "merged"),
    [
        ({"epochs": 3}, {}, {"epochs": 3}),
        ({"epochs": 3}, {"iterations": 9}, {"iterations": 9}),
        ({"iterations": 9, "ema": 0.9}, {"epochs": 3}, {"epochs": 3, "ema": 0.9}),
        ({"optimizer": {"name": "SGD", "lr": 1}}, {"optimizer": {"lr": 2}}, {"optimizer": {"name": "SGD", "lr": 2}}),
        ({"augment": [{"HorizontalFlip": {}}]}, {"augment": []}, {"augment": []}),
        ({"optimizer": {"lr": 1}}, {"optimizer": None}, {"optimizer": None}),
    ],
)
def test_merge_recipes(common: dict[str, Any], own: dict[str, Any], merged: dict[str, Any]) -> None:
    assert merge_recipes(common, own) == merged


@pytest.mark.parametrize(
    ("own", "merged"),
    [
        ({"name": "a:b"}, {"name": "a:b"}),
        ({"repeat_factor_threshold": 0.2}, {"repeat_factor_threshold": 0.2}),
        ({}, {"repeat_factor_threshold": 0.1}),
        (3, 3),
    ],
)
def test_a_models_own_kind_of_sampler_replaces_the_common_one(own: Any, merged: Any) -> None:
    common = {"sampler": {"repeat_factor_threshold": 0.1}}
    assert merge_recipes(common, {"sampler": own}) == {"sampler": merged}


def test_arguments_of_a_common_sampler_are_merged() -> None:
    common = {"sampler": {"name": "a:b", "arguments": {"power": 1, "top": 4}}}
    merged = merge_recipes(common, {"sampler": {"arguments": {"power": 2}}})
    assert merged == {"sampler": {"name": "a:b", "arguments": {"power": 2, "top": 4}}}
    assert merge_recipes(common, {"sampler": {"repeat_factor_threshold": 0.1}}) == {
        "sampler": {"repeat_factor_threshold": 0.1}
    }
