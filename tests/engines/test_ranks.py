import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bunri.engines.base import CheckJob, ModelToCheck
from bunri.engines.process import PACKAGE, Worker
from bunri.engines.worker import check
from bunri.errors import ConfigError
from bunri.events import Ended, Event, Progress, Scalars
from bunri.files import read_json, write_text
from experiment_files import TESTS, make_job

ENGINE = "ranked_engine:RankedEngine"


def write_job(folder: Path, config: str, **changes: Any) -> Path:
    """A job of two processes."""
    values = {"engine": ENGINE, "processes": 2, "threads": 3, "python_path": (TESTS,), **changes}
    job = make_job(folder, config, **values)
    write_text(job.folder.job_file, job.model_dump_json())
    return job.folder.job_file


def started(folder: Path, config: str, **changes: Any) -> Worker:
    return Worker(write_job(folder, config, **changes), folder / "run" / "log.txt", sys.executable)


def follow(folder: Path, config: str, **changes: Any) -> list[Event]:
    with started(folder, config, **changes) as worker:
        return list(worker.events())


def last_word(events: list[Event]) -> Ended:
    assert isinstance(events[-1], Ended)
    return events[-1]


def rows_seen(folder: Path, rank: int) -> list[int]:
    return [int(line) for line in (folder / "run" / f"rows{rank}").read_text().splitlines()]


