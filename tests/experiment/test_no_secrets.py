"""Keys live in the environment alone: whatever happens, none is found in anything that was written or said."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bunri.experiment.provenance import provenance
from bunri.serve.errors import Refusal, error_of
from bunri.watch.overview import Overview
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


@pytest.mark.parametrize("fault", ["crash_at", "kill_at", "tells_at"])
def test_a_crash_tells_no_key(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_with_keys(tmp_path, monkeypatch, {"a": {"steps": 4, fault: 3}})
    assert done.returncode == 1
    assert "a fold0 failed" in done.stderr
    assert list(places_of_the_key(tmp_path)) == []
    assert PLANTED not in done.stdout + done.stderr


def test_what_a_framework_tells_of_keys_comes_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_with_keys(tmp_path, monkeypatch, {"a": {"steps": 4}, "b": {"steps": 4, "tells_at": 3}})
    folder = tmp_path / "runs" / "tiny"
    log = (folder / "b" / "fold0" / "log.txt").read_text()
    assert "'HF_TOKEN': '***'" in log
    assert "no login with *** at https://***@host/" in log
    assert "no login with ***" in done.stderr
    for command in (
        ["report", folder, "--out", tmp_path / "r.html"],
        ["ledger", "add", folder, "--file", tmp_path / "l.sqlite"],
        ["plan", tmp_path / "tiny.yaml", "--json"],
        ["run", tmp_path / "tiny.yaml", "--json"],
        ["eval", tmp_path / f"{PLANTED}.parquet", "--truth", tmp_path / "photos.json", "--json"],
        ["run", tmp_path / "tiny.yaml", f"name={PLANTED}/x"],
    ):
        told = bunri(*command)
        assert PLANTED not in told.stdout + told.stderr, command
    seen = json.dumps(Overview([folder]).read(time.time()))
    assert "no login with ***" in seen
    assert PLANTED not in seen
    assert list(places_of_the_key(tmp_path)) == []


def bunri(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bunri", *map(str, arguments)]
    return subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=300)


def test_keys_on_the_command_line_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", PLANTED)
    monkeypatch.setattr(sys, "argv", ["/bin/bunri", "run", "a.yaml", f"writers.wandb.key={PLANTED}"])
    assert provenance(tmp_path)["command"] == ["bunri", "run", "a.yaml", "writers.wandb.key=***"]


def test_the_server_tells_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", PLANTED)
    assert error_of(Refusal(503, "model_failed", f"no login with {PLANTED}"))["error"]["message"] == "no login with ***"


def test_the_search_would_find_one(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(f"key={PLANTED}")
    assert list(places_of_the_key(tmp_path)) == [tmp_path / "log.txt"]
