"""Large files block by block: the same as whole, whatever the order of their rows."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pyarrow import RecordBatchFileWriter, ipc
from pyarrow.parquet import ParquetFile

from builders import assert_same_predictions, make_predictions, random_world
from bunri.dataset import Dataset
from bunri.errors import DataError, OutputError
from bunri.fuse import fuse
from bunri.io import read_predictions, write_predictions
from bunri.io.blocks import read_blocks, write_blocks
from bunri.predictions import Predictions, concatenate

WORLD, MEMBERS = random_world(seed=3, images=40, members=3, boxes_per_image=6)


def by_image(predictions: Predictions) -> Predictions:
    return predictions[np.argsort(predictions.image_id, kind="stable")]


def partly_seen(member: Predictions, every: int) -> Predictions:
    """Some images not looked at, others found empty."""
    seen = member.of_images(member.seen_image_id[member.seen_image_id % every != 0])
    return replace(seen[seen.image_id % 5 != 1], name=member.name)


def written(folder: Path, members: Sequence[Predictions], dataset: Dataset = WORLD) -> list[Path]:
    paths = [folder / f"{member.name}.parquet" for member in members]
    for path, member in zip(paths, members, strict=True):
        write_predictions(member, path, dataset)
    return paths


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows are read at a time."""
    monkeypatch.setattr("bunri.io.image_order.BATCH", 17)


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize("block", [1, 50, 333, 10_000])
@pytest.mark.parametrize("ordered", [True, False])
def test_blocks_joined_are_the_file(tmp_path: Path, block: int, ordered: bool) -> None:
    members = [partly_seen(member, every) for member, every in zip(MEMBERS, (3, 4, 99), strict=True)]
    members = [by_image(member) for member in members] if ordered else members
    sorted_files = list[Path]()
    paths = written(tmp_path, members)
    blocks = list(read_blocks(paths, WORLD, whole=0, block=block, on_sorting=sorted_files.append))
    assert sorted_files == ([] if ordered else paths)
    assert (len(blocks) > 5) == (block < 100)
    for m, member in enumerate(members):
        assert_same_predictions(concatenate([each[m] for each in blocks]), by_image(member))
    for each, following in pairwise(blocks):
        ids = [np.concatenate([one.seen_image_id for one in several]) for several in (each, following)]
        assert ids[0].max() < ids[1].min()


@pytest.mark.parametrize("method", ["wbf", "nms", "soft_nms", "nmw"])
def test_fused_in_blocks_is_fused_whole(tmp_path: Path, method: str) -> None:
    members = [partly_seen(member, every) for member, every in zip(MEMBERS, (3, 4, 99), strict=True)]
    blocks = read_blocks(written(tmp_path, members), WORLD, whole=0, block=70)
    out = tmp_path / "fused.parquet"
    whole = fuse(members, method=method, weights=[2, 1, 1])
    counts = write_blocks((fuse(block, method=method, weights=[2, 1, 1]) for block in blocks), out, WORLD)
    assert_same_predictions(read_predictions(out, WORLD), whole)
    assert counts == (len(whole), len(whole.seen_image_id))


def test_many_parts_are_sorted_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bunri.io.image_order.MOST_PARTS", 3)
    blocks = read_blocks(written(tmp_path, MEMBERS[:1]), WORLD, whole=0, block=10)
    assert_same_predictions(concatenate([block[0] for block in blocks]), by_image(MEMBERS[0]))


def test_small_files_and_other_formats_come_whole(tmp_path: Path) -> None:
    (path,) = written(tmp_path, MEMBERS[:1])
    write_predictions(MEMBERS[1], tmp_path / "other.csv", WORLD)
    assert len(list(read_blocks([path], WORLD))) == 1
    ((one, other),) = read_blocks([path, tmp_path / "other.csv"], WORLD, whole=0, block=10)
    assert_same_predictions(one, MEMBERS[0])
    assert len(other) == len(MEMBERS[1])


def test_a_file_without_rows_is_a_member_that_saw_nothing(tmp_path: Path) -> None:
    nothing = make_predictions([], seen=[], name="nothing")
    blocks = list(read_blocks(written(tmp_path, [nothing, MEMBERS[0]]), WORLD, whole=0, block=100))
    assert len(blocks) > 1
    assert all(len(block[0].seen_image_id) == 0 for block in blocks)


