"""Predictions as parquet: the native file, exact, with the images that were looked at and found empty."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.files import read_bytes, write_bytes
from bunri.predictions import Predictions

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

_BOX = ("x_min", "y_min", "x_max", "y_max")
_SCHEMA = {"image_id": pl.Int64, "class_index": pl.Int64, "score": pl.Float64} | dict.fromkeys(_BOX, pl.Float64)

ROWS_A_BYTE = 10
"""A file of more is no file of predictions, whose scores differ, but one made to fill the memory."""

NO_ROWS = pl.DataFrame(schema=_SCHEMA)


def write_parquet(predictions: Predictions, path: Path, dataset: Dataset) -> None:
    """Write predictions; an image looked at and found empty is one row whose class, score and box are null.

    Raises:
        DataError: A box lies on an image or has a class that the data set does not have.
        OutputError: The file cannot be written.
    """
    content = BytesIO()  # a full disk is an error of ours, which polars would hide in one of its own
    table_of(predictions, dataset).write_parquet(content, compression="zstd")
    write_bytes(path, content.getvalue())


def table_of(predictions: Predictions, dataset: Dataset) -> pl.DataFrame:
    """Rows of a file; empty images stand among boxes that are by rising image id, else at the end.

    Raises:
        DataError: As :func:`write_parquet`.
    """
    dataset.rows_of(predictions.seen_image_id)
    empty = np.setdiff1d(predictions.seen_image_id, predictions.image_id)
    rows = pl.concat([_box_rows(predictions, dataset), pl.DataFrame({"image_id": empty})], how="diagonal")
    is_rising = bool(np.all(predictions.image_id[1:] >= predictions.image_id[:-1]))
    return rows.sort("image_id", maintain_order=True) if is_rising and len(empty) else rows


def _box_rows(predictions: Predictions, dataset: Dataset) -> pl.DataFrame:
    names = pl.Series(dataset.class_names, dtype=pl.String)
    columns = {
        "image_id": predictions.image_id,
        "class_index": predictions.class_index,
        "class_name": names[_checked(predictions.class_index, dataset)],
        "score": predictions.score,
    }
    corners = {name: predictions.box_xyxy[:, k] for k, name in enumerate(_BOX)}
    return pl.DataFrame({**columns, **corners})


def _checked(class_index: np.ndarray, dataset: Dataset) -> np.ndarray:
    classes = len(dataset.class_names)
    if len(class_index) and class_index.max() >= classes:
        raise DataError(f"class_index must lie in [0, {classes}), but got {class_index.max()}. Check the data set.")
    return class_index


def read_parquet(path: Path, dataset: Dataset) -> Predictions:
    """Read predictions that :func:`write_parquet` wrote, or any table with its columns (``class_name`` may be absent).

    Raises:
        DataError: The file is not parquet, lacks columns, or speaks of images or classes the data set does not have.
    """
    from pyarrow.parquet import ParquetFile  # not in the environments of the frameworks, whose workers write alone

    with parquet_errors(path):
        file = ParquetFile(BytesIO(read_bytes(path, "predictions")))
        table = plain_table(file.read(columns=known_columns(path, file)))
    return predictions_of(path, table, dataset)


def predictions_of(path: Path, table: pl.DataFrame, dataset: Dataset) -> Predictions:
    """Rows of a file, or some of them, as predictions.

    Raises:
        DataError: As :func:`read_parquet`.
    """
    columns = cast_columns(path, table)
    _check_images(path, columns["image_id"].to_numpy(), dataset.images.id)
    boxes = columns.drop_nulls(subset=["class_index", "score", *_BOX])
    _check_nulls(path, columns, boxes)
    _check_classes(path, boxes, dataset)
    try:
        return _predictions_of(columns, boxes, path.stem)
    except DataError as error:
        raise DataError(f"{path}: {error}. Write the predictions again.") from error


def _predictions_of(columns: pl.DataFrame, boxes: pl.DataFrame, name: str) -> Predictions:
    return Predictions(
        image_id=boxes["image_id"].to_numpy(),
        class_index=boxes["class_index"].to_numpy(),
        score=boxes["score"].to_numpy(),
        box_xyxy=boxes.select(_BOX).to_numpy(),
        seen_image_id=columns["image_id"].to_numpy(),
        name=name,
    )


@contextmanager
def parquet_errors(path: Path) -> Iterator[None]:
    """Tell what pyarrow finds wrong in a file as an error of ours."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} must be a parquet file, but: {reason}. Write the predictions again.") from error


