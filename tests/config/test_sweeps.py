from pathlib import Path
from typing import Any

import pytest
import yaml

from bunri.config import Experiment, load_experiment
from bunri.errors import ConfigError
from experiment_files import write_experiment


def loaded(folder: Path, sweep: Any, *overrides: str) -> Experiment:
    path = write_experiment(folder, {"a": {"steps": 2}, "b": {"steps": 2}})
    values = yaml.safe_load(path.read_text())
    values["models"][0] |= {"sweep": sweep, "set": {"noise": 1.0}}
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return load_experiment(path, overrides)


def test_a_sweep_stands_for_every_combination(tmp_path: Path) -> None:
    experiment = loaded(tmp_path, {"set.steps": [3, 4], "recipe.optimizer.lr": [0.1, 1e-5]})
    assert [model.name for model in experiment.models] == [
        "a-steps_3-lr_0.1",
        "a-steps_3-lr_1e_05",
        "a-steps_4-lr_0.1",
        "a-steps_4-lr_1e_05",
        "b",
    ]
    last = experiment.models[3]
    assert last.set == {"noise": 1.0, "steps": 4}
    assert last.recipe.optimizer.lr == 1e-5
    assert experiment.models[0].set == {"noise": 1.0, "steps": 3}


def test_overrides_hold_for_all_arms_and_can_change_the_sweep(tmp_path: Path) -> None:
    changes = ("models.a.recipe.epochs=3", "models.a.sweep={set.model.depth: [1], set.model.head.depth: [x y, z]}")
    experiment = loaded(tmp_path, {"set.steps": [1]}, *changes)
    assert [model.name for model in experiment.models[:2]] == [
        "a-set.model.depth_1-set.model.head.depth_x_y",
        "a-set.model.depth_1-set.model.head.depth_z",
    ]
    assert [model.recipe.epochs for model in experiment.models[:2]] == [3, 3]
    assert experiment.models[0].set == {"noise": 1.0, "model.depth": 1, "model.head.depth": "x y"}


def test_without_a_sweep_a_model_is_itself(tmp_path: Path) -> None:
    assert [model.name for model in loaded(tmp_path, None).models] == ["a", "b"]


@pytest.mark.parametrize(
    ("sweep", "told"),
    [
        ([1, 2], "models.a.sweep: must have dotted keys, each with a list of values"),
        ({}, "models.a.sweep: must have dotted keys, each with a list of values"),
        ({"steps": [1]}, "models.a.sweep.steps: must begin with set. or recipe."),
        ({"engine.x": [1]}, "models.a.sweep.engine.x: must begin with set. or recipe."),
        ({"set.steps": 3}, "models.a.sweep.set.steps: must be a list of values, but got 3"),
        ({"set.steps": []}, "models.a.sweep.set.steps: must be a list of values, but got []"),
        ({"set.steps": list(range(40)), "set.noise": list(range(40))}, "must give at most 1000 models, but gives 1600"),
        ({"set.steps": [1, 1]}, "models.a-steps_1: names must differ, but 2 are the same"),
        ({"recipe.epochs.x": [1]}, "recipe.epochs"),
    ],
)
def test_mistakes_are_told_with_all_others(tmp_path: Path, sweep: Any, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, sweep, "folds.cuont=3")
    assert any(told in mistake for mistake in caught.value.mistakes)
    assert any("folds.cuont" in mistake for mistake in caught.value.mistakes)


def test_arms_have_the_priority_of_their_model(tmp_path: Path) -> None:
    experiment = loaded(tmp_path, {"set.steps": [3, 4]}, "models.a.priority=5")
    assert [model.priority for model in experiment.models] == [5, 5, 0]
