"""Predictions as parquet: the native file, exact, with the images that were looked at and found empty."""

from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl

from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.files import read_bytes, write_bytes
from bunri.predictions import Predictions

_BOX = ("x_min", "y_min", "x_max", "y_max")
_SCHEMA = {"image_id": pl.Int64, "class_index": pl.Int64, "score": pl.Float64} | dict.fromkeys(_BOX, pl.Float64)


def write_parquet(predictions: Predictions, path: Path, dataset: Dataset) -> None:
    """Write predictions; an image looked at and found empty is one row whose class, score and box are null.

    Raises:
        DataError: A box lies on an image or has a class that the data set does not have.
        OutputError: The file cannot be written.
    """
    dataset.rows_of(predictions.seen_image_id)
    empty = np.setdiff1d(predictions.seen_image_id, predictions.image_id)
    table = pl.concat([_table(predictions, dataset), pl.DataFrame({"image_id": empty})], how="diagonal")
    content = BytesIO()  # a full disk is an error of ours, which polars would hide in one of its own
    table.write_parquet(content, compression="zstd")
    write_bytes(path, content.getvalue())


def _table(predictions: Predictions, dataset: Dataset) -> pl.DataFrame:
    names = np.array(dataset.class_names, dtype=object)
    columns = {
        "image_id": predictions.image_id,
        "class_index": predictions.class_index,
        "class_name": pl.Series(names[_checked(predictions.class_index, dataset)], dtype=pl.String),
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
    table = _read_table(path)
    lacking = [name for name in _SCHEMA if name not in table.columns]
    if lacking:
        raise DataError(f"{path} must have the columns {', '.join(_SCHEMA)}, but lacks {', '.join(lacking)}.")
    columns = _cast(path, table)
    _check_images(path, columns["image_id"], dataset)
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


def _read_table(path: Path) -> pl.DataFrame:
    """Read with pyarrow: of broken files polars' reader ends the whole process (it asks for 2^61 bytes, and aborts)."""
    import pyarrow as pa  # not in the environments of the frameworks, whose workers write alone
    from pyarrow.parquet import ParquetFile

    content = read_bytes(path, "predictions")
    try:
        file = ParquetFile(BytesIO(content))
        names = [name for name in (*_SCHEMA, "class_name") if name in file.schema_arrow.names]
        table = file.read(columns=names)
        table.validate(full=True)  # texts that are not UTF-8
        return pl.DataFrame(pl.from_arrow(pa.table({name: table[name] for name in names})))  # no metadata
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} must be a parquet file, but: {reason}. Write the predictions again.") from error


def _cast(path: Path, table: pl.DataFrame) -> pl.DataFrame:
    names = [*_SCHEMA, *(name for name in ("class_name",) if name in table.columns)]
    try:
        columns = table.select(names).cast({name: _SCHEMA[name] for name in _SCHEMA})
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path} must have numbers in {', '.join(_SCHEMA)}, but: {error}") from error
    if columns["image_id"].null_count():
        raise DataError(
            f"{path}: every row must have an image_id, but row {columns['image_id'].is_null().arg_max()} has none"
        )
    return columns


def _check_nulls(path: Path, columns: pl.DataFrame, boxes: pl.DataFrame) -> None:
    """A row is a box, or all null."""
    empty = columns.select(pl.all_horizontal(pl.col("class_index", "score", *_BOX).is_null()).sum()).item()
    if len(columns) != len(boxes) + empty:
        raise DataError(f"{path}: a row must be a whole box or all null but for image_id, but some are half null.")


def _check_images(path: Path, image_id: pl.Series, dataset: Dataset) -> None:
    wrong = ~np.isin(image_id.to_numpy(), dataset.images.id)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{path}, row {row}: image_id must be one of the {len(dataset)} images of the data set, but got "
            f"{image_id[row]}. Check the pair of files."
        )


def _check_classes(path: Path, boxes: pl.DataFrame, dataset: Dataset) -> None:
    index = boxes["class_index"].to_numpy()
    wrong = (index < 0) | (index >= len(dataset.class_names))
    if wrong.any():
        raise DataError(f"{path}: class_index must lie in [0, {len(dataset.class_names)}), but got {index[wrong][0]}.")
    if "class_name" in boxes.columns:
        _check_names(path, boxes["class_name"].to_numpy(), np.array(dataset.class_names, dtype=object)[index])


def _check_names(path: Path, written: np.ndarray, expected: np.ndarray) -> None:
    wrong = written != expected
    if np.any(wrong):
        row = int(np.argmax(wrong))
        raise DataError(
            f"{path} must be of the classes of the data set in their order, but it has {written[row]!r} where the data "
            f"set has {expected[row]!r}. Use the data set the model was trained on."
        )