def runs(pid: int) -> bool:
    """Whether a process runs; one that is dead and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_gone(folder: Path) -> None:
    """Wait until none of the processes runs, for a while."""
    pids = [int(path.read_text()) for path in (folder / "run").glob("pid*")]
    deadline = time.monotonic() + 20
    while any(map(runs, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert pids
    assert [pid for pid in pids if runs(pid)] == []


def test_each_sees_its_share_and_the_first_speaks_validates_and_predicts(tmp_path: Path) -> None:
    events = follow(tmp_path, "{steps: 5, batch: 4}")
    assert last_word(events) == Ended("done")
    assert rows_seen(tmp_path, 0) == list(range(0, 20, 2))
    assert rows_seen(tmp_path, 1) == list(range(1, 20, 2))
    assert [event.step for event in events if isinstance(event, Progress)] == [1, 2, 3, 4, 5]
    [means, *_] = [event.values for event in events if isinstance(event, Scalars)]
    assert means == {"train/loss/rank": 0.5, "train/loss/threads": 1.0, "train/loss/held_out": 0.5}
    assert (tmp_path / "run" / "predicted").read_text() == "0 3\n"  # once, with all threads
    wait_until_gone(tmp_path)


@pytest.mark.parametrize(
    ("trouble", "code", "words"),
    [
        ("crash_at: 2", 1, "process 1 of 2: RuntimeError: CUDA out of patience"),
        ("data_error_at: 2", 3, "process 1 of 2: photo 7 must be whole, but it breaks off. Copy it again."),
        ("crash_at: 2, rank: 0", 1, "RuntimeError: CUDA out of patience"),
    ],
)
def test_the_error_of_any_process_is_the_runs(tmp_path: Path, trouble: str, code: int, words: str) -> None:
    ended = last_word(follow(tmp_path, f"{{steps: 5, batch: 4, {trouble}}}"))
    assert (ended.status, ended.exit_code, ended.message) == ("failed", code, words)
    assert "Traceback (most recent call last)" in (tmp_path / "run" / "log.txt").read_text()
    wait_until_gone(tmp_path)


def test_a_killed_process_fails_the_run_and_takes_the_others_along(tmp_path: Path) -> None:
    ended = last_word(follow(tmp_path, "{steps: 5, batch: 6, kill_at: 3, rank: 2}", processes=3))
    assert (ended.status, ended.exit_code) == ("failed", 1)
    assert ended.message.startswith("process 2 of 3 was killed by SIGKILL without a last word")
    wait_until_gone(tmp_path)


def test_a_process_that_dies_before_they_have_met_fails_the_run(tmp_path: Path) -> None:
    ended = last_word(follow(tmp_path, "{steps: 5, batch: 4}", engine="ranked_engine:LateEngine"))
    assert (ended.status, ended.exit_code) == ("failed", 1)
    assert ended.message.startswith("process 1 of 2 ended with exit code 7 without a last word")


def test_all_stop_at_the_same_step(tmp_path: Path) -> None:
    with started(tmp_path, "{steps: 600, batch: 4, slow: true}") as worker:
        events = []
        for event in worker.events():
            events.append(event)
            if event == Progress(3):
                worker.stop()
    assert last_word(events) == Ended("stopped", "stopped on request at a checkpoint")
    step = read_json(tmp_path / "run" / "checkpoints" / "last.pt", "the checkpoint")["step"]
    assert 3 <= step < 600
    assert [len(rows_seen(tmp_path, rank)) for rank in (0, 1)] == [2 * step, 2 * step]
    wait_until_gone(tmp_path)


def test_a_process_that_hangs_is_killed_with_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with started(tmp_path, "{steps: 5, batch: 4, hang_at: 3}") as worker:
        events = []
        for event in worker.events():
            events.append(event)
            if event == Progress(2):
                monkeypatch.setattr(worker, "_patience", 1.0)
    assert "must say something every 1 seconds" in last_word(events).message
    wait_until_gone(tmp_path)


@pytest.mark.parametrize("killed", ["first", "parent"])
def test_none_outlives_the_first_or_the_parent(tmp_path: Path, killed: str) -> None:
    """The parent is a process of its own here. Where it is killed, all stop at a checkpoint."""
    job_file = write_job(tmp_path, "{steps: 600, batch: 4, slow: true}")
    script = (
        "import sys; from pathlib import Path; from bunri.engines.process import Worker\n"
        "for event in Worker(Path(sys.argv[1]), Path(sys.argv[2]), sys.executable).events(): print(event, flush=True)"
    )
    command = [sys.executable, "-c", script, str(job_file), str(tmp_path / "run" / "log.txt")]
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        while "Progress(step=3" not in parent.stdout.readline():
            assert parent.poll() is None
        first = int((tmp_path / "run" / "pid0").read_text())
        os.kill(first if killed == "first" else parent.pid, signal.SIGKILL)
        wait_until_gone(tmp_path)
        parent.kill()
    if killed == "parent":
        assert read_json(tmp_path / "run" / "checkpoints" / "last.pt", "the checkpoint")["step"] >= 3


def mistakes(folder: Path, engine: str = ENGINE, config: str = "{steps: 5, batch: 4}", **changes: Any) -> list[str]:
    (folder / "config.yaml").write_text(config)
    values = {"name": "model", "config": folder / "config.yaml", "processes": 2}
    model = ModelToCheck.model_validate(values | changes)
    check(CheckJob(engine=engine, models=(model,), answer=folder / "answer.json"))
    return list(read_json(folder / "answer.json", "the answer")["model"]["mistakes"])


def test_what_cannot_be_shared_is_refused_before_anything_trains(tmp_path: Path) -> None:
    assert mistakes(tmp_path) == []
    assert mistakes(tmp_path, processes=3) == [
        "recipe.batch_size: 3 processes share every batch, so they must divide its 4 photos. "
        "Say another batch_size, or another number of processes"
    ]
    [one_only] = mistakes(tmp_path, "fake_engine:FakeEngine", "steps: 4")
    assert one_only.startswith("resources: FakeEngine trains a model in one process")


def test_gpus_that_are_not_there_are_refused_with_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    [missing] = mistakes(tmp_path, gpus=2)
    assert "trains on 2 GPUs must find as many, but torch sees 1 here" in missing
    assert "`device: cpu` and in place of gpus `resources: {processes: 2}`" in missing
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert mistakes(tmp_path, gpus=2) == []


def test_a_job_made_by_hand_is_refused_too(tmp_path: Path) -> None:
    ended = last_word(follow(tmp_path, "steps: 2\n", engine="fake_engine:FakeEngine"))
    assert (ended.status, ended.exit_code) == ("failed", ConfigError.exit_code)
    assert "FakeEngine trains a model in one process" in ended.message
