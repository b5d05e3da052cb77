"""A model that stays: it answers, survives a photo it fails on, and says how it ended."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bunri.engines.base import Job
from bunri.engines.session import WorkerSession
from bunri.engines.standby import answer_requests
from bunri.errors import DataError, EngineError, UsageError
from bunri.files import read_json
from bunri.inference.opening import open_session
from bunri.photos import Photo
from bunri.predictions import Predictions
from bunri.run_folder import RunFolder
from experiment_files import TESTS
from fake_engine import TRICKS, true_box


@pytest.fixture(autouse=True)
def _where_the_fake_engine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)


def photo(image_id: int, trick: str = "", height: int = 80, width: int = 100) -> Photo:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[0, 0] = image_id, 0, TRICKS.get(trick, 0)
    return pixels


@pytest.fixture
def session(trained: Path) -> Iterator[WorkerSession]:
    opened = open_session(RunFolder(trained / "exact" / "fold0"), threads=1, seconds=20)
    assert isinstance(opened, WorkerSession)
    yield opened
    opened.close()


def test_photos_of_any_size_are_answered_by_row(session: WorkerSession) -> None:
    found = session.find([photo(3), photo(5, height=999, width=1501)])
    assert found.image_id.tolist() == [0, 1]
    assert found.seen_image_id.tolist() == [0, 1]
    np.testing.assert_array_equal(found.box_xyxy, [true_box(3), true_box(5)])
    again = session.find([photo(4)[:, ::1]])
    np.testing.assert_array_equal(again.box_xyxy, [true_box(4)])


def test_boxes_are_cut_at_the_border(session: WorkerSession) -> None:
    found = session.find([photo(6, height=20, width=45)])
    assert found.box_xyxy.tolist() == [[30.0, 4.0, 45.0, 20.0]]  # true_box(6) is (30, 4, 60, 29)


def test_a_failure_is_an_answer_and_the_model_stays(session: WorkerSession) -> None:
    with pytest.raises(EngineError, match="cannot bear"):
        session.find([photo(3, "fail")])
    assert len(session.find([photo(3)])) == 1


def test_a_model_that_dies_is_told_now_and_afterwards(session: WorkerSession) -> None:
    with pytest.raises(EngineError, match="was killed by SIGKILL"):
        session.find([photo(3, "die")])
    with pytest.raises(EngineError, match="is gone"):
        session.find([photo(3)])


def test_a_worker_killed_between_photos_is_told(session: WorkerSession) -> None:
    os.kill(session.pid, signal.SIGKILL)
    with pytest.raises(EngineError, match="SIGKILL"):
        session.find([photo(3, height=3000, width=4000)])


def test_a_model_that_hangs_is_ended(trained: Path) -> None:
    opened = open_session(RunFolder(trained / "exact" / "fold0"), seconds=0.5)
    with pytest.raises(EngineError, match=r"must answer within 0\.5 seconds for 1 photos"):
        opened.find([photo(3, "sleep")])
    opened.close()


def test_a_closed_session_leaves_neither_process_nor_folder(trained: Path) -> None:
    opened = open_session(RunFolder(trained / "exact" / "fold0"))
    assert isinstance(opened, WorkerSession)
    pid, folder = opened.pid, Path(opened._worker._log_file).parent
    assert folder.is_dir()
    opened.close()
    opened.close()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(("told", "policy"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_of_a_session_do_not_spin_unless_told(
    trained: Path, monkeypatch: pytest.MonkeyPatch, told: str | None, policy: str
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if told is not None:
        monkeypatch.setenv("OMP_WAIT_POLICY", told)
    opened = open_session(RunFolder(trained / "exact" / "fold0"))
    assert isinstance(opened, WorkerSession)
    environment = Path(f"/proc/{opened.pid}/environ").read_text().split("\0")
    opened.close()
    assert f"OMP_WAIT_POLICY={policy}" in environment


def test_an_engine_that_does_not_stay_is_told_how(trained: Path) -> None:
    run = RunFolder(trained / "exact" / "fold0")
    job = Job.validated(read_json(run.job_file, "the job"), "the job")
    gone = job.model_copy(update={"tasks": (), "config": run.native_config_file(job.config.name)})
    with pytest.raises(EngineError, match="must stay for them, but fake_engine:FakeEngine ended"):
        WorkerSession(gone)


def test_what_keeps_a_model_from_loading_is_told_as_it_was(trained: Path, tmp_path: Path) -> None:
    run = RunFolder(trained / "exact" / "fold0")
    job = Job.validated(read_json(run.job_file, "the job"), "the job")
    absent = job.model_copy(update={"tasks": ("predict",), "checkpoint": tmp_path / "absent.pt"})
    with pytest.raises(DataError, match="the checkpoint must be a readable file"):
        WorkerSession(absent)


def test_a_standby_without_a_pipe_is_refused() -> None:
    with pytest.raises(UsageError, match="BUNRI_REQUESTS_FD"):
        answer_requests(lambda photos: Predictions([], [], [], []), lambda event: None)  # type: ignore[arg-type]
