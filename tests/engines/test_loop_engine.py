"""The training loop with a library that is nothing but the file on the page for those who bring one."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import bunri
from bunri.engines import base
from bunri.engines.base import StopRequested, engine_by_name
from bunri.engines.loop import trainer
from bunri.engines.loop.detector import to_device
from bunri.errors import ConfigError
from bunri.events import Facts, Resumed
from bunri.io import read_predictions
from bunri.recipe import Recipe
from torchvision_jobs import Recorder, make_job

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
ENGINE = "my_library:CenterEngine"
RECIPE = {"iterations": 8, "batch_size": 4, "validate_every": 1, "ema": 0.0, "accumulate": 2}


@pytest.fixture(autouse=True)
def _library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = re.search(r"^`my_library\.py`:\n\n```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    (tmp_path / "my_library.py").write_text(found[1])
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("my_library", None)


def library_job(folder: Path, recipe: dict[str, Any], **changes: Any) -> Any:
    job = make_job(folder, recipe, engine=ENGINE, **changes)
    job.config.write_text("side: 64\n")
    return job


def test_one_small_file_brings_a_library_that_learns(tmp_path: Path) -> None:
    optimizer = {"name": "AdamW", "lr": 0.004}
    recipe = {
        "iterations": 160,
        "batch_size": 8,
        "validate_every": 40,
        "augment": [],
        "optimizer": optimizer,
        "ema": 0.9,
    }
    job, recorder = library_job(tmp_path, recipe), Recorder()
    engine = engine_by_name(ENGINE)
    engine.train(job, recorder)
    engine.predict(job, recorder)
    assert job.val is not None
    truth = bunri.load_dataset(job.val.annotations)
    scored = bunri.evaluate(read_predictions(job.folder.predictions_file("val"), truth), truth).mAP50
    assert scored >= 0.8
    assert scored == pytest.approx(max(recorder.scalars("val/mAP50").values()), abs=0.002)
    assert {name for _, name in recorder.scalars("train/")} == {"train/loss", "train/loss/heat", "train/loss/box"}
    told = {key: value for event in recorder.events if isinstance(event, Facts) for key, value in event.values.items()}
    assert (told["weights"], told["stages"]) == ("random", "one")
    assert (job.folder.native_folder / "config.yaml").read_text() == "side: 64\nchannels: 32\nclasses: 2\n"


def test_such_a_library_refuses_nothing_and_knows_its_keys(tmp_path: Path) -> None:
    engine = engine_by_name(ENGINE)
    job = library_job(tmp_path, {})
    assert engine.refusals(engine.resolve(job.config, {"channels": 8}), Recipe()) == []
    with pytest.raises(ConfigError, match="chanels: unknown key; did you mean 'channels'"):
        engine.resolve(job.config, {"chanels": 8})


def test_what_was_resolved_before_the_run_is_what_runs(tmp_path: Path) -> None:
    job = library_job(tmp_path, RECIPE, overrides={"channels": 8})
    engine, resolved = engine_by_name(ENGINE), tmp_path / "resolved_config.yaml"
    resolved.write_text(engine.resolve(job.config, {"channels": 16}).after)
    engine.train(job.model_copy(update={"resolved": resolved}), Recorder())
    assert "channels: 16" in (job.folder.native_folder / "config.yaml").read_text()


def test_a_stopped_run_of_such_a_library_goes_on_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "LOG_EVERY", 1)
    engine = engine_by_name(ENGINE)
    whole, stopped, resumed = Recorder(), Recorder(), Recorder()
    engine.train(library_job(tmp_path, RECIPE, run_folder=tmp_path / "whole"), whole)
    job = library_job(tmp_path, RECIPE, run_folder=tmp_path / "stopped")
    monkeypatch.setattr(trainer, "agreed_to_stop", lambda: len(stopped.scalars("train/loss/heat")) >= 3)
    with pytest.raises(StopRequested):
        engine.train(job, stopped)
    monkeypatch.setattr(trainer, "agreed_to_stop", base.job_should_stop)
    engine.train(job.model_copy(update={"resume": True}), resumed)
    assert Resumed(3) in resumed.events
    assert stopped.scalars("train/") | resumed.scalars("train/") == whole.scalars("train/")


def test_every_tensor_of_a_batch_comes_to_the_device() -> None:
    batch = [(torch.ones(2), {"boxes": torch.zeros(1), "name": "a"}), [torch.ones(1)]]
    moved = to_device(batch, torch.device("meta"))
    assert moved[0][0].device.type == moved[0][1]["boxes"].device.type == moved[1][0].device.type == "meta"
    assert isinstance(moved[0], tuple)
    assert moved[0][1]["name"] == "a"
