"""Shards are written whole or not at all, and the same photos give the same bytes."""

import os
from pathlib import Path

import pytest

from bunri.errors import DataError, OutputError, UsageError
from bunri.shards import Written, write_shards


@pytest.fixture
def photos(tmp_path: Path) -> list[tuple[str, Path]]:
    for k in range(5):
        (tmp_path / f"{k}.jpg").write_bytes(bytes([k]) * 100)
    return [(f"dir/{k}.jpg", tmp_path / f"{k}.jpg") for k in range(5)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("shard_bytes", "shards"), [(1, 5), (100, 5), (101, 3), (500, 1), (10_000, 1)])
def test_a_shard_is_closed_when_it_is_full(
    tmp_path: Path, photos: list[tuple[str, Path]], shard_bytes: int, shards: int
) -> None:
    written = write_shards(photos, tmp_path / "out", shard_bytes)
    assert written == Written(tuple(f"{k:06}.tar" for k in range(shards)), 5)
    assert sorted(contents(tmp_path / "out")) == list(written.shards)


def test_the_same_photos_give_the_same_bytes_from_wherever_they_come(
    tmp_path: Path, photos: list[tuple[str, Path]]
) -> None:
    write_shards(photos, tmp_path / "a", 200)
    for _, path in photos:
        os.utime(path, (1, 1))
        path.chmod(0o600)
    write_shards(photos, tmp_path / "deep" / "b", 200)
    write_shards([(name, tmp_path / "a" / "*.tar" / name) for name, _ in photos], tmp_path / "c", 200)
    assert contents(tmp_path / "a") == contents(tmp_path / "deep" / "b") == contents(tmp_path / "c")


def test_nothing_half_written_is_left(tmp_path: Path, photos: list[tuple[str, Path]]) -> None:
    photos[3][1].unlink()
    with pytest.raises(DataError, match=r"every photo must be there, but .*3.jpg: No such file"):
        write_shards(photos, tmp_path / "new" / "out", 100)
    assert list((tmp_path / "new").iterdir()) == []


def test_photos_too_large_are_refused(
    tmp_path: Path, photos: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bunri.shards.writing.MOST_BYTES", 50)
    with pytest.raises(DataError, match=r"50 bytes at most, but .*0.jpg has 100"):
        write_shards(photos, tmp_path / "out")


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, photos: list[tuple[str, Path]]) -> None:
    (tmp_path / "out").mkdir()
    write_shards(photos[:1], tmp_path / "out")
    with pytest.raises(UsageError, match="shards must go to a new folder"):
        write_shards(photos, tmp_path / "out")
    with pytest.raises(OutputError, match="must be writable"):
        write_shards(photos, tmp_path / "0.jpg" / "out")
