import json
import os
from pathlib import Path
from typing import Any

import pytest

from bunri.run_folder import RunFolder
from bunri.watch.signs import Signs
from bunri.watch.status import SILENT_SECONDS, RunStatus, read_status, with_quiet
from watch.watched_runs import NOW, write_run


def status_of(folder: Path, now: float = NOW) -> RunStatus:
    status, _ = read_status("fcos/fold0", RunFolder(folder))
    return with_quiet(status, RunFolder(folder), now, Signs())


def set_clock(folder: Path, seconds_ago: float) -> None:
    for path in folder.iterdir():
        os.utime(path, (NOW - seconds_ago, NOW - seconds_ago))


def test_a_run_that_trains(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "fold0", best={"mAP50": 0.5, "step": 50})
    set_clock(folder, 4)
    found = status_of(folder)
    assert (found.status, found.phase, found.step, found.epoch, found.share) == ("running", "train", 50, 5.0, 0.5)
    assert found.seconds_left == pytest.approx(50)  # 50 iterations of a second each
    assert found.seconds == pytest.approx(10 * 60 - 4)
    assert (found.quiet_seconds, found.is_silent, found.mAP50) == (4, False, 0.5)


@pytest.mark.parametrize(
    ("recipe", "share"),
    [
        ({"iterations": 200}, 0.25),
        ({"epochs": 20}, 0.25),
        ({}, 5 / 12),
        ({"epochs": 1}, 1.0),
        ({"epochs": "many"}, 5 / 12),
    ],
)
def test_the_share_of_a_recipes_length(tmp_path: Path, recipe: dict[str, Any], share: float) -> None:
    folder = write_run(tmp_path / "fold0")
    (folder / "job.json").write_text(json.dumps({"recipe": recipe}))
    assert status_of(folder).share == pytest.approx(share)


@pytest.mark.parametrize(
    ("steps", "seconds", "phase"),
    [(0, {}, "start"), (5, {"start": 3}, "train"), (100, {"start": 3, "train": 90}, "predict")],
)
def test_phases(tmp_path: Path, steps: int, seconds: dict[str, float], phase: str) -> None:
    assert status_of(write_run(tmp_path / "fold0", steps, seconds=seconds)).phase == phase


def test_a_run_of_which_nothing_is_heard_is_silent(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "fold0")
    set_clock(folder, SILENT_SECONDS + 1)
    assert status_of(folder).is_silent
    done = write_run(tmp_path / "fold1", 100, status="done", ended="2027-01-15T07:55:00+00:00")
    set_clock(done, 10 * SILENT_SECONDS)
    found = status_of(done)
    assert (found.is_silent, found.share, found.seconds_left, found.seconds) == (False, 1.0, None, 300)


def test_a_run_that_failed_says_why_and_what_to_read(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "fold0", status="failed", message="loss is not a number")
    (folder / "log.txt").write_text("Training\nFloatingPointError\n")
    found = status_of(folder)
    assert (found.message, found.tail) == ("loss is not a number", "Training\nFloatingPointError")
    assert found.log == str(folder / "log.txt")


@pytest.mark.parametrize("content", ["", '{"status": "run', "[]", "null", '"text"', "\x00" * 20])
def test_a_manifest_that_is_not_whole_is_told(tmp_path: Path, content: str) -> None:
    folder = write_run(tmp_path / "fold0")
    (folder / "manifest.json").write_text(content)
    found = status_of(folder)
    assert (found.status, found.log) == ("broken", str(folder))
    assert "manifest.json" in found.message


@pytest.mark.parametrize(
    "values",
    [{"best": "good"}, {"seconds": 5}, {"started": "yesterday"}, {"started": 5}, {"best": [1]}, {"message": {"a": 1}}],
)
def test_values_of_another_kind_never_raise(tmp_path: Path, values: dict[str, Any]) -> None:
    assert status_of(write_run(tmp_path / "fold0", **values)).status in ("running", "broken")


def test_a_folder_with_a_job_alone_is_new(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text("{}")
    found = status_of(tmp_path)
    assert (found.status, found.share, found.step) == ("new", None, None)


def test_a_clock_that_stands_still_tells_no_time_left(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "fold0", steps=1)
    (folder / "metrics.jsonl").write_text(
        '{"step": 5, "epoch": 0.5, "time": 7}\n{"step": 5, "epoch": 0.5, "time": 9}\n'
    )
    assert status_of(folder).seconds_left is None
