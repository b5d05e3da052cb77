from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from builders import assert_same_predictions, make_dataset, make_predictions
from bunri.errors import DataError, OutputError
from bunri.io import read_predictions, write_predictions
from bunri.predictions import Predictions
from io_builders import predictions_on_three_images, three_images

BOX = {"x_min": 1.0, "y_min": 2.0, "x_max": 3.0, "y_max": 4.0}
ROW: dict[str, Any] = {"image_id": 2, "class_index": 1, "score": 0.5, **BOX}
EMPTY: dict[str, Any] = {"image_id": 5, **dict.fromkeys(("class_index", "score", *BOX))}


def _read(folder: Path, rows: list[dict[str, Any]]) -> Predictions:
    path = folder / "member.parquet"
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(path)
    return read_predictions(path, three_images())


@settings(max_examples=25)
@given(predictions=predictions_on_three_images())
def test_written_and_read_again_nothing_changes(
    tmp_path_factory: pytest.TempPathFactory, predictions: Predictions
) -> None:
    path = tmp_path_factory.mktemp("parquet") / "model.parquet"
    write_predictions(predictions, path, three_images())
    again = read_predictions(path, three_images())
    assert_same_predictions(again, predictions)
    assert again.name == "model"


def test_columns_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "model.parquet"
    write_predictions(make_predictions([(2, 1, 0.5, (1, 2, 3, 4))], seen=[2, 5]), path, three_images())
    table = pl.read_parquet(path)
    assert table.rows(named=True) == [ROW | {"class_name": "Metal"}, EMPTY | {"class_name": None}]


def test_a_table_without_class_names_is_read(tmp_path: Path) -> None:
    read = _read(tmp_path, [ROW, EMPTY])
    assert_same_predictions(read, make_predictions([(2, 1, 0.5, (1, 2, 3, 4))], seen=[2, 5]))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"image_id": 2}], "must have the columns image_id, class_index, .* but lacks class_index"),
        ([ROW, ROW | {"image_id": 3}], "row 1: image_id must be one of the 3 images of the data set, but got 3"),
        ([ROW | {"image_id": None}], "every row must have an image_id, but row 0 has none"),
        ([ROW | {"class_index": 3}], r"class_index must lie in \[0, 3\), but got 3"),
        ([ROW | {"score": None}], "a whole box or all null"),
        ([ROW | {"score": "high"}], "must have numbers in"),
        ([ROW | {"score": 1.5}], r"member.parquet: scores must lie in \[0, 1\]"),
        ([ROW | {"x_min": float("nan")}], "member.parquet: scores and boxes of .* must be finite"),
        ([ROW | {"class_name": "Glass"}], "has 'Glass' where the data set has 'Metal'"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        _read(tmp_path, rows)
    assert "member.parquet" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PredictionString,image_id\n", b"PAR1" + bytes(100) + b"PAR1"])
def test_a_file_that_is_not_parquet(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "member.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"member.parquet must be a parquet file"):
        read_predictions(path, three_images())


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "member.parquet"
    write_predictions(make_predictions([(2, 1, 0.5, (1, 2, 3, 4))]), path, three_images())
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"member.parquet must be a parquet file"):
        read_predictions(path, three_images())


def test_predictions_of_other_images_or_classes_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="image id 9 is not in the data set"):
        write_predictions(make_predictions([(9, 0, 0.5, (1, 2, 3, 4))]), tmp_path / "p.parquet", make_dataset())
    with pytest.raises(DataError, match=r"class_index must lie in \[0, 3\), but got 3"):
        write_predictions(make_predictions([(1, 3, 0.5, (1, 2, 3, 4))]), tmp_path / "p.parquet", make_dataset())
    assert not list(tmp_path.iterdir())


def test_order_of_boxes_is_kept(tmp_path: Path) -> None:
    predictions = make_predictions([(5, 0, 0.5, (1, 2, 3, 4)), (2, 0, 0.7, (1, 2, 3, 4)), (5, 1, 0.6, (1, 2, 3, 4))])
    write_predictions(predictions, tmp_path / "p.parquet", three_images())
    np.testing.assert_array_equal(read_predictions(tmp_path / "p.parquet", three_images()).image_id, [5, 2, 5])


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"No space left on device\. Free space"):
        write_predictions(make_predictions(), tmp_path / "a.parquet", make_dataset())
    assert list(tmp_path.iterdir()) == []
