"""Photos over the real protocol of S3, in shards and as objects of their own."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bunri.errors import DataError
from bunri.experiment import run
from bunri.io import load_dataset
from bunri.photos import UnreadablePhoto, read_photo
from bunri.shards import is_there, write_shards
from bunri.shards.index import index_of
from bunri.shards.stores import store_of
from experiment_files import TESTS, write_experiment
from io_builders import write_photo

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def fresh_indexes() -> Iterator[None]:
    """No index or connection of an earlier test."""
    index_of.cache_clear()
    store_of.cache_clear()
    yield
    index_of.cache_clear()
    store_of.cache_clear()


def upload(folder: Path, to: str) -> None:
    import s3fs

    system = s3fs.S3FileSystem()
    for path in sorted(folder.iterdir()):
        system.put_file(str(path), f"{to}/{path.name}")
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_photo_of_s3_is_the_photo_of_the_folder(bucket: str, tmp_path: Path) -> None:
    names = [f"{k}.png" for k in range(6)]
    for k, name in enumerate(names):
        write_photo(tmp_path / "photos" / name, k)
    write_shards([(name, tmp_path / "photos" / name) for name in names], tmp_path / "shards", 9000)
    upload(tmp_path / "photos", f"{bucket}/photos")
    upload(tmp_path / "shards", f"{bucket}/shards")
    for place in (Path(f"s3://{bucket}/shards/*.tar"), Path(f"s3://{bucket}/photos")):
        for name in reversed(names):
            np.testing.assert_array_equal(read_photo(place / name), read_photo(tmp_path / "photos" / name))
        assert not is_there(place / "none.png")
        with pytest.raises(UnreadablePhoto, match=r"none\.png: it is not in s3://trash/"):
            read_photo(place / "none.png")


def test_an_experiment_learns_from_shards_in_s3(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)
    path = write_experiment(tmp_path)
    dataset = load_dataset(tmp_path / "photos.json")
    write_shards([(name, dataset.path_of(row)) for row, name in enumerate(dataset.images.file_name)], tmp_path / "tars")
    upload(tmp_path / "tars", f"{bucket}/tars")
    images = f"s3://{bucket}/tars/*.tar"
    words = ("ensemble.method=wbf", f"runs={tmp_path / 'other'}", f"data.images={images}", f"data.test.images={images}")
    boards = run(path, ("ensemble.method=wbf",)), run(path, words)
    found = [(board.folder / "exact" / "test.parquet").read_bytes() for board in boards]
    assert found[0] == found[1]


def test_what_is_wrong_is_told(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shards([("a.png", write_photo(tmp_path / "a.png"))], tmp_path / "shards")
    tar = tmp_path / "shards" / "000000.tar"
    tar.write_bytes(tar.read_bytes()[:1500])
    upload(tmp_path / "shards", f"{bucket}/cut")
    with pytest.raises(DataError, match=r"a shard must be a whole tar, but .*cut/000000\.tar is not"):
        read_photo(Path(f"s3://{bucket}/cut/*.tar/a.png"))
    with pytest.raises(DataError, match="photos must be readable in s3://nowhere/photos, but"):
        read_photo(Path("s3://nowhere/photos/a.png"))


def test_a_forked_process_reads_by_connections_of_its_own(bucket: str, tmp_path: Path) -> None:
    write_shards([("a.png", write_photo(tmp_path / "a.png"))], tmp_path / "shards")
    upload(tmp_path / "shards", f"{bucket}/shards")
    place = Path(f"s3://{bucket}/shards/*.tar/a.png")
    here = read_photo(place)
    child = multiprocessing.get_context("fork")
    with child.Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply_async(read_photo, (place,)).get(timeout=60), here)
