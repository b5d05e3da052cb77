import math
from pathlib import Path
from typing import IO, Any

import pytest
import torch

from bunri.engines import base, checkpoint
from bunri.engines.base import Job, StopRequested
from bunri.engines.checkpoint import Identity
from bunri.engines.loop import trainer
from bunri.engines.torchvision.engine import TorchvisionEngine
from bunri.errors import ConfigError, DataError, EngineError, OutputError
from bunri.events import Facts, Resumed
from bunri.io import load_dataset, read_predictions
from torchvision_jobs import Recorder, make_job


@pytest.fixture(autouse=True)
def _record_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "LOG_EVERY", 1)


def _train(job: Job) -> Recorder:
    recorder = Recorder()
    TorchvisionEngine().train(job, recorder)
    return recorder


def test_events_have_the_contracts_names(tmp_path: Path) -> None:
    recorder = _train(make_job(tmp_path))
    names = {name for _, name in recorder.scalars("")}
    assert {"train/loss", "train/loss/classification", "val/mAP50", "val/mAP50_95", "time/step"} <= names
    assert {name for name in names if name.startswith("lr/")} == {"lr/base", "lr/base_no_decay"}
    assert {name for name in names if name.startswith("val/AP50/")} == {"val/AP50/square", "val/AP50/bar"}
    assert [step for step, _ in recorder.scalars("train/loss/bbox_ctr")] == [1, 2, 3, 4, 5, 6]
    assert [step for step, _ in recorder.scalars("val/mAP50_95")] == [3, 6]
    assert all(math.isfinite(value) for value in recorder.scalars("").values())


def test_the_manifest_hears_which_weights_were_used(tmp_path: Path) -> None:
    told = [event.values for event in _train(make_job(tmp_path)).events if isinstance(event, Facts)]
    facts = {name: value for values in told for name, value in values.items()}
    assert facts["weights"] == "timm test_resnet: random"
    assert (facts["stages"], facts["optimizer"]) == ("one", "AdamW")


def test_the_same_seed_gives_the_same_losses_and_another_does_not(tmp_path: Path) -> None:
    losses = [
        _train(make_job(tmp_path, seed=seed, run_folder=tmp_path / name)).scalars("train/")
        for seed, name in ((3, "a"), (3, "b"), (4, "c"))
    ]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


@pytest.mark.parametrize("stopped_after", [1, 3, 4])
def test_a_stopped_run_ends_as_if_it_had_never_been_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_after: int
) -> None:
    whole = _train(make_job(tmp_path, run_folder=tmp_path / "whole"))
    job = make_job(tmp_path, run_folder=tmp_path / "stopped")
    stopped = Recorder()
    monkeypatch.setattr(trainer, "agreed_to_stop", lambda: len(stopped.scalars("train/loss/cl")) >= stopped_after)
    with pytest.raises(StopRequested):
        TorchvisionEngine().train(job, stopped)
    monkeypatch.setattr(trainer, "agreed_to_stop", base.job_should_stop)
    resumed = _train(job.model_copy(update={"resume": True}))
    assert Resumed(stopped_after) in resumed.events
    both = stopped.scalars("train/") | stopped.scalars("val/") | resumed.scalars("train/") | resumed.scalars("val/")
    assert both == whole.scalars("train/") | whole.scalars("val/")
    kept = [torch.load(tmp_path / name / "checkpoints/best.pt", weights_only=True) for name in ("whole", "stopped")]
    assert all(torch.equal(kept[0]["model"][key], kept[1]["model"][key]) for key in kept[0]["model"])


def test_accumulating_batches_is_one_step(tmp_path: Path) -> None:
    recorder = _train(make_job(tmp_path, {"batch_size": 2, "accumulate": 2, "iterations": 3}))
    assert [step for step, name in recorder.scalars("train/loss") if name == "train/loss"] == [1, 2, 3]


def test_the_rate_warms_up_and_follows_the_cosine(tmp_path: Path) -> None:
    recorder = _train(make_job(tmp_path))
    # factor at iteration 0: the warm-up's 0.001; at 3 of 6: 0.01 + 0.99 * (1 + cos(pi / 2)) / 2 = 0.505
    rates = recorder.scalars("lr/base")
    assert rates[1, "lr/base"] == pytest.approx(0.002 * 0.001)
    assert rates[4, "lr/base"] == pytest.approx(0.002 * 0.505)


def test_the_rate_steps_down_at_milestones(tmp_path: Path) -> None:
    schedule = {"name": "multistep", "milestones": [0.5], "gamma": 0.1, "warmup_iterations": 0}
    rates = _train(make_job(tmp_path, {"iterations": 4, "schedule": schedule})).scalars("lr/base")
    assert [rates[step, "lr/base"] for step in range(1, 5)] == pytest.approx([0.002, 0.002, 0.0002, 0.0002])


def _weights(job: Job) -> dict[str, dict[str, torch.Tensor]]:
    _train(job)
    stored: dict[str, Any] = torch.load(job.folder.checkpoint_file("last"), weights_only=True)
    return stored


