"""A few kills at random moments; `benchmarks/kills.py` makes hundreds. A failure prints its seed."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bunri.experiment import run
from bunri.files import read_json
from bunri.ledger import Ledger
from experiment_files import TESTS, write_experiment
from run_results import results_of

MODELS: dict[str, dict[str, Any]] = {"a": {"steps": 6}, "b": {"steps": 4, "noise": 3.0}}
SETTINGS: dict[str, Any] = {"ensemble": {"method": "wbf"}, "folds": {"count": 2, "run": [0], "near_duplicates": False}}

KILLS = 4

WRITING = """
import sys
from pathlib import Path
from typing import Any
from bunri.files import write_json
from bunri.ledger import Entry, Ledger

folder, turn = Path(sys.argv[1]), 0
while True:
    turn += 1
    write_json(folder / "file.json", {"turn": turn, "long": "x" * 100_000})
    Ledger(folder / "ledger.sqlite").put([Entry(f"a/{k}", "model", "x", out_of_fold=float(turn)) for k in range(50)])
"""
"""Writes the same files again and again."""


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("BUNRI_SEED", time.time_ns() % 10**6))
    sys.stdout.write(f"BUNRI_SEED={seed} makes the same kills\n")
    return random.Random(seed)


def test_a_run_that_is_killed_again_and_again_ends_as_one_that_was_not(
    tmp_path: Path, chance: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(TESTS)
    true, hurt = (write_experiment(_folder(tmp_path / name), MODELS, **SETTINGS) for name in ("true", "hurt"))
    began = time.monotonic()
    run(true)
    seconds = time.monotonic() - began
    for _ in range(KILLS):
        _kill(_bunri("run", hurt, "--resume"), chance.uniform(0.3, 1.0) * (seconds + 1), chance)
        for path in _jsons(hurt.parent / "runs"):
            read_json(path, "a file of a killed run")
    run(hurt, resume=True)
    assert results_of(hurt.parent / "runs" / "tiny") == results_of(true.parent / "runs" / "tiny")


def test_files_and_ledger_are_whole_after_every_kill(tmp_path: Path, chance: random.Random) -> None:
    for _ in range(KILLS):
        writer = subprocess.Popen([sys.executable, "-c", WRITING, str(tmp_path)])
        deadline = time.monotonic() + 100
        before = _turn(tmp_path)
        while _turn(tmp_path) == before and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.1))
        writer.kill()
        writer.wait()
        assert len(read_json(tmp_path / "file.json", "the file")["long"]) == 100_000
        entries = Ledger(tmp_path / "ledger.sqlite").entries()
        assert len(entries) in (0, 50)  # it may have been killed before the first
        assert len({entry.out_of_fold for entry in entries}) <= 1


def _turn(folder: Path) -> int:
    path = folder / "file.json"
    return int(read_json(path, "the file")["turn"]) if path.exists() else 0


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _jsons(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.json") if not path.name.startswith("."))


def _bunri(*words: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "bunri", *map(str, words)], cwd=TESTS, stdout=-3, stderr=-3)


def _kill(process: "subprocess.Popen[bytes]", after: float, chance: random.Random) -> None:
    """Kill it, its workers, or both."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(after)
        return
    workers = _workers_of(process.pid)
    for pid in chance.choice(([process.pid], [*workers, process.pid], workers or [process.pid])):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(100)


def _workers_of(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True)
    return [int(pid) for pid in listed.stdout.split()]
