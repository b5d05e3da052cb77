"""Keys live in the environment alone: whatever happens, none is found in anything that was written or said."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiment_files import TESTS, write_experiment

PLANTED = "planted0123456789abcdef0123456789abcdef0123"
VARIABLES = (
    "WANDB_API_KEY",
    "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_TRACKING_PASSWORD",
    "HF_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "ULTRALYTICS_API_KEY",
)
ONE_FOLD = {"count": 2, "run": [0], "near_duplicates": False}
WRITERS = {"tensorboard": True, "wandb": {"mode": "offline"}, "mlflow": True}


def run_with_keys(
    folder: Path, monkeypatch: pytest.MonkeyPatch, models: dict[str, dict[str, int]]
) -> "subprocess.CompletedProcess[str]":
    for variable in VARIABLES:
        monkeypatch.setenv(variable, PLANTED)
    path = write_experiment(folder, models, writers=WRITERS, ensemble=None, folds=ONE_FOLD)
    return subprocess.run(
        [sys.executable, "-m", "bunri", "run", str(path)], cwd=TESTS, capture_output=True, text=True, timeout=300
    )


def places_of_the_key(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.rglob("*") if path.is_file() and PLANTED.encode() in path.read_bytes())


def test_a_run_writes_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_with_keys(tmp_path, monkeypatch, {"a": {"steps": 4}})
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("*.wandb"))  # all three services recorded it
    assert list(tmp_path.rglob("events.out.*"))
    assert list(tmp_path.rglob("mlflow.db"))
    report = subprocess.run(
        [sys.executable, "-m", "bunri", "report", str(tmp_path / "runs" / "tiny"), "--out", str(tmp_path / "r.html")],
        capture_output=True,
        text=True,
    )
    assert report.returncode == 0, report.stderr
    assert list(places_of_the_key(tmp_path)) == []
    assert PLANTED not in done.stdout + done.stderr + report.stdout + report.stderr


@pytest.mark.parametrize("fault", ["crash_at", "kill_at"])
def test_a_crash_tells_no_key(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_with_keys(tmp_path, monkeypatch, {"a": {"steps": 4, fault: 3}})
    assert done.returncode == 1
    assert "a fold0 failed" in done.stderr
    assert list(places_of_the_key(tmp_path)) == []
    assert PLANTED not in done.stdout + done.stderr


def test_the_search_would_find_one(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(f"key={PLANTED}")
    assert list(places_of_the_key(tmp_path)) == [tmp_path / "log.txt"]
