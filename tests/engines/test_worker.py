import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from bunri.engines import base, worker
from bunri.engines.base import CheckJob, ModelToCheck, StopRequested
from bunri.errors import ConfigError, DataError, MissingPackageError, OutputError
from bunri.events import Ended, Event, Facts, Note, Scalars, from_line
from bunri.files import read_json, write_text
from bunri.run_folder import RunFolder
from experiment_files import make_job


@pytest.fixture(autouse=True)
def _nobody_asked_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_stop", type(base._stop)())


def test_a_job_is_trained_and_predicted(tmp_path: Path) -> None:
    events: list[Event] = []
    job = make_job(tmp_path)
    worker.run_job(job, events.append)
    facts = [event.values for event in events if isinstance(event, Facts)]
    assert {"version/python", "version/bunri", "version/numpy"} <= set(facts[0])
    assert [values["task"] for values in facts if "task" in values] == ["train", "predict"]
    assert job.folder.predictions_file("val").exists()


def test_a_stop_between_tasks_is_heeded(tmp_path: Path) -> None:
    base.request_stop()
    with pytest.raises(StopRequested):
        worker.run_job(make_job(tmp_path), lambda event: None)


def noted(error: Exception) -> Exception:
    """An error to which a framework added on its way."""
    error.add_note("while it looked at the second batch")
    return error


def raising(error: BaseException) -> Any:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("work", "ended"),
    [
        (lambda: None, Ended("done")),
        (raising(StopRequested()), Ended("stopped", "stopped on request at a checkpoint")),
        (raising(KeyboardInterrupt()), Ended("stopped", "stopped at once, without a new checkpoint")),
        (raising(DataError("a photo is broken")), Ended("failed", "a photo is broken", 3)),
        (raising(RuntimeError("first\nCUDA out of patience")), Ended("failed", "CUDA out of patience", 1)),
        (raising(noted(ValueError("shapes differ"))), Ended("failed", "ValueError: shapes differ", 1)),
        (raising(SyntaxError("no code")), Ended("failed", "SyntaxError: no code", 1)),
        (raising(SystemExit(2)), Ended("failed", "SystemExit: 2", 1)),
    ],
)
def test_every_end_has_a_last_word(work: Any, ended: Ended, tmp_path: Path) -> None:
    found = worker._outcome(work, RunFolder(tmp_path))
    assert (found.status, found.exit_code) == (ended.status, ended.exit_code)
    assert found.message.endswith(ended.message)


class _OnAFullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_under_the_log_keeps_nobody_from_the_last_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stdout", _OnAFullDisk())
    reading, writing = os.pipe()
    worker._connect(str(writing), tmp_path / "measured.jsonl")(Note("the run goes on"))
    assert from_line(os.read(reading, 1000).decode()) == Note("the run goes on")
    assert worker._outcome(raising(OutputError("last.pt is full")), RunFolder(tmp_path)).message == "last.pt is full"
    assert worker._outcome(raising(RuntimeError("boom")), RunFolder(tmp_path)).message == "RuntimeError: boom"
    os.close(reading)
    os.close(writing)


def test_a_check_answers_for_every_model_and_names_all_its_mistakes(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("steps: 4\n")
    recipe = {"augment": [{"HorizontalFlop": {}}], "optimizer": {"name": "AdamX"}}
    models = [
        {"name": "good", "config": tmp_path / "good.yaml", "overrides": {"noise": 2}},
        {"name": "bad", "config": tmp_path / "good.yaml", "overrides": {"nois": 2}, "recipe": recipe},
    ]
    job = CheckJob(
        engine="fake_engine:FakeEngine",
        models=tuple(ModelToCheck.validated(model, "the test") for model in models),
        answer=tmp_path / "answer.json",
    )
    worker.check(job)
    answer = read_json(tmp_path / "answer.json", "the answer")
    assert answer["good"] == {
        "mistakes": [],
        "before": "steps: 4\n",
        "after": "noise: 2\nsteps: 4\n",
        "suffix": ".yaml",
    }
    key, augment, optimizer = answer["bad"]["mistakes"]
    assert "nois: unknown key; did you mean 'noise'?" in key
    assert augment.startswith("recipe.augment[0].HorizontalFlop: Albumentations has no such transform; did you mean")
    assert optimizer.startswith("recipe.optimizer.name: 'AdamX' is no class of torch.optim; did you mean 'Adam")


def test_events_go_down_the_pipe_and_a_dead_parent_asks_to_stop(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    emit = worker._connect(str(writing), tmp_path / "measured.jsonl")
    emit(Facts({"weights": "분리"}))
    assert from_line(os.read(reading, 1000).decode()) == Facts({"weights": "분리"})
    assert not base.job_should_stop()
    os.close(reading)
    emit(Facts({}))  # nobody listens any more
    emit(Scalars(7, {"train/loss": 0.5}))
    assert base.job_should_stop()
    assert from_line((tmp_path / "measured.jsonl").read_text()) == Scalars(7, {"train/loss": 0.5})
    os.close(writing)


@pytest.mark.parametrize(
    ("job", "words"),
    [({"engine": "torchvision"}, "must be given"), ({"kind": "check", "engin": 1}, "did you mean 'engine'")],
)
def test_a_broken_job_file_is_refused(tmp_path: Path, job: Any, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    write_text(tmp_path / "job.json", json.dumps(job))
    ended = worker._outcome(lambda: worker._work(tmp_path / "job.json", lambda event: None), RunFolder(tmp_path))
    assert (ended.status, ended.exit_code) == ("failed", 2)
    assert words in ended.message


@pytest.mark.parametrize("name", ["fake_engine:NoEngine", "no_such_module:Engine"])
def test_an_engine_that_cannot_be_loaded_is_named(name: str) -> None:
    with pytest.raises(MissingPackageError, match=f"engine {name} cannot be loaded: .*beside the model's config"):
        base.engine_by_name(name)


def test_an_unknown_engine_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="'torchvison' is unknown; did you mean 'torchvision'"):
        base.engine_by_name("torchvison")
