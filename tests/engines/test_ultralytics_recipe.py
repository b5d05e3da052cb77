"""What a recipe makes of a native config; no framework is needed to see it."""

from pathlib import Path
from typing import Any

import pytest
import torch

from bunri.dataset import Dataset
from bunri.engines.base import Job
from bunri.engines.ultralytics.config import NativeConfig
from bunri.engines.ultralytics.engine import devices_of
from bunri.engines.ultralytics.losses import StepRecord, rates
from bunri.engines.ultralytics.native_run import RANDOM_AUGMENTATION, NativeRun, batch_refusal, native_run
from bunri.errors import ConfigError, EngineError
from bunri.recipe import Recipe
from engine_jobs import awkward_dataset

ARGS: dict[str, Any] = {
    "batch": 4,
    "nbs": 16,
    "epochs": 10,
    "warmup_epochs": 3.0,
    "amp": True,
    "max_det": 300,
    "conf": None,
    "mosaic": 1.0,
    "optimizer": "auto",
    "lr0": 0.01,
    "close_mosaic": 10,
}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return awkward_dataset(tmp_path / "photos")  # nine photos


def run_of(dataset: Dataset, recipe: dict[str, Any], device: str = "cpu", **args: Any) -> NativeRun:
    values = {"engine": "ultralytics", "config": "u.yaml", "run_folder": "run", "recipe": recipe, "seed": 7}
    return native_run(NativeConfig(ARGS | args, {}, {}), Job.model_validate(values), dataset, device)


@pytest.mark.parametrize(
    ("device", "processes", "has_gpus", "listed"),
    [
        ("auto", 1, False, "cpu"),
        ("auto", 2, False, "cpu"),
        ("auto", 1, True, "0"),
        ("cuda", 2, True, "0,1"),
        ("auto", 4, True, "0,1,2,3"),
        ("cpu", 2, True, "cpu"),
    ],
)
def test_the_device_list_has_a_gpu_for_each_process(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, device: str, processes: int, has_gpus: bool, listed: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpus)
    values = {"engine": "ultralytics", "config": "u.yaml", "run_folder": "run"}
    job = Job.model_validate(values | {"device": device, "processes": processes})
    assert devices_of(job) == listed
    run = native_run(NativeConfig(ARGS, {}, {}), job, dataset, devices_of(job))
    assert (run.args["device"], run.args["batch"]) == (listed, 4)  # Ultralytics' batch is that of all


def test_a_recipe_that_says_nothing_leaves_the_config_as_it_is(dataset: Dataset) -> None:
    run = run_of(dataset, {})
    kept = ("batch", "nbs", "warmup_epochs", "optimizer", "mosaic", "close_mosaic", "lr0", "max_det")
    assert {key: run.args[key] for key in kept} == {key: ARGS[key] for key in kept}
    assert not run.ours
    # nine photos in fours for ten epochs: round(10 * 9 / 4 / 4) = 6 steps are 24 batches; the last step ends at 23
    assert run.plan.batches == 23
    assert run.plan.steps > 6


def test_the_experiment_owns_places_and_seed(dataset: Dataset) -> None:
    args = run_of(dataset, {}).args
    assert args["save_dir"] == "run/native"
    assert args["seed"] == 7
    assert (args["device"], args["project"], args["workers"]) == ("cpu", None, 0)


def test_photos_of_a_step_are_the_recipes(dataset: Dataset) -> None:
    run = run_of(dataset, {"batch_size": 3, "accumulate": 2, "epochs": 4})
    assert (run.args["batch"], run.args["nbs"]) == (3, 6)
    assert run.plan.steps == 6  # 4 epochs of 9 photos in sixes
    assert run.args["epochs"] == run.plan.rounds == 4


def test_a_batch_size_alone_is_a_step(dataset: Dataset) -> None:
    run = run_of(dataset, {"batch_size": 3, "iterations": 5})
    assert run.args["nbs"] == 3
    assert run.plan.ends_step.all()
    assert run.plan.steps == 5