def known_columns(path: Path, file: "ParquetFile") -> list[str]:
    """Names of the columns of a file that are read.

    Raises:
        DataError: It lacks one that must be there, or would swell when it is read.
    """
    rows, size = file.metadata.num_rows, path.stat().st_size
    if rows > ROWS_A_BYTE * size:
        raise DataError(f"{path} must be of predictions, but claims {rows} rows in {size} bytes. Ask who made it.")
    there = file.schema_arrow.names
    lacking = [name for name in _SCHEMA if name not in there]
    if lacking:
        raise DataError(f"{path} must have the columns {', '.join(_SCHEMA)}, but lacks {', '.join(lacking)}.")
    return [name for name in (*_SCHEMA, "class_name") if name in there]


def plain_table(table: "pa.Table") -> pl.DataFrame:
    """Rows that pyarrow read; of broken files polars' reader ends the whole process (it asks for 2^61 bytes)."""
    import pyarrow as pa

    table.validate(full=True)  # texts that are not UTF-8
    return pl.DataFrame(pl.from_arrow(pa.table({name: table[name] for name in table.column_names})))  # no metadata


def cast_columns(path: Path, table: pl.DataFrame) -> pl.DataFrame:
    """The columns of rows in the types of ours.

    Raises:
        DataError: They cannot be that, or a row has no image.
    """
    names = [*_SCHEMA, *(name for name in ("class_name",) if name in table.columns)]
    try:
        columns = table.select(names).cast({name: _SCHEMA[name] for name in _SCHEMA})
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path} must have numbers in {', '.join(_SCHEMA)}, but: {error}") from error
    _check_no_null(path, columns["image_id"])
    return columns


def checked_image_ids(path: Path, image_id: pl.Series, known: IntArray, first_row: int) -> IntArray:
    """The image ids of some rows, which must be among the known ones.

    Raises:
        DataError: They are not; the message has the row, counted from that of the first.
    """
    ids = image_id.cast(pl.Int64, strict=False)
    _check_no_null(path, ids, first_row)
    column: IntArray = ids.to_numpy()
    _check_images(path, column, known, first_row)
    return column


def _check_no_null(path: Path, image_id: pl.Series, first_row: int = 0) -> None:
    if image_id.null_count():
        row = first_row + int(image_id.is_null().arg_max() or 0)
        raise DataError(f"{path}: every row must have an image_id, but row {row} has none")


def _check_nulls(path: Path, columns: pl.DataFrame, boxes: pl.DataFrame) -> None:
    """A row is a box, or all null."""
    empty = columns.select(pl.all_horizontal(pl.col("class_index", "score", *_BOX).is_null()).sum()).item()
    if len(columns) != len(boxes) + empty:
        raise DataError(f"{path}: a row must be a whole box or all null but for image_id, but some are half null.")


def _check_images(path: Path, image_id: IntArray, known: IntArray, first_row: int = 0) -> None:
    wrong = ~np.isin(image_id, known)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{path}, row {first_row + row}: image_id must be one of the {len(known)} images of the data set, but got "
            f"{image_id[row]}. Check the pair of files."
        )


def _check_classes(path: Path, boxes: pl.DataFrame, dataset: Dataset) -> None:
    index = boxes["class_index"].to_numpy()
    wrong = (index < 0) | (index >= len(dataset.class_names))
    if wrong.any():
        raise DataError(f"{path}: class_index must lie in [0, {len(dataset.class_names)}), but got {index[wrong][0]}.")
    if "class_name" in boxes.columns:
        _check_names(path, boxes["class_name"].cast(pl.String), pl.Series(dataset.class_names, dtype=pl.String)[index])


def _check_names(path: Path, written: pl.Series, expected: pl.Series) -> None:
    wrong = written.ne_missing(expected)
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        raise DataError(
            f"{path} must be of the classes of the data set in their order, but it has {written[row]!r} where the data "
            f"set has {expected[row]!r}. Use the data set the model was trained on."
        )
