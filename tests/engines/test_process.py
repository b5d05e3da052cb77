import os
import sys
from pathlib import Path

import pytest

from bunri.engines.process import Worker, error_of, interpreter_of
from bunri.errors import BunriError, ConfigError, DataError, EngineError, OutputError
from bunri.events import Ended, Event, Scalars
from bunri.files import read_json, write_text
from experiment_files import TESTS, make_job


def write_job(folder: Path, config: str) -> Path:
    """A job that trains only."""
    path = folder / "run" / "job.json"
    write_text(path, make_job(folder, config, tasks=("train",), python_path=(TESTS,)).model_dump_json())
    return path


def follow(folder: Path, config: str) -> list[Event]:
    """All events of a worker that trains, but does not predict."""
    with Worker(write_job(folder, config), folder / "log.txt", sys.executable) as worker:
        return list(worker.events())


def test_a_worker_tells_its_events_and_the_noise_goes_to_the_log(tmp_path: Path) -> None:
    events = follow(tmp_path, "steps: 2\n")
    assert [event.step for event in events if isinstance(event, Scalars)] == [1, 2, 2]
    assert events[-1] == Ended("done")
    assert (tmp_path / "log.txt").read_text() == "the framework talks a lot\ninfo: an info\n"


def test_a_crash_shows_the_frameworks_last_error(tmp_path: Path) -> None:
    assert follow(tmp_path, "steps: 4\ncrash_at: 3\n")[-1] == Ended("failed", "RuntimeError: CUDA out of patience", 1)
    assert "Traceback (most recent call last)" in (tmp_path / "log.txt").read_text()


def test_a_killed_worker_is_noticed_and_the_logs_end_is_shown(tmp_path: Path) -> None:
    ended = follow(tmp_path, "steps: 4\nkill_at: 3\n")[-1]
    assert isinstance(ended, Ended)
    assert (ended.status, ended.exit_code) == ("failed", 1)
    assert "was killed by SIGKILL without a last word" in ended.message
    assert "Most likely memory ran out. Take less: a smaller recipe.batch_size" in ended.message
    assert "  | the framework talks a lot\n  | info: an info" in ended.message


def test_what_a_worker_said_just_before_it_was_killed_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Worker(write_job(tmp_path, "steps: 4\nkill_at: 3\n"), tmp_path / "log.txt", sys.executable) as worker:
        has_words = worker._has_words

        def nothing_until_it_is_dead(seconds: float) -> bool:
            """The worker says all it has to say, and dies, right after nothing was heard."""
            monkeypatch.setattr(worker, "_has_words", has_words)
            os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
            return False

        monkeypatch.setattr(worker, "_has_words", nothing_until_it_is_dead)
        events = list(worker.events())
    assert [event.step for event in events if isinstance(event, Scalars)] == [1, 2, 2, 3]


def test_a_stopped_worker_saves_first(tmp_path: Path) -> None:
    with Worker(write_job(tmp_path, "steps: 4\nwait_at: 3\n"), tmp_path / "log.txt", sys.executable) as worker:
        events = []
        for event in worker.events():
            events.append(event)
            if isinstance(event, Scalars) and "val/mAP50" in event.values:
                worker.stop()
    assert events[-1] == Ended("stopped", "stopped on request at a checkpoint")
    assert read_json(tmp_path / "run" / "checkpoints" / "last.pt", "the checkpoint")["step"] in (2, 3)


def test_leaving_the_block_ends_the_worker(tmp_path: Path) -> None:
    with Worker(write_job(tmp_path, "steps: 4\nwait_at: 1\n"), tmp_path / "log.txt", sys.executable) as worker:
        pid = worker.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("interpreter", ["/nowhere/python", "/etc/hostname"])
def test_an_interpreter_that_is_none_is_refused(tmp_path: Path, interpreter: str) -> None:
    with pytest.raises(ConfigError, match=f"must be a Python, but {interpreter}"):
        Worker(tmp_path / "job.json", tmp_path / "log.txt", interpreter)


def test_a_log_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="must be writable"):
        Worker(tmp_path / "job.json", tmp_path / "file" / "log.txt", sys.executable)


def test_the_interpreter_is_the_settings_else_the_variables_else_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUNRI_ENGINES", str(tmp_path))  # where no engine is installed
    monkeypatch.delenv("BUNRI_MMDETECTION_PYTHON", raising=False)
    assert interpreter_of("mmdetection") == sys.executable
    monkeypatch.setenv("BUNRI_MMDETECTION_PYTHON", "/envs/mmdet/bin/python")
    assert interpreter_of("mmdetection") == "/envs/mmdet/bin/python"
    assert interpreter_of("mmdetection", "/mine/python") == "/mine/python"


def test_another_interpreter_finds_this_bunri_and_nothing_else_of_ours(tmp_path: Path) -> None:
    foreign = tmp_path / "python"
    foreign.write_text(f'#!/bin/sh\necho "path $PYTHONPATH"\nexec {sys.executable} "$@"\n')
    foreign.chmod(0o755)
    job = write_job(tmp_path, "steps: 2\n")
    with Worker(job, tmp_path / "log.txt", str(foreign)) as worker:
        *_, ended = worker.events()
    assert ended == Ended("done")
    alone = job.parent / ".python"
    assert f"path {alone}" in (tmp_path / "log.txt").read_text()
    assert [path.name for path in alone.iterdir()] == ["bunri"]
    assert (alone / "bunri" / "engines" / "worker.py").is_file()


@pytest.mark.parametrize(("code", "kind"), [(1, EngineError), (2, ConfigError), (3, DataError)])
def test_a_failure_comes_back_with_its_exit_code(code: int, kind: type[BunriError]) -> None:
    error = error_of(Ended("failed", "a message", code))
    assert type(error) is kind
    assert (str(error), error.exit_code) == ("a message", code)


def test_keys_of_the_writers_services_and_the_working_folders_modules_stay_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's Python prints what it inherits in place of being a worker."""
    monkeypatch.setenv("WANDB_API_KEY", "planted-secret")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "planted-secret")
    monkeypatch.setenv("BUNRI_PLAIN", "seen")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nenv\n")
    python.chmod(0o755)
    with Worker(tmp_path / "job.json", tmp_path / "log.txt", str(python)) as worker:
        list(worker.events())
    inherited = (tmp_path / "log.txt").read_text()
    assert "BUNRI_PLAIN=seen" in inherited
    assert "PYTHONSAFEPATH=1" in inherited
    assert "planted-secret" not in inherited
