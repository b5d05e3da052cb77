"""Writers of services in whole runs of the fake engine."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bunri.errors import EngineError, MissingPackageError
from bunri.experiment import run
from bunri.files import read_json
from bunri.run_folder import RunFolder
from bunri.writers import background
from experiment_files import TESTS, write_experiment
from wandb_files import offline_runs, read_kept

KEY = "planted-secret"
ONE_FOLD = {"count": 2, "run": [0], "near_duplicates": False}

HANGING = """
import threading
gate = threading.Event()

class Hanging:
    def __init__(self, run, stage):
        self.stage = stage
        if stage == "open":
            gate.wait(60)

    def write(self, event):
        if self.stage == "write":
            gate.wait(60)
        if self.stage == "raise":
            raise ConnectionError("no route to the server")

    def close(self):
        pass
"""


@pytest.fixture(autouse=True)
def _where_the_fake_engine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert [thread for thread in threading.enumerate() if thread not in before and thread.is_alive()] == []


def test_a_killed_run_goes_on_in_every_service_and_the_key_is_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(background.Background.__init__, "__defaults__", (1000, 300.0))  # a busy machine is slow
    for name in ("WANDB_API_KEY", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, KEY)
    writers = {"tensorboard": True, "wandb": {"mode": "offline"}, "mlflow": {"tags": {"team": "cans"}}}
    models, recipe = {"a": {"steps": 6, "kill_at": 5}}, {"epochs": 3}
    path = write_experiment(tmp_path, models, folds=ONE_FOLD, writers=writers, recipe=recipe)
    with pytest.raises(EngineError, match="SIGKILL"):
        run(path)
    board = run(path, resume=True)

    folder = RunFolder(board.folder / "a" / "fold0")
    found = EventAccumulator(str(folder.tensorboard_folder))
    found.Reload()
    assert [(event.step, round(event.value, 6)) for event in found.Scalars("train/loss")] == [
        (step, round(1.0 / step, 6)) for step in range(1, 7)
    ]
    first, second = (read_kept(path) for path in offline_runs(folder))
    assert first.run.run_id == second.run.run_id == read_json(folder.remote_run_file("wandb"), "it")["run_id"]
    assert (second.run.project, second.run.run_group, second.run.display_name) == ("tiny", "a", "a fold0")
    assert [row["iteration"] for row in first.rows + second.rows] == [1, 2, 3, 4, 5, 6]
    assert (first.summary["status"], second.summary["status"]) == ("failed", "done")
    assert second.config["native"] == {"steps": 6, "kill_at": 5}
    assert second.config["recipe"]["epochs"] == 3.0
    assert second.config["manifest"]["status"] == "done"
    assert (board.folder / "mlflow.db").exists()

    files = [path for path in board.folder.rglob("*") if path.is_file()]
    assert len(files) > 30
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
    told = capfd.readouterr()
    assert KEY not in told.out + told.err
    assert "warning" not in told.err


def test_a_missing_package_ends_it_before_anything_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    path = write_experiment(tmp_path, folds=ONE_FOLD, writers={"tensorboard": True})
    with pytest.raises(MissingPackageError, match=r"pip install 'bunri\[tensorboard\]'") as caught:
        run(path)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "runs").exists()


def test_backends_that_hang_or_fail_neither_stop_nor_change_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(background.Background.__init__, "__defaults__", (3, 0.1))
    (tmp_path / "hanging_writers.py").write_text(HANGING)
    stages = ("open", "write", "raise")
    custom = [{"name": "hanging_writers:Hanging", "arguments": {"stage": stage}} for stage in stages]
    path = write_experiment(tmp_path, {"a": {"steps": 40}}, folds=ONE_FOLD, writers={"custom": custom})
    try:
        board = run(path)
    finally:
        sys.modules["hanging_writers"].gate.set()
        for thread in threading.enumerate():
            if thread.name == "bunri-writer":
                thread.join(60)
    assert board.rows[0].mAP50 == pytest.approx(1.0)
    words = [line for line in capfd.readouterr().err.splitlines() if "writer failed" in line]
    assert len(words) == 3
    assert sum("does not keep up, 3 events wait" in line for line in words) == 2
    assert sum("no route to the server" in line for line in words) == 1
