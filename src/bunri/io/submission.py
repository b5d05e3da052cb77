"""Submission CSV: ``PredictionString,image_id``, the string being ``label score xmin ymin xmax ymax`` repeated.

``label`` is the class index, ``image_id`` the file name (or the id) of the image. A row with an empty string is an
image that was looked at and found empty; an image without a row was not looked at.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import polars as pl

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.errors import DataError, OutputError
from bunri.files import read_bytes, write_text
from bunri.predictions import Predictions

_COLUMNS = ("PredictionString", "image_id")
_NUMBERS_PER_BOX = 6
_NEEDS_QUOTES = re.compile('[,"\r\n]')
_NEXT = "Write the file again, or correct the row."


def read_submission(path: Path, dataset: Dataset) -> Predictions:
    """Read a submission; columns in either order, boxes come in the order of the data set's images.

    Raises:
        DataError: The message has file, row, image, what must hold and what came.
    """
    table = _read_table(path)
    rows = _rows_of_images(path, table["image_id"], dataset)
    strings = table["PredictionString"].fill_null("").str.strip_chars()
    numbers, boxes_per_row = _numbers(path, strings, table["image_id"])
    place = np.repeat(np.arange(len(table)), boxes_per_row)
    order = _stable_order(rows[place])
    try:
        return Predictions(
            image_id=dataset.images.id[rows[place[order]]],
            class_index=_whole(numbers[order, 0], len(dataset.class_names)),
            score=numbers[order, 1],
            box_xyxy=numbers[order, 2:],
            seen_image_id=dataset.images.id[rows],
            name=path.stem,
        )
    except DataError:
        _check_numbers(path, numbers, place, table["image_id"], len(dataset.class_names))
        raise


def _whole(labels: FloatArray, classes: int) -> IntArray:
    """Labels as class indexes.

    Raises:
        DataError: Some are none.
    """
    is_label = (labels >= 0) & (labels < classes)
    class_index = np.where(is_label, labels, 0).astype(np.int64)
    if not np.array_equal(class_index, labels):
        raise DataError(f"labels must be class indexes in [0, {classes}), but some are not")
    return class_index


def _stable_order(rows: IntArray) -> IntArray | slice:
    """What sorts the rows; files mostly come sorted, and then nothing is moved."""
    return slice(None) if np.all(rows[1:] >= rows[:-1]) else np.argsort(rows, kind="stable")


PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
"""Beginnings of gzip, zstd and zlib."""


def _read_table(path: Path) -> pl.DataFrame:
    content = read_bytes(path, "a submission")
    if content.startswith(PACKED):  # polars would unpack it, to whatever size
        raise DataError(f"{path} must be a CSV file as it is, but it is packed. Unpack it first.")
    quotes = '"' if b'"' in content else None  # looking for quotes takes as long as all else
    try:
        table = pl.read_csv(content, infer_schema=False, quote_char=quotes)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} must be a CSV file of the columns {', '.join(_COLUMNS)}, but: {reason}") from error
    if not set(_COLUMNS) <= set(table.columns):
        raise DataError(f"{path} must have the columns {', '.join(_COLUMNS)}, but has {', '.join(table.columns)}")
    return table.select(_COLUMNS)


def _rows_of_images(path: Path, names: pl.Series, dataset: Dataset) -> IntArray:
    """Row of ``dataset.images`` for each line ``(L,)``, by file name or, failing that, by id."""
    rows = _rows_by_name(names.to_list(), dataset)
    if len(rows) and rows.min() < 0:
        example = f" (such as {dataset.images.file_name[0]!r})" if len(dataset) else ""
        must = f"image_id must be a file name{example} or id of the {len(dataset)} images of the data set"
        _refuse(path, int(rows.argmin()), names, must, "an image that is not among them")
    if len(rows) and np.bincount(rows).max() > 1:
        twice = int(np.setdiff1d(np.arange(len(rows)), np.unique(rows, return_index=True)[1])[0])
        _refuse(path, twice, names, "every image must have one row", "a second row of the image")
    return rows


def _rows_by_name(names: Sequence[str], dataset: Dataset) -> IntArray:
    if names == list(dataset.images.file_name) and len(set(names)) == len(names):
        return np.arange(len(dataset))  # as most files are
    by_name: dict[str, int] = dict(zip(dataset.images.file_name, range(len(dataset)), strict=True))
    if not by_name.keys() >= set(names):
        by_id = {str(id_): row for row, id_ in enumerate(dataset.images.id.tolist())}
        by_name = by_id | by_name
    return np.array([by_name.get(name, -1) for name in names], np.int64)


def _numbers(path: Path, strings: pl.Series, names: pl.Series) -> tuple[FloatArray, IntArray]:
    """Numbers of all boxes ``(N, 6)`` and boxes in each line ``(L,)``."""
    filled = (strings != "").to_numpy()
    tokens = strings.filter(filled).str.split(" ")
    numbers = tokens.list.explode().cast(pl.Float64, strict=False)
    counts = np.zeros(len(strings), np.int64)
    counts[filled] = tokens.list.len().to_numpy()
    if numbers.null_count() or np.any(counts % _NUMBERS_PER_BOX):
        return _numbers_line_by_line(path, strings.to_list(), names)
    return numbers.to_numpy().reshape(-1, _NUMBERS_PER_BOX), counts // _NUMBERS_PER_BOX


def _numbers_line_by_line(path: Path, strings: Sequence[str], names: pl.Series) -> tuple[FloatArray, IntArray]:
    """The same for lines with more than one space between numbers, or the error for the first wrong line."""
    parsed = [_numbers_of_line(path, row, string, names) for row, string in enumerate(strings)]
    counts = np.array([len(numbers) for numbers in parsed], np.int64)
    return np.concatenate([np.empty((0, _NUMBERS_PER_BOX)), *parsed]), counts


def _numbers_of_line(path: Path, row: int, string: str, names: pl.Series) -> FloatArray:
    tokens = string.split()
    if len(tokens) % _NUMBERS_PER_BOX:
        must = "PredictionString must be 'label score xmin ymin xmax ymax' repeated, 6 numbers a box"
        _refuse(path, row, names, must, f"{len(tokens)} values")
    try:
        return np.array([float(token) for token in tokens]).reshape(-1, _NUMBERS_PER_BOX)
    except ValueError as error:
        _refuse(path, row, names, "PredictionString must be numbers", str(error))


def _check_numbers(path: Path, numbers: FloatArray, place: IntArray, names: pl.Series, classes: int) -> None:
    """Refuse the first box that breaks a rule."""
    columns = np.ascontiguousarray(numbers.T)
    label, score = columns[:2]
    rules: tuple[tuple[str, BoolArray], ...] = (
        ("all values must be finite numbers", np.asarray(np.isfinite(columns).all(axis=0))),
        (
            f"labels must be class indexes in [0, {classes})",
            (label >= 0) & (label < classes) & (label == np.floor(label)),
        ),
        ("scores must lie in [0, 1]", (score >= 0) & (score <= 1)),
        ("boxes must have xmin <= xmax and ymin <= ymax", np.asarray((columns[2:4] <= columns[4:6]).all(axis=0))),
    )
    for must, holds in rules:
        if not holds.all():
            box = int(holds.argmin())
            _refuse(path, int(place[box]), names, must, " ".join(f"{number:g}" for number in numbers[box]))


def _refuse(path: Path, row: int, names: pl.Series, must: str, got: str) -> NoReturn:
    raise DataError(f"{path}, line {row + 2}, image {names[row]!r}: {must}, but got {got}. {_NEXT}")


def write_submission(predictions: Predictions, path: Path, dataset: Dataset) -> None:
    """Write the images looked at, in the data set's order; numbers are the shortest that read back exactly.

    Raises:
        DataError: An image or class is not of the data set, or two images share a file name.
        OutputError: The file cannot be written.
    """
    _check_names_unique(dataset)
    rows = dataset.rows_of(predictions.image_id)
    order = _stable_order(rows)
    seen = np.sort(dataset.rows_of(predictions.seen_image_id)).tolist()
    first, suffixes = _texts_between(rows[order], seen, [_quoted(name) for name in dataset.images.file_name])
    texts = _texts_of_boxes(predictions[order]) + pl.Series(suffixes, dtype=pl.String)
    write_text(path, f"{','.join(_COLUMNS)}\n{first}{texts.str.join('').item()}")


def _texts_of_boxes(boxes: Predictions) -> pl.Series:
    corners = {f"corner{k}": boxes.box_xyxy[:, k] for k in range(4)}
    table = pl.DataFrame({"label": boxes.class_index, "score": boxes.score, **corners})
    return table.select(pl.concat_str(pl.all(), separator=" ")).to_series()


def _texts_between(rows: IntArray, seen: Sequence[int], names: Sequence[str]) -> tuple[str, list[str]]:
    """The text before the first box and after each: a space, or the ends of lines up to the next image with boxes."""
    counts = np.bincount(rows, minlength=len(names)).tolist()
    texts, box = ["", *[" "] * len(rows)], 0
    for row in seen:
        if counts[row]:
            box += counts[row]
            texts[box] = ""
        texts[box] += f",{names[row]}\n"
    return texts[0], texts[1:]


def _quoted(name: str) -> str:
    """A name as a CSV field (RFC 4180, section 2)."""
    return '"' + name.replace('"', '""') + '"' if _NEEDS_QUOTES.search(name) else name


def submit(predictions: Predictions, path: Path, dataset: Dataset) -> None:
    """Write a submission with a row for every image of the data set, read it back and compare.

    Raises:
        DataError: As :func:`write_submission`.
        OutputError: The file cannot be written, or does not read back as it was written.
    """
    order = _stable_order(dataset.rows_of(predictions.image_id))
    complete = replace(predictions[order], seen_image_id=dataset.images.id)
    write_submission(complete, path, dataset)
    if not _same(complete, read_submission(path, dataset)):
        raise OutputError(f"{path} must read back as it was written, but does not. Is the disk sound?")


def _same(a: Predictions, b: Predictions) -> bool:
    columns = ("image_id", "class_index", "score", "box_xyxy", "seen_image_id")
    return all(np.array_equal(getattr(a, column), getattr(b, column)) for column in columns)


def _check_names_unique(dataset: Dataset) -> None:
    names = dataset.images.file_name
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"file names must be unique to write a submission, but {twice!r} stands more than once.")
