"""Kill bunri at random moments: nothing may be half-written, and what is begun again must end as if never killed.

    PYTHONPATH=src:tests:tests/engines python benchmarks/kills.py [--kills 100] [--seed 0]

An experiment of the tests' fake engine is trained and predicted in real worker processes; the parent, a worker or both
are killed with SIGKILL, and ``--resume`` goes on. ``fuse``, ``report`` and ``ledger`` are killed while they write.
"""

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bunri.files import read_json
from bunri.writers.jsonl import read_metrics
from experiment_files import TESTS, write_experiment

PATIENCE = 240.0
"""Seconds a command may take on a busy machine."""

Check = Callable[[], None]


@dataclass(frozen=True)
class Victim:
    """A command that is killed.

    Attributes:
        name: In the table.
        command: What follows ``bunri``.
        again: What goes on after a kill.
        unhurt: Asserts that what lies there now is whole or absent.
        right: Asserts that what lies there in the end is what an unkilled command leaves.
        clear: Makes room for the next.
    """

    name: str
    command: Sequence[str]
    again: Sequence[str]
    unhurt: Check
    right: Check
    clear: Check


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng, done = random.Random(asked.seed), Counter[str]()
    with TemporaryDirectory() as name:
        victims = _victims(Path(name))
        seconds = {victim.name: _unkilled(victim) for victim in victims}
        while sum(done.values()) < asked.kills:
            victim = rng.choice(victims)
            done[victim.name] += _killed_until_done(victim, seconds[victim.name], rng)
    print(f"{sum(done.values())} kills survived: {dict(done)}")


def _victims(folder: Path) -> list[Victim]:
    """An unkilled experiment to compare with, and what is to be killed."""
    settings = {"ensemble": {"method": "wbf"}, "writers": {"console": True}}
    models = {"a": {"steps": 12}, "b": {"steps": 8, "noise": 3.0}}
    true, hurt = folder / "true", folder / "hurt"
    for place in (true, hurt):
        place.mkdir()
        write_experiment(place, models, **settings)
    _bunri(["run", str(true / "tiny.yaml")])
    runs = true / "runs" / "tiny"
    fuse = ["fuse", str(runs / "a" / "oof.parquet"), str(runs / "b" / "oof.parquet")]
    fuse += ["--images", str(true / "photos.json"), "--out"]
    return [
        _run_victim(hurt, runs),
        _file_victim("fuse", [*fuse, str(folder / "fused.parquet")], folder / "fused.parquet"),
        _file_victim("report", ["report", str(runs), "--out", str(folder / "r.html")], folder / "r.html"),
        _ledger_victim(true / "runs", folder / "ledger.sqlite"),
    ]


def _run_victim(hurt: Path, true: Path) -> Victim:
    command = ["run", str(hurt / "tiny.yaml")]
    folder = hurt / "runs" / "tiny"

    def unhurt() -> None:
        for path in folder.rglob("*.json"):
            if not path.name.startswith("."):
                read_json(path, "a file of a killed run")

    def right() -> None:
        for path in [*true.rglob("*.parquet"), *true.rglob("results.csv")]:
            assert path.read_bytes() == (folder / path.relative_to(true)).read_bytes(), path
        for path in true.rglob("metrics.jsonl"):
            assert _timeless(path) == _timeless(folder / path.relative_to(true)), path
        rows = [read_json(place / "leaderboard.json", "the leaderboard")["rows"] for place in (true, folder)]
        assert [row["mAP50"] for row in rows[0]] == [row["mAP50"] for row in rows[1]]

    return Victim("run", command, [*command, "--resume"], unhurt, right, lambda: shutil.rmtree(hurt / "runs", True))


def _timeless(path: Path) -> list[dict[str, object]]:
    """What was recorded, without when."""
    return [{name: value for name, value in row.items() if name != "time"} for row in read_metrics(path)]


def _file_victim(name: str, command: Sequence[str], out: Path) -> Victim:
    _bunri(command)
    whole = out.read_bytes()

    def right() -> None:
        assert len(out.read_bytes()) == len(whole)

    def unhurt() -> None:
        if out.exists():
            right()

    return Victim(name, command, command, unhurt, right, lambda: out.unlink(missing_ok=True))


def _ledger_victim(runs: Path, file: Path) -> Victim:
    def unhurt() -> None:
        if file.exists():
            with sqlite3.connect(file) as book:
                assert book.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def right() -> None:
        with sqlite3.connect(file) as book:
            tables = [name for (name,) in book.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            assert any(book.execute(f"SELECT count(*) FROM {name}").fetchone() == (3,) for name in tables)

    command = ["ledger", "--runs", str(runs), "--file", str(file)]
    return Victim("ledger", command, command, unhurt, right, lambda: file.unlink(missing_ok=True))


def _unkilled(victim: Victim) -> float:
    victim.clear()
    start = time.monotonic()
    _bunri(victim.command)
    victim.right()
    return time.monotonic() - start


def _killed_until_done(victim: Victim, seconds: float, rng: random.Random) -> int:
    """Kill it one to three times, begin again each time, and look at what came out; returns the kills."""
    victim.clear()
    kills, command = 0, victim.command
    for _ in range(rng.choice((1, 1, 2, 3))):
        kills += _kill(command, rng.uniform(0.1, seconds), rng)
        victim.unhurt()
        command = victim.again
    _bunri(victim.again)
    victim.right()
    return kills


def _kill(command: Sequence[str], after: float, rng: random.Random) -> int:
    process = subprocess.Popen([sys.executable, "-m", "bunri", *command], cwd=TESTS, stdout=-3, stderr=-3)
    try:
        process.wait(after)
        return 0  # it was faster
    except subprocess.TimeoutExpired:
        workers = _workers_of(process.pid)
        for pid in rng.choice(([process.pid], [*workers, process.pid], workers or [process.pid])):
            _send(pid)
        process.wait(PATIENCE)
        return 1


def _workers_of(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True)
    return [int(pid) for pid in listed.stdout.split()]


def _send(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _bunri(command: Sequence[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bunri", *command], cwd=TESTS, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, f"bunri {' '.join(command)}: {done.stderr}"


if __name__ == "__main__":
    main()
