import os
import subprocess
import sys
from pathlib import Path

import pytest

from bunri.errors import OutputError, UsageError
from bunri.experiment import locking
from bunri.experiment.locking import locked
from bunri.run_folder import RunFolder


def test_two_cannot_train_in_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "SECONDS_FOR_LOCK", 0.0)
    with (
        locked(RunFolder(tmp_path)),
        pytest.raises(UsageError, match="another process trains in it"),
        locked(RunFolder(tmp_path)),
    ):
        pass
    with locked(RunFolder(tmp_path)):  # free again
        pass


def test_a_worker_that_outlives_its_parent_still_holds_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "SECONDS_FOR_LOCK", 0.0)
    with locked(RunFolder(tmp_path)) as descriptor:
        worker = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(descriptor,))
    with pytest.raises(UsageError), locked(RunFolder(tmp_path)):
        pass
    worker.communicate(b"\n")
    monkeypatch.setattr(locking, "SECONDS_FOR_LOCK", 30.0)
    with locked(RunFolder(tmp_path)) as descriptor:
        os.fstat(descriptor)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(OutputError, match="must be writable"), locked(RunFolder(tmp_path / "run")):
        pass
