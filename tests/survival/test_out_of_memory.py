"""A worker whose memory runs out: the cause and the next step are told, the others go on, and it can be resumed."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from bunri.engines.last_words import LESS_MEMORY, ended_by
from bunri.errors import EngineError
from bunri.experiment import run
from bunri.run_folder import RunFolder
from experiment_files import TESTS, write_experiment
from hungry_engine import CAGE

LIMIT = 512 * 2**20


@pytest.fixture(autouse=True)
def _where_the_engines_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)


@pytest.fixture
def cage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cgroup below our own whose memory is limited, in which the kernel kills for real."""
    own = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    second, first = ([group for _, kinds, group in own if kinds == kind] for kind in ("", "memory"))
    root, limit = ("memory", "memory.limit_in_bytes") if first else (".", "memory.max")
    folder = Path("/sys/fs/cgroup") / root / (first or second)[0].lstrip("/") / f"bunri-test-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / limit).write_text(str(LIMIT))
    except OSError as error:
        pytest.skip(f"a cgroup cannot be made here (root and a writable cgroup file system are needed): {error}")
    monkeypatch.setenv(CAGE, str(folder))
    yield folder
    folder.rmdir()


def assert_told_and_resumed(folder: Path, engine: str, words: str, **native: Any) -> None:
    """Of a run whose memory runs out, beside one that is modest."""
    folds = {"count": 2, "run": [0], "near_duplicates": False}
    path = write_experiment(folder, {"a": {"steps": 4, **native}, "b": {"steps": 2}}, folds=folds)
    with pytest.raises(EngineError, match=rf"(?s)a fold0 failed: .*{words}") as caught:
        run(path, [f"models.a.engine={engine}"])
    assert caught.value.exit_code == 1
    assert LESS_MEMORY in str(caught.value)
    hungry, modest = (RunFolder(path.parent / "runs" / "tiny" / name / "fold0") for name in "ab")
    assert LESS_MEMORY in hungry.read_manifest()["message"]
    assert (hungry.status, modest.status) == ("failed", "done")
    board = run(path, [f"models.a.engine={engine}"], resume=True)
    assert board.rows[0].mAP50 == pytest.approx(1.0)


def test_a_limit_of_the_process(tmp_path: Path) -> None:
    assert_told_and_resumed(tmp_path, "hungry_engine:Limited", "memory ran out: .*Unable to allocate 1.00 GiB")


def test_a_kill_as_the_kernel_does_it(tmp_path: Path) -> None:
    words = "the worker was killed by SIGKILL .*Most likely memory ran out"
    assert_told_and_resumed(tmp_path, "fake_engine:FakeEngine", words, kill_at=3)


def test_a_kill_by_the_kernel(tmp_path: Path, cage: Path) -> None:
    words = "the worker was killed by SIGKILL .*Most likely memory ran out"
    assert_told_and_resumed(tmp_path, "hungry_engine:Caged", words)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "),
        OSError(12, "Cannot allocate memory"),
    ],
)
def test_every_word_for_it_is_known(error: Exception, tmp_path: Path) -> None:
    ended = ended_by(error, RunFolder(tmp_path))
    assert (ended.status, ended.exit_code) == ("failed", 1)
    assert ended.message.startswith("memory ran out: ")
    assert LESS_MEMORY in ended.message


def test_torch_says_it_in_its_own_way(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert ended_by(caught.value, RunFolder(tmp_path)).message.startswith("memory ran out: ")


def test_a_disk_that_is_full_under_a_framework_is_named(tmp_path: Path) -> None:
    words = ended_by(OSError(28, "No space left on device", "native/log"), RunFolder(tmp_path)).message
    assert words.startswith(f"{tmp_path}/native/log must be writable, but: No space left on device. Free space")


def test_what_only_sounds_like_it_is_not_called_so(tmp_path: Path) -> None:
    error = ImportError("libgomp.so.1: cannot allocate memory in static TLS block")
    assert ended_by(error, RunFolder(tmp_path)).message == f"ImportError: {error}"