def test_columns_of_other_types_are_read_alike(tmp_path: Path) -> None:
    (path,) = written(tmp_path, MEMBERS[:1])
    pl.read_parquet(path).cast({"image_id": pl.Int16, "class_index": pl.UInt8}).write_parquet(path)
    ((whole,), *_) = read_blocks([path], WORLD, whole=10_000)
    blocks = [block[0] for block in read_blocks([path], WORLD, whole=0, block=60)]
    assert_same_predictions(concatenate(blocks), by_image(whole))


ROW: dict[str, Any] = {"image_id": 2, "class_index": 1, "score": 0.5}
ROW |= {"x_min": 1.0, "y_min": 2.0, "x_max": 3.0, "y_max": 4.0}


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"image_id": 99}, "row 40: image_id must be one of the 40 images of the data set, but got 99"),
        ({"image_id": None}, "every row must have an image_id, but row 40 has none"),
        ({"score": None}, "a whole box or all null"),
        ({"score": 1.5}, r"scores must lie in \[0, 1\]"),
        ({"class_index": 7}, r"class_index must lie in \[0, 3\), but got 7"),
        ({"class_name": "Glass"}, "has 'Glass' where the data set has 'class1'"),
    ],
)
def test_a_wrong_row_far_behind_is_named(tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    path = tmp_path / "member.parquet"
    named = ROW | {"class_name": "class1"} if "class_name" in wrong else ROW
    pl.DataFrame([named] * 40 + [named | {"image_id": 3} | wrong], infer_schema_length=None).write_parquet(path)
    with pytest.raises(DataError, match=message) as caught:
        list(read_blocks([path], WORLD, whole=0, block=10))
    assert "member.parquet" in str(caught.value)


def test_a_file_that_breaks_off_or_lacks_columns(tmp_path: Path) -> None:
    (path,) = written(tmp_path, [by_image(MEMBERS[0])])
    content, start = path.read_bytes(), ParquetFile(path).metadata.row_group(0).column(3).data_page_offset
    path.write_bytes(content[:start] + bytes(200) + content[start + 200 :])
    with pytest.raises(DataError, match="must be a parquet file"):
        list(read_blocks([path], WORLD, whole=0, block=10))
    pl.DataFrame({"image_id": [1, 2]}).write_parquet(path)
    with pytest.raises(DataError, match="but lacks class_index"):
        list(read_blocks([path], WORLD, whole=0, block=10))


def test_a_full_temporary_folder_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> RecordBatchFileWriter:
        raise OSError(28, "No space left on device")

    paths = written(tmp_path, MEMBERS[:1])
    monkeypatch.setattr(ipc, "new_stream", full)
    with pytest.raises(OutputError, match=r"No space left on device\. Free space"):
        list(read_blocks(paths, WORLD, whole=0, block=10))


@pytest.mark.parametrize("name", ["fused.parquet", "fused.csv", "fused.json"])
def test_blocks_are_written_as_the_whole(tmp_path: Path, name: str) -> None:
    whole = partly_seen(by_image(MEMBERS[0]), every=7)
    blocks = [whole.of_images(range(low, low + 10)) for low in (1, 11, 21, 31)]
    write_predictions(whole, tmp_path / f"whole_{name}", WORLD)
    write_blocks(blocks, tmp_path / name, WORLD)
    again = [read_predictions(tmp_path / file, WORLD) for file in (name, f"whole_{name}")]
    assert_same_predictions(*again)


def test_empty_images_stand_in_their_place(tmp_path: Path) -> None:
    box = (1.0, 2.0, 3.0, 4.0)
    write_predictions(
        make_predictions([(2, 0, 0.5, box), (7, 1, 0.4, box)], seen=[1, 2, 5, 7]), tmp_path / "p.parquet", WORLD
    )
    assert pl.read_parquet(tmp_path / "p.parquet")["image_id"].to_list() == [1, 2, 5, 7]


def test_an_error_in_a_late_block_leaves_the_old_file(tmp_path: Path) -> None:
    out = tmp_path / "fused.parquet"
    write_blocks([MEMBERS[0]], out, WORLD)
    before = out.read_bytes()
    with pytest.raises(DataError, match="image id 99 is not in the data set"):
        write_blocks([MEMBERS[1], make_predictions([(99, 0, 0.5, (1, 2, 3, 4))])], out, WORLD)
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
