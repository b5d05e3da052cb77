"""An experiment whose photos lie in tar shards is the one whose photos lie in a folder."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bunri.errors import ConfigError, DataError
from bunri.experiment import run
from bunri.io import load_dataset
from bunri.report import write_report
from bunri.shards import write_shards
from bunri.shards.index import index_of
from experiment_files import TESTS, write_experiment


@pytest.fixture(autouse=True)
def _where_the_fake_engine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)
    index_of.cache_clear()


def put_into_shards(folder: Path) -> None:
    dataset = load_dataset(folder / "photos.json")
    photos = [(name, dataset.path_of(row)) for row, name in enumerate(dataset.images.file_name)]
    write_shards(photos, folder / "shards", 5000)
    for _, path in photos:
        path.unlink()


def experiment_in(folder: Path, native: Mapping[str, Mapping[str, Any]]) -> Path:
    folder.mkdir()
    return write_experiment(folder, native)


@pytest.mark.parametrize("url", [False, True])
def test_results_are_those_of_the_folder(tmp_path: Path, url: bool) -> None:
    native = {"exact": {"steps": 2}, "rough": {"steps": 2, "noise": 6}}
    plain = run(experiment_in(tmp_path / "plain", native), ("ensemble.method=wbf",))
    path = experiment_in(tmp_path / "tars", native)
    put_into_shards(tmp_path / "tars")
    images = f"file://{tmp_path}/tars/shards/*.tar" if url else "shards/*.tar"
    overrides = ("ensemble.method=wbf", f"data.images={images}", f"data.test.images={images}")
    stored = run(path, overrides)
    for name in ("rough/oof.parquet", "rough/test.parquet", "ensemble/test.parquet"):
        assert (stored.folder / name).read_bytes() == (plain.folder / name).read_bytes()
    pages = [tmp_path / f"{name}.html" for name in ("plain", "tars")]
    for board, page in zip((plain, stored), pages, strict=True):
        write_report([board.folder], page)
    assert all(page.read_text().count("UklGR") >= 12 for page in pages)
    again = run(
        path, ("ensemble.method=wbf", f"data.images={images}", f"data.test.images={images}"), resume=True
    )  # nothing is left to do
    assert again.folder == stored.folder


def test_photos_and_shards_that_are_not_there_are_told_before_anything_trains(tmp_path: Path) -> None:
    path = write_experiment(tmp_path)
    with pytest.raises(DataError, match=r"there must be a shard or a photo at .*none/\*.tar, but there is none"):
        run(path, ("data.images=none/*.tar",))
    with pytest.raises(ConfigError, match=r"data.images: must be a folder, tar or URL of photos, but .*none is none"):
        run(path, ("data.images=none",))
    dataset = load_dataset(tmp_path / "photos.json")
    write_shards([("0001.jpg", dataset.path_of(0))], tmp_path / "few")
    with pytest.raises(DataError, match="every image must have its photo, but 11 of 12 are not there"):
        run(path, ("data.images=few/*.tar",))
    shutil.rmtree(tmp_path / "few")
