"""Photos read from tars and URLs as from folders; what a tar must not hold."""

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import make_dataset
from bunri.dataset import Dataset
from bunri.errors import DataError, UsageError
from bunri.photos import UnreadablePhoto, exif_orientation, photo_size, read_photo
from bunri.shards import absolute_folder, is_source, is_there, leaves_folder, read_file, write_shards
from bunri.shards.index import index_of, prepare
from bunri.thumbnails import read_small
from io_builders import write_photo

NAMES = ("a.png", "street/b.png", "street/deep/c.png", "ü ber.png", f"{'long' * 40}.png")


@pytest.fixture(autouse=True)
def fresh_indexes() -> Iterator[None]:
    """No index of an earlier test."""
    index_of.cache_clear()
    yield
    index_of.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for k, name in enumerate(NAMES):
        write_photo(tmp_path / "photos" / name, k, (20 + k, 10))
    return tmp_path / "photos"


@pytest.fixture
def shards(folder: Path) -> Path:
    write_shards([(name, folder / name) for name in NAMES], folder.parent / "shards", shard_bytes=150)
    return folder.parent / "shards"


@pytest.mark.parametrize("source", ["*.tar", "file", "memory"])
def test_a_photo_of_a_shard_is_the_photo_of_the_folder(folder: Path, shards: Path, source: str) -> None:
    assert len(list(shards.iterdir())) > 1
    place = {"*.tar": shards / "*.tar", "file": Path(f"file://{shards}/*.tar"), "memory": in_memory(shards)}[source]
    for name in reversed(NAMES):
        np.testing.assert_array_equal(read_photo(place / name), read_photo(folder / name))
        np.testing.assert_array_equal(read_small(str(place / name), 8), read_small(folder / name, 8))
        assert photo_size(place / name) == photo_size(folder / name)
        assert exif_orientation(place / name) == 1
        assert read_file(place / name) == (folder / name).read_bytes()
        assert is_there(place / name)
    assert not is_there(place / "street/none.png")
    with pytest.raises(UnreadablePhoto, match=r"none.png: it is not in .*\*.tar"):
        read_photo(place / "street/none.png")


def in_memory(shards: Path) -> Path:
    import fsspec

    system = fsspec.filesystem("memory")
    for shard in shards.iterdir():
        system.pipe_file(f"/bucket/{shard.name}", shard.read_bytes())
    return Path("memory://bucket/*.tar")


def test_photos_behind_a_url_need_no_shards(folder: Path) -> None:
    place = Path(f"file://{folder}")
    np.testing.assert_array_equal(read_photo(place / NAMES[2]), read_photo(folder / NAMES[2]))
    assert (is_there(place / "a.png"), is_there(place / "b.png")) == (True, False)
    with pytest.raises(DataError, match="photos must be readable in file:///nowhere, but"):
        read_photo(Path("file:///nowhere/a.png"))


def test_a_data_set_is_read_from_shards_by_its_own_names(shards: Path, folder: Path) -> None:
    dataset = make_dataset(image_ids=[1], image_folder=shards / "*.tar")
    object.__setattr__(dataset.images, "file_name", ("street/b.png",))
    prepare(dataset.image_folder)
    np.testing.assert_array_equal(read_photo(dataset.path_of(0)), read_photo(folder / "street/b.png"))


def test_a_folder_may_be_called_like_a_tar(tmp_path: Path) -> None:
    write_photo(tmp_path / "odd.tar" / "a.png", size=(8, 4))
    assert read_photo(tmp_path / "odd.tar" / "a.png").shape == (4, 8, 3)
    assert not is_source(tmp_path / "odd.tar")
    prepare(tmp_path / "odd.tar")


def test_tars_of_other_programs_are_read(folder: Path, tmp_path: Path) -> None:
    """With folders, ``./`` before names, and GNU's long names."""
    with tarfile.open(tmp_path / "gnu.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        tar.add(folder, arcname=".")
    for name in NAMES:
        assert read_file(tmp_path / "gnu.tar" / name) == (folder / name).read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "s3://bucket/photos",
        "/work/s3:/bucket/photos",
        "a/simplecache::s3://bucket/x",
        "gs:/b/*.tar",
        "memory://x/*.tar",
    ],
)
def test_a_url_stays_one_in_a_path(path: str) -> None:
    assert is_source(Path(path))
    assert absolute_folder(Path(path)) == Path(path)
    assert leaves_folder(path)


@pytest.mark.parametrize("path", ["photos", "c:/photos", "a:b/photos", "shards.tar.gz", "/x/2024-01-01T10:30/photos"])
def test_other_paths_are_no_sources(path: str) -> None:
    assert not is_source(Path(path))
    assert absolute_folder(Path(path)).is_absolute()


def test_a_file_name_cannot_be_a_url(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    write_photo(secret)
    dataset: Dataset = make_dataset(image_folder=tmp_path / "photos")
    object.__setattr__(dataset.images, "file_name", (f"file:{secret}",))
    with pytest.raises(DataError, match="file names must stay in"):
        dataset.path_of(0)


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for info, content in members:
            info.size = len(content) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(content))
    return path


