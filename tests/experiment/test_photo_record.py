import os
from pathlib import Path

import pytest

from bunri.errors import DataError, UsageError
from bunri.experiment import run
from bunri.experiment.photo_record import END
from bunri.experiment.reproducing import reproduce
from bunri.run_folder import RunFolder
from experiment_files import TESTS, write_experiment, write_photo_of

ONE_FOLD = {"count": 2, "run": [0], "near_duplicates": False}
FIXED = ("ensemble.method=wbf",)

SPOILER = """
from bunri.events import Ended

class Spoiler:
    def __init__(self, run, photo):
        self.run, self.photo = run, photo

    def write(self, event):
        if isinstance(event, Ended) and "fold0" in self.run.label:
            with open(self.photo, "ab") as file:
                file.write(b"more")

    def close(self):
        pass
"""
"""A writer that changes a photo when the first fold is done."""


@pytest.fixture(autouse=True)
def _where_the_fake_engine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)


def spoil(photo: Path) -> None:
    """Another photo of the same size and time: of these nothing is learned."""
    times = photo.stat()
    content = bytearray(photo.read_bytes())
    content[-1] ^= 0xFF
    photo.write_bytes(bytes(content))
    os.utime(photo, ns=(times.st_atime_ns, times.st_mtime_ns + 1))


def test_a_photo_that_changes_between_two_folds_is_named(tmp_path: Path) -> None:
    (tmp_path / "spoiler.py").write_text(SPOILER)
    custom = [{"name": "spoiler:Spoiler", "arguments": {"photo": str(tmp_path / "0007.jpg")}}]
    writers = {"custom": custom}
    path = write_experiment(tmp_path, writers=writers, jobs=1)
    with pytest.raises(
        DataError, match=r"exact fold1 failed: photos must stay .* 1 changed, first .*0007\.jpg\. Bring"
    ):
        run(path)
    folds = [RunFolder(tmp_path / "runs" / "tiny" / "exact" / f"fold{fold}") for fold in (0, 1)]
    assert [fold.status for fold in folds] == ["done", "new"]
    write_photo_of(tmp_path / "0007.jpg", 7)  # the old one is back, with another time
    assert run(path, resume=True).rows[0].mAP50 == pytest.approx(1.0)


@pytest.mark.parametrize("photo", ["0003.jpg", "0015.jpg"])  # of training and of test
def test_a_run_is_resumed_on_its_own_photos_only(tmp_path: Path, photo: str) -> None:
    path = write_experiment(tmp_path, folds=ONE_FOLD)
    board = run(path, FIXED)
    spoil(tmp_path / photo)
    with pytest.raises(DataError, match=f"1 changed, first .*{photo}"):
        run(path, FIXED, resume=True)
    with pytest.raises(UsageError, match="has been trained already"):
        run(path, FIXED)
    with pytest.raises(DataError, match=f"1 changed, first .*{photo}"):
        reproduce(board.folder / "exact" / "fold0", tmp_path / "again")
    run(path, FIXED, overwrite=True)
    assert run(path, FIXED, resume=True).rows[0].mAP50 == pytest.approx(1.0)


def test_photos_that_were_copied_are_the_same(tmp_path: Path) -> None:
    path = write_experiment(tmp_path, folds=ONE_FOLD)
    run(path, FIXED)
    for photo in tmp_path.glob("*.jpg"):
        os.utime(photo, (1, 1))
    run(path, FIXED, resume=True)


def test_the_middle_of_a_large_photo_is_told_by_size_and_ends(tmp_path: Path) -> None:
    path = write_experiment(tmp_path, folds=ONE_FOLD)
    large = tmp_path / "0003.jpg"
    large.write_bytes(large.read_bytes() + bytes(3 * END))
    run(path, FIXED)
    large.write_bytes(large.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"0003\.jpg"):
        run(path, FIXED, resume=True)


def test_a_record_that_is_none_is_told(tmp_path: Path) -> None:
    path = write_experiment(tmp_path, folds=ONE_FOLD)
    run(path, FIXED)
    (tmp_path / "runs" / "tiny" / "data" / "photos.json").write_text('{"train": 5}')
    with pytest.raises(DataError, match=r"must be as bunri writes it, but .* Begin anew with --overwrite"):
        run(path, FIXED, resume=True)
