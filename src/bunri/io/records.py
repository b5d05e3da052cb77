"""Lists of JSON objects as checked columns; an error names file, record and key."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeGuard, TypeVar

import msgspec
import numpy as np

from bunri.boxes import LARGEST_COORDINATE as LARGEST
from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.errors import DataError
from bunri.files import read_bytes, read_json

T = TypeVar("T")

_BLOCK = 50_000
"""Records decoded at a time: Python objects of two million annotations at once would need gigabytes."""

_LARGEST_EXACT = 2**53


def decode_file(path: Path, what: str, shape: type[T]) -> T:
    """Decode a JSON file of a known outer shape (lists as ``msgspec.Raw``).

    NaN and Infinity, which Python writes though JSON has neither, are read as null: where a number must be, the record
    is then named.

    Raises:
        DataError: The file is absent, breaks off, or has another shape.
    """
    try:
        return msgspec.json.decode(read_bytes(path, what), type=shape)
    except msgspec.ValidationError as error:
        raise _other_shape(path, what, error) from error
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _decode_leniently(path, what, shape)


def _decode_leniently(path: Path, what: str, shape: type[T]) -> T:
    """Decode by way of Python, which names line and column of what is malformed, and reads NaN."""
    value = read_json(path, what)
    try:
        return msgspec.json.decode(msgspec.json.encode(value), type=shape)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise _other_shape(path, what, error) from error


def _other_shape(path: Path, what: str, error: Exception) -> DataError:
    return DataError(f"{what} has another shape than expected: {path}: {error}. Give the right file.")


@dataclass(frozen=True)
class Records:
    """Some records of one list of a file.

    Attributes:
        path: The file.
        section: Name of the list in the file, such as ``annotations``.
        rows: The records.
        start: Position of the first of them in the list.
    """

    path: Path
    section: str
    rows: Sequence[dict[str, Any]]
    start: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    def refuse(self, row: int, key: str, must: str, got: object) -> NoReturn:
        """Raise the error for the value of one record."""
        place = f"{self.path}: {self.section}[{self.start + row}]"
        place = f"{place}.{key}" if key else place
        raise DataError(f"{place} must be {must}, but got {_short(got)}. {self._next_step}")

    @property
    def _next_step(self) -> str:
        return "Write the file again." if self.section == "results" else "Run `bunri doctor` for the whole list."

    def values(self, key: str, default: object = None) -> list[Any]:
        """The values of one key; ``default`` where a record lacks it."""
        return [row.get(key, default) for row in self.rows]

    def integers(self, key: str, default: int | None = None) -> IntArray:
        """A column ``(N,)`` of integers; must be there unless there is a default."""
        values = self.values(key, default)
        column = _as_numbers(values)
        if column is None or not _all_integral(column):
            self._refuse_first(key, values, is_integer, "an integer")
        return column.astype(np.int64)

    def numbers(self, key: str) -> FloatArray:
        """A column ``(N,)`` of finite numbers; NaN where a record lacks the key or has null."""
        values = [np.nan if value is None else value for value in self.values(key)]
        column = _as_numbers(values)
        if column is None or np.isinf(column).any():
            self._refuse_first(key, values, is_number, "a finite number")
        return column.astype(np.float64)

    def required_numbers(self, key: str) -> FloatArray:
        """A column ``(N,)`` of finite numbers, all there."""
        column = self.numbers(key)
        if np.isnan(column).any():
            self.refuse(int(np.isnan(column).argmax()), key, "a finite number", None)
        return column

    def known_integers(self, key: str, known: IntArray, must: str) -> IntArray:
        """A column ``(N,)`` of integers that are all among the known ones."""
        column = self.integers(key)
        wrong = ~np.isin(column, known)
        if wrong.any():
            self.refuse(int(wrong.argmax()), key, must, int(column[wrong.argmax()]))
        return column

    def class_index(self, category_ids: IntArray) -> IntArray:
        """The column ``category_id`` ``(N,)`` as positions in ``category_ids``."""
        must = f"one of the category ids {_short(category_ids.tolist())}"
        column = self.known_integers("category_id", category_ids, must)
        order = np.argsort(category_ids, kind="stable")
        return np.asarray(order[np.searchsorted(category_ids[order], column)])

    def flags(self, key: str) -> BoolArray:
        """A column ``(N,)`` of 0 or 1, 0 where a record lacks the key."""
        values = self.values(key)
        if not all(value in (None, 0, 1) for value in values):
            self._refuse_first(key, values, lambda value: value in (None, 0, 1), "0 or 1")
        return np.array([bool(value) for value in values], np.bool_)

    def boxes(self, key: str) -> FloatArray:
        """A column ``(N, 4)`` of boxes of four numbers that can be pixels."""
        values = self.values(key)
        column = _as_numbers(values) if values else np.empty((0, 4))
        if column is None or column.shape[1:] != (4,) or not (np.abs(column) <= LARGEST).all():
            self._refuse_first(key, values, is_box, f"a list of 4 finite numbers of at most {LARGEST:g} pixels")
        return column.astype(np.float64)

    def texts(self, key: str) -> list[str]:
        """A column of N texts that are not empty."""
        values = self.values(key)
        if not all(map(is_text, values)):
            self._refuse_first(key, values, is_text, "a text that is not empty")
        return values

    def _refuse_first(self, key: str, values: Sequence[object], is_right: Any, must: str) -> NoReturn:
        for row, value in enumerate(values):
            if not is_right(value):
                self.refuse(row, key, must, value if key in self.rows[row] else "no such key")
        raise DataError(f"{self.path}: {self.section}.{key} must each be {must}, but they cannot be held in one column")


def blocks_of(path: Path, section: str, raws: Sequence[msgspec.Raw]) -> Iterator[Records]:
    """The records of a list block by block, decoded when asked for; at least one block, so columns always have a type.

    Raises:
        DataError: A record is not an object.
    """
    for start in range(0, max(len(raws), 1), _BLOCK):
        rows = _decoded(path, section, raws[start : start + _BLOCK])
        block = Records(path, section, rows, start)
        for row, record in enumerate(rows):
            if type(record) is not dict:
                block.refuse(row, "", "an object {...}", record)
        yield block


def _decoded(path: Path, section: str, raws: Sequence[msgspec.Raw]) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = msgspec.json.decode(b"[" + b",".join(raws) + b"]")
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: {section} must be plain JSON objects, but: {error}. Write the file again.") from error
    return rows


def _as_numbers(values: list[Any]) -> FloatArray | IntArray | None:
    """Values as a numeric array, or None where they are not all numbers of one shape."""
    try:
        column = np.array(values) if values else np.empty(0, np.int64)
    except (ValueError, OverflowError):
        return None
    return column if column.dtype.kind in "if" else None


def _all_integral(column: FloatArray | IntArray) -> bool:
    if column.ndim != 1:
        return False
    return column.dtype.kind == "i" or bool(np.all((column == np.floor(column)) & (np.abs(column) <= _LARGEST_EXACT)))


def is_number(value: object) -> TypeGuard[int | float]:
    """A number that a float can hold, not infinite; NaN, which stands for an absent one, passes."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) > sys.float_info.max


def is_integer(value: object) -> bool:
    """A whole number that fits 64 bits; a float only as far as floats count every number."""
    if isinstance(value, float):
        return value.is_integer() and abs(value) <= _LARGEST_EXACT
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def is_box(value: object) -> bool:
    """A list of four numbers of at most :data:`bunri.boxes.LARGEST_COORDINATE`."""
    return isinstance(value, list) and len(value) == 4 and all(is_number(x) and abs(x) <= LARGEST for x in value)


def is_text(value: object) -> bool:
    """A text that is not empty."""
    return type(value) is str and value != ""


def _short(value: object) -> str:
    text = value if value == "no such key" else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