PLAIN = {"schedule": {"name": "constant", "warmup_iterations": 0}, "ema": 0.0, "augment": [], "validate_every": 99}


def test_a_gradient_is_cut_to_its_norm(tmp_path: Path) -> None:
    runs = {}
    for name, lr in (("start", 1e-30), ("moved", 1.0)):
        recipe = {**PLAIN, "iterations": 1, "clip_norm": 0.25, "optimizer": {"name": "SGD", "lr": lr}}
        runs[name] = _weights(make_job(tmp_path, recipe, run_folder=tmp_path / name))["model"]
    moves = [runs["moved"][key] - old for key, old in runs["start"].items() if not _is_statistic(key)]
    length = torch.cat([move.double().flatten() for move in moves]).norm()
    assert float(length) == pytest.approx(0.25, rel=1e-3)  # a step of SGD at rate 1 is the gradient


def _is_statistic(key: str) -> bool:
    return key.endswith(("running_mean", "running_var", "num_batches_tracked"))


def test_the_moving_average_is_that_of_the_steps(tmp_path: Path) -> None:
    stored = [
        _weights(make_job(tmp_path, {**PLAIN, "iterations": steps, "ema": 0.75}, run_folder=tmp_path / str(steps)))
        for steps in (1, 2)
    ]
    key = "head.classification_head.cls_logits.weight"
    first, second = (weights["model"][key] for weights in stored)
    torch.testing.assert_close(stored[1]["average"][f"module.{key}"], 0.75 * first + 0.25 * second)


def test_mixed_precision_changes_nothing_on_a_cpu(tmp_path: Path) -> None:
    losses = [
        _train(make_job(tmp_path, {"iterations": 2, "amp": amp}, run_folder=tmp_path / str(amp))).scalars("train/loss")
        for amp in (True, False)
    ]
    assert losses[0] == losses[1]


def test_layer_factors_slow_the_backbone(tmp_path: Path) -> None:
    optimizer = {"name": "SGD", "lr": 0.01, "arguments": {"momentum": 0.9}, "layer_factors": {"backbone.body": 0.1}}
    recorder = _train(make_job(tmp_path, {"optimizer": optimizer, "iterations": 3, "schedule": {"name": "constant"}}))
    rates = recorder.scalars("lr/")
    assert rates[3, "lr/backbone.body"] == pytest.approx(0.1 * rates[3, "lr/base"])


def test_a_loss_that_is_not_finite_says_what_to_do(tmp_path: Path) -> None:
    optimizer = {"name": "SGD", "lr": 1e30}
    with pytest.raises(EngineError, match=r"must be finite, but at iteration \d+ .*Lower optimizer.lr"):
        _train(make_job(tmp_path, {"optimizer": optimizer, "schedule": {"warmup_iterations": 0}, "clip_norm": None}))


def test_a_checkpoint_of_other_settings_is_refused_on_resume(tmp_path: Path) -> None:
    _train(make_job(tmp_path, {"iterations": 2}))
    other = make_job(tmp_path, {"iterations": 2}, overrides={"arguments.min_size": 32}, resume=True)
    with pytest.raises(DataError, match="of another model: its config differs"):
        _train(other)


def test_a_job_that_trains_names_its_images(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must name its training images"):
        _train(make_job(tmp_path, train=None))


def test_predictions_are_written_for_val_and_every_other_set(tmp_path: Path) -> None:
    tta = {"views": [{}, {"turn": "hflip"}, {"turn": "rot90", "scale": 0.5}]}
    job = make_job(tmp_path, {"tta": tta, "iterations": 2})
    _train(job)
    assert job.val is not None
    held_out = job.val
    job = job.model_copy(update={"predict": {"test": held_out}})
    TorchvisionEngine().predict(job, Recorder())
    dataset = load_dataset(held_out.annotations)
    val, test = (read_predictions(job.folder.predictions_file(name), dataset) for name in ("val", "test"))
    assert list(val.seen_image_id) == list(dataset.images.id)
    assert len(val)
    assert (val.box_xyxy == test.box_xyxy).all()
    views = {path.name for path in (job.run_folder / "predictions/views").iterdir()}
    assert {"val.identity.parquet", "val.hflip.parquet", "val.rot90@0.5.parquet"} <= views


def test_predicting_before_training_names_the_missing_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"best\.pt is not there"):
        TorchvisionEngine().predict(make_job(tmp_path), Recorder())


def test_a_disk_too_full_for_a_checkpoint_is_told_and_the_last_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, identity = tmp_path / "last.pt", Identity("abc", ("Can",))
    checkpoint.save(path, identity, {"iteration": 3})

    def save_on_a_full_disk(content: object, place: IO[bytes]) -> None:
        place.write(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc] unexpected pos 64 vs 0\nframe 0")

    monkeypatch.setattr(torch, "save", save_on_a_full_disk)
    with pytest.raises(OutputError, match=r"last\.pt must be writable, but: torch cannot write it .* disk full\?"):
        checkpoint.save(path, identity, {"iteration": 4})
    assert checkpoint.load(path, identity)["iteration"] == 3
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]
