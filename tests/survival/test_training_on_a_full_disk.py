"""Training and prediction on a disk that becomes full, or read-only, anywhere: told, unhurt, and resumed bit by bit."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bunri.experiment import run
from bunri.run_folder import RunFolder
from experiment_files import TESTS, write_experiment
from run_results import results_of
from small_disks import Disk, mounted
from survival.conftest import Bunri

MODELS: dict[str, dict[str, Any]] = {"a": {"steps": 6, "weight": 9000}, "b": {"steps": 4, "noise": 3.0, "weight": 5000}}
SETTINGS: dict[str, Any] = {"ensemble": {"method": "wbf"}, "folds": {"count": 2, "run": [0], "near_duplicates": False}}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted(tmp_path / "disk", "4m") as disk:
        yield disk


@pytest.fixture(scope="module")
def unhurt(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the experiment leaves where nothing goes wrong."""
    folder = tmp_path_factory.mktemp("unhurt")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(TESTS)
        run(write_experiment(folder, MODELS, **SETTINGS))
    return results_of(folder / "runs" / "tiny")


@pytest.mark.parametrize("pages", [0, 9, 18, 23, 28, 38])
def test_a_disk_that_becomes_full_anywhere_is_told_and_the_run_goes_on(
    bunri: Bunri, disk: Disk, tmp_path: Path, unhurt: dict[str, Any], pages: int
) -> None:
    path = write_experiment(tmp_path, MODELS, **SETTINGS, runs=str(disk.folder / "runs"))
    disk.fill(pages_left=pages)
    code, text = bunri("run", path)
    assert (code, text.count("error: ")) == (1, 1), text
    assert "No space left on device. Free space" in text
    assert str(disk.folder) in text
    assert not [name for name in disk.content() if Path(name).name.startswith(".") and ".python" not in name]
    disk.free()
    code, text = bunri("run", path, "--resume")
    assert code == 0, text
    assert results_of(disk.folder / "runs" / "tiny") == unhurt


def test_a_folder_that_may_no_longer_be_written_in_the_middle_is_told_and_the_run_goes_on(
    bunri: Bunri, tmp_path: Path, unhurt: dict[str, Any]
) -> None:
    path = write_experiment(tmp_path, {**MODELS, "a": {**MODELS["a"], "slow_from": 3}}, **SETTINGS)
    checkpoints = tmp_path / "runs" / "tiny" / "a" / "fold0" / "checkpoints"
    with protected_once_it_holds(checkpoints, "best.pt"):
        code, text = bunri("run", path)
    assert code == 1
    assert (
        f"a fold0 failed: {checkpoints}/last.pt must be writable, but: Operation not permitted. Give yourself" in text
    )
    assert "When the cause is mended, go on with --resume." in text
    assert sorted(file.name for file in checkpoints.iterdir()) == ["best.pt", "last.pt"]
    assert RunFolder(checkpoints.parent).status == "failed"
    assert bunri("run", path, "--resume")[0] == 0
    assert results_of(tmp_path / "runs" / "tiny") == unhurt


@contextmanager
def protected_once_it_holds(folder: Path, name: str) -> Iterator[None]:
    """Nobody, root neither, may write to a folder any more from the moment a file is there to the end of the block."""
    protected = threading.Event()

    def protect() -> None:
        deadline = time.monotonic() + 100
        while not (folder / name).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        if subprocess.run(["chattr", "+i", str(folder)], capture_output=True).returncode == 0:
            protected.set()

    watcher = threading.Thread(target=protect)
    watcher.start()
    try:
        yield
    finally:
        watcher.join()
        subprocess.run(["chattr", "-i", str(folder)], capture_output=True)
        if not protected.is_set():
            pytest.skip("a folder cannot be made immutable here (root and ext4 are needed)")
