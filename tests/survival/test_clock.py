"""A clock that is set back, again and again: durations, orders and the watchdog do not follow it."""

import itertools
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bunri.errors import EngineError
from bunri.experiment import manifest, run
from bunri.files import write_json
from bunri.ledger import Ledger, scan
from bunri.run_folder import RunFolder
from bunri.watch.signs import Signs
from bunri.watch.status import read_status, with_quiet
from bunri.writers.jsonl import read_metrics
from experiment_files import TESTS, write_experiment

HOUR = 3600.0


@pytest.fixture(autouse=True)
def _where_the_fake_engine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)


@pytest.fixture
def backward(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock finds it set back by an hour more."""
    set_back = itertools.count()
    true = time.time

    class Backward(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(true(), UTC) - timedelta(hours=next(set_back))

    monkeypatch.setattr(time, "time", lambda: true() - next(set_back) * HOUR)
    monkeypatch.setattr(manifest, "datetime", Backward)


@pytest.mark.usefixtures("backward")
def test_a_run_that_is_killed_and_goes_on_is_whole(tmp_path: Path) -> None:
    folds = {"count": 2, "run": [0], "near_duplicates": False}
    path = write_experiment(tmp_path, {"a": {"steps": 6, "kill_at": 5}}, folds=folds, writers={"tensorboard": True})
    with pytest.raises(EngineError, match="SIGKILL"):
        run(path)
    assert run(path, resume=True).rows[0].mAP50 == pytest.approx(1.0)
    folder = RunFolder(tmp_path / "runs" / "tiny" / "a" / "fold0")
    facts = folder.read_manifest()
    assert facts["ended"] < facts["started"]  # what the clock said
    assert all(0 <= seconds < HOUR for seconds in facts["seconds"].values())
    losses = [row for row in read_metrics(folder.metrics_file) if "train/loss" in row]
    assert [row["step"] for row in losses] == [1, 2, 3, 4, 5, 6]
    assert losses[-1]["time"] < losses[0]["time"]

    seen = with_quiet(read_status("a", folder)[0], folder, time.time(), Signs())
    assert seen.seconds == pytest.approx(sum(facts["seconds"].values()))
    assert (seen.status, seen.quiet_seconds, seen.is_silent) == ("done", 0.0, False)
    found = EventAccumulator(str(folder.tensorboard_folder))
    found.Reload()
    assert [(event.step, round(event.value, 6)) for event in found.Scalars("train/loss")] == [
        (step, round(1.0 / step, 6)) for step in range(1, 7)
    ]
    book = Ledger(tmp_path / "ledger.sqlite")
    book.put(scan(tmp_path / "runs"))
    [entry] = book.entries()
    assert entry.minutes == round(sum(facts["seconds"].values()) / 60, 2)


def test_a_worker_that_hangs_is_found_although_its_log_is_of_tomorrow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = time.time
    monkeypatch.setattr(time, "time", lambda: true() - 24 * HOUR)  # the log's file has the true time
    folds = {"count": 2, "run": [0], "near_duplicates": False}
    path = write_experiment(tmp_path, {"a": {"steps": 6, "hang_at": 3}}, folds=folds)
    with pytest.raises(EngineError, match="fell silent"):
        run(path, ["watchdog_minutes=0.05"])


def test_the_time_left_is_told_by_the_gaps_the_clock_was_right_in(tmp_path: Path) -> None:
    write_json(tmp_path / "manifest.json", {"status": "running", "started": "2027-01-15T07:50:00+00:00"})
    write_json(tmp_path / "job.json", {"recipe": {"iterations": 100}})
    times = [1000.0, 1002.0, 1004.0, 400.0, 402.0]  # set back by ten minutes
    lines = [f'{{"step": {step}, "time": {moment}}}\n' for step, moment in enumerate(times, 46)]
    (tmp_path / "metrics.jsonl").write_text("".join(lines))
    seen, _ = read_status("a", RunFolder(tmp_path))
    assert seen.seconds_left == pytest.approx(50 * 2.0)
