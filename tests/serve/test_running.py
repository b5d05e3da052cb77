"""The command itself: it listens where told, says so, answers with a warm model of the fake engine, and ends."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bunri.experiment import run
from bunri.io import load_dataset
from experiment_files import TESTS, write_experiment, write_photo_of
from fake_engine import TRICKS, true_box


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the fake engine on two folds."""
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(TESTS)
        return run(write_experiment(folder), ("writers.console=false",)).folder


class Running:
    """A server in a process of its own, its words gathered in a file."""

    def __init__(self, log: Path, *arguments: object) -> None:
        self.log = log
        command = [sys.executable, "-m", "bunri", "serve", *map(str, arguments), "--port", "0"]
        with log.open("wb") as file:
            self.process = subprocess.Popen(command, stderr=file, stdout=file, cwd=TESTS)
        self.wait_for(lambda: re.search(r"open (http://\S+)", self.words()))
        self.address = str(re.findall(r"open (http://\S+)", self.words())[0]).replace("0.0.0.0", "127.0.0.1")

    def words(self) -> str:
        return self.log.read_text()

    def wait_for(self, what: object) -> None:
        assert callable(what)
        deadline = time.monotonic() + 60
        while not what():
            assert self.process.poll() is None, self.words()
            assert time.monotonic() < deadline, self.words()
            time.sleep(0.05)

    def find(self, photo: Path) -> httpx.Response:
        return httpx.post(f"{self.address}/api/find", files={"photo": photo.read_bytes()}, timeout=60)

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


@pytest.fixture
def server(trained: Path, tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path / "log.txt", trained / "exact", "--fold", 0, "--corrections", tmp_path / "kept")
    yield running
    running.process.kill()
    running.process.wait()


def test_it_serves_survives_a_dead_worker_and_ends(server: Running, tmp_path: Path) -> None:
    write_photo_of(tmp_path / "a.bmp", 5)
    write_photo_of(tmp_path / "deadly.bmp", 5, TRICKS["die"])
    [found] = server.find(tmp_path / "a.bmp").json()["objects"]
    assert (found["class_name"], tuple(found["box"])) == ("Glass", true_box(5))
    died = server.find(tmp_path / "deadly.bmp")
    assert died.status_code == 503
    assert "SIGKILL" in died.json()["error"]["message"]
    assert server.find(tmp_path / "a.bmp").status_code == 200
    assert "died; it is loaded again" in server.words()

    files, objects = (
        {"photo": (tmp_path / "a.bmp").read_bytes()},
        json.dumps([{"class_name": "Metal", "box": [1, 2, 9, 9]}]),
    )
    saved = httpx.post(f"{server.address}/api/corrections", files=files, data={"objects": objects})
    assert saved.status_code == 201
    assert len(load_dataset(tmp_path / "kept" / "annotations.json").annotations) == 1
    assert "127.0.0.1" in server.address
    assert "WARNING" not in server.words()
    assert server.end() in (0, -signal.SIGINT, 130)


def test_letting_others_in_is_said_loudly(trained: Path, tmp_path: Path) -> None:
    running = Running(tmp_path / "log.txt", trained / "exact" / "fold0", "--host", "0.0.0.0")
    try:
        assert "WARNING: listening on 0.0.0.0: everyone who reaches this machine" in running.words()
        assert "nothing is saved" in running.words()
    finally:
        running.end()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--host", "256.0.0.1"], 2, "must be free to listen on"),
        (["--rules", "absent.yaml"], 2, "absent.yaml is not there"),
        (["--fold", "9"], 2, "--fold must be one that exact was trained on"),
        (["--corrections", __file__], 1, "must be writable"),
    ],
)
def test_wrong_use_is_told_before_a_model_is_loaded(trained: Path, arguments: list[str], code: int, words: str) -> None:
    command = [sys.executable, "-m", "bunri", "serve", str(trained / "exact"), "--port", "0", *arguments]
    told = subprocess.run(command, capture_output=True, text=True, cwd=TESTS, timeout=60)
    assert told.returncode == code
    assert words in told.stderr
    assert told.stderr.startswith("error: ")