def info_of(name: str, **changes: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in changes.items():
        setattr(info, key, value)
    return info


PHOTO = (info_of("good.png"), b"12345")


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (info_of("l.png", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "is a link, a device or sparse"),
        (info_of("h.png", type=tarfile.LNKTYPE, linkname="good.png"), "is a link, a device or sparse"),
        (info_of("d.png", type=tarfile.CHRTYPE, devmajor=1, devminor=5), "is a link, a device or sparse"),
        (info_of("f.png", type=tarfile.FIFOTYPE), "is a link, a device or sparse"),
        (info_of("../up.png"), "has a name that leads out of the folder"),
        (info_of("/root.png"), "has a name that leads out of the folder"),
        (info_of("file:/etc/passwd"), "has a name that leads out of the folder"),
    ],
)
def test_a_member_that_is_no_file_or_leaves_is_refused(tmp_path: Path, member: tarfile.TarInfo, reason: str) -> None:
    path = tar_of(tmp_path / "bad.tar", PHOTO, (member, b"x"))
    with pytest.raises(DataError, match=reason) as told:
        read_file(path / "good.png")
    assert str(path) in str(told.value)
    assert member.name in str(told.value)


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    for number in range(2):
        tar_of(tmp_path / f"{number}.tar", (info_of("a.png"), b"1"), (info_of(f"{number}.png"), b"2"))
    with pytest.raises(DataError, match=r"names of their own, but 'a.png' is in .*0.tar and in .*1.tar"):
        read_file(tmp_path / "*.tar" / "a.png")


def test_a_member_too_large_is_refused_unread(tmp_path: Path) -> None:
    head = info_of("big.png", size=2**40).tobuf(tarfile.PAX_FORMAT)
    (tmp_path / "big.tar").write_bytes(head + bytes(1024))
    with pytest.raises(DataError, match=r"'big.png' of .*big.tar has 1099511627776 bytes"):
        read_file(tmp_path / "big.tar" / "big.png")


def test_a_head_that_claims_to_be_endless_is_refused_unread(tmp_path: Path) -> None:
    head = info_of("././@LongLink", type=tarfile.GNUTYPE_LONGNAME, size=2**33).tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "long.tar").write_bytes(head + bytes(1024))
    with pytest.raises(DataError, match="at its beginning: a head of 8589934592 bytes is too long"):
        read_file(tmp_path / "long.tar" / "a.png")


@pytest.mark.parametrize("left", [0, 100, 511, 512, 700, 1024, 1500, 2048, 2500])
def test_a_tar_that_breaks_off_is_refused_by_name(tmp_path: Path, left: int) -> None:
    """Also between two members, where Python's tarfile would see the end."""
    whole = tar_of(tmp_path / "whole.tar", (info_of("a.png"), b"x" * 600), (info_of("b.png"), b"y" * 600)).read_bytes()
    path = tmp_path / "cut.tar"
    path.write_bytes(whole[:left])
    with pytest.raises(DataError, match=r"a shard must be a whole tar, but .*cut.tar is not"):
        read_file(path / "a.png")


def test_a_broken_head_in_the_middle_is_refused_by_its_neighbour(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "bad.tar", (info_of("a.png"), b"x"), (info_of("b.png"), b"y"))
    content = bytearray(path.read_bytes())
    content[1024] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"after 'a.png': it breaks off, or what follows is broken"):
        read_file(path / "a.png")


def test_what_is_no_tar_or_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.tar").write_text("not a tar " * 200)
    with pytest.raises(DataError, match="at its beginning"):
        prepare(tmp_path / "text.tar")
    with pytest.raises(DataError, match=r"there must be a shard or a photo at .*none-\*.tar, but there is none"):
        prepare(tmp_path / "none-*.tar")
    with pytest.raises(UsageError, match="a URL of a file system fsspec knows"):
        read_photo(Path("nosuch://bucket/a.png"))


def test_a_shard_that_is_written_anew_is_not_read_by_the_old_index(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "a.tar", (info_of("a.png"), b"12345"))
    assert read_file(path / "a.png") == b"12345"
    tar_of(path, (info_of("b.png"), b"1" * 2000), (info_of("a.png"), b"6789"))
    os.utime(path, (5, 5))
    with pytest.raises(DataError, match=r"must stay as it is while it is used, but .*a.tar was changed"):
        read_file(path / "a.png")


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_tar_gives_an_error_of_ours_or_what_was_in_it(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    names = [f"{k}.png" for k in range(5)]
    path = tar_of(tmp_path / "a.tar", *((info_of(name), bytes([k]) * 40) for k, name in enumerate(names)))
    content = bytearray(path.read_bytes()[: 512 * 12])
    for place in random.integers(0, len(content), 6):
        content[place] = random.integers(256)
    path.write_bytes(content)
    try:
        index = index_of(str(path))
    except DataError as error:
        told = str(error)
    else:
        told = "a.tar" if all(len(read_file(path / name)) == index.size[row] for name, row in index.row.items()) else ""
    assert "a.tar" in told