@pytest.mark.parametrize("said", [{"optimizer": {"name": "SGD"}}, {"schedule": {"name": "constant"}}])
def test_ultralytics_warm_up_is_off_where_the_recipe_sets_the_rates(dataset: Dataset, said: dict[str, Any]) -> None:
    run = run_of(dataset, said)
    assert run.ours
    assert run.args["warmup_epochs"] == 0.0
    assert run.plan.warmup == 0
    assert run.args["optimizer"] == said.get("optimizer", {}).get("name", "auto")


def test_a_pipeline_takes_the_place_of_all_random_augmentation(dataset: Dataset) -> None:
    args = run_of(dataset, {"augment": []}).args
    assert {args[key] for key in RANDOM_AUGMENTATION} == {0.0}
    assert args["close_mosaic"] == 0


@pytest.mark.parametrize(
    ("recipe", "native", "device", "amp"),
    [
        ({}, True, "cpu", False),
        ({}, True, "0", True),
        ({"amp": False}, True, "0", False),
        ({"amp": True}, "bf16", "0", True),
        ({"amp": True}, False, "cpu", False),
        ({}, "bf16", "0", "bf16"),
    ],
)
def test_mixed_precision_is_for_gpus(
    dataset: Dataset, recipe: dict[str, Any], native: Any, device: str, amp: Any
) -> None:
    assert run_of(dataset, recipe, device, amp=native).args["amp"] == amp


def test_nothing_is_cut_before_the_recipes_floor(dataset: Dataset) -> None:
    args = run_of(dataset, {"score_floor": 0.0, "max_boxes": 500}).args
    assert (args["conf"], args["max_det"]) == (0.0, 500)
    assert run_of(dataset, {"max_boxes": 50}).args["max_det"] == 300


@pytest.mark.parametrize("batch", [-1, 0.7])
def test_a_batch_measured_from_memory_is_refused(dataset: Dataset, batch: float) -> None:
    config = NativeConfig(ARGS | {"batch": batch}, {}, {})
    [refusal] = batch_refusal(config, Recipe())
    assert refusal.startswith(f"batch_size: the config says batch: {batch}")
    assert batch_refusal(config, Recipe(batch_size=4)) == []
    with pytest.raises(ConfigError, match=r"recipe\.batch_size: the config says"):
        run_of(dataset, {}, batch=batch)


def test_a_step_is_recorded_by_the_means_of_its_batches() -> None:
    record = StepRecord()
    assert record.scalars(0) == {}
    record.add(torch.tensor(3.0), {"box_loss": torch.tensor(1.0), "cls_loss": torch.tensor(2.0)})
    record.add(torch.tensor(5.0), {"box_loss": torch.tensor(2.0), "cls_loss": torch.tensor(3.0)})
    values = record.scalars(1)
    assert values.pop("time/step") >= 0
    assert values == {"train/loss": 4.0, "train/loss/box_loss": 1.5, "train/loss/cls_loss": 2.5}


def test_what_ultralytics_does_not_show_of_a_loss_is_a_part_of_its_own() -> None:
    record = StepRecord()
    record.add(torch.tensor(10.0), {"giou_loss": torch.tensor(4.0)})
    assert record.scalars(1)["train/loss/not_shown"] == 6.0


def test_a_loss_that_is_not_finite_says_what_to_do() -> None:
    record = StepRecord()
    record.add(torch.tensor(float("nan")), {"box_loss": torch.tensor(float("nan"))})
    with pytest.raises(EngineError, match=r"must be finite, but at iteration 7 it is .*set recipe\.clip_norm"):
        record.scalars(7)


def test_rates_have_the_names_of_their_groups() -> None:
    groups = [
        {"param_group": "weight", "lr": 0.1},
        {"param_group": "weight", "lr": 0.3},
        {"name": "base", "lr": 0.2},
    ]
    assert rates(groups) == {"lr/weight": 0.1, "lr/weight_1": 0.3, "lr/base": 0.2}
