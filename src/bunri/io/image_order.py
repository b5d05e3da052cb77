"""Parquet files read by rising image id, whatever the order of their rows; never whole."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow.parquet import ParquetFile

from bunri.boxes import IntArray
from bunri.files import cannot_write
from bunri.io.parquet import cast_columns, checked_image_ids, known_columns, parquet_errors, plain_table

BATCH = 2**15
"""Rows that are read in one go: every member keeps so many, and Arrow several times their size."""

OLDEST = pl.CompatLevel.oldest()
"""Arrow's types as pyarrow knows them."""

MOST_PARTS = 200
"""Temporary files open at a time."""


@dataclass(frozen=True, eq=False)
class Survey:
    """How the rows of a file lie.

    Attributes:
        rows: ``(I,)`` rows of each image, by rising id.
        is_rising: Whether the rows stand by rising image id.
    """

    rows: IntArray
    is_rising: bool


def survey(path: Path, image_id: IntArray) -> Survey:
    """Look at the image ids of a file, which must all be among the sorted ``image_id``.

    Raises:
        DataError: The file is not parquet, lacks columns, or speaks of other images.
    """
    rows, last, is_rising, start = np.zeros(len(image_id), np.int64), None, True, 0
    for table in _tables(path, ["image_id"]):
        ids = checked_image_ids(path, table["image_id"], image_id, start)
        rows += np.bincount(np.searchsorted(image_id, ids), minlength=len(image_id))
        is_rising = is_rising and (last is None or ids[0] >= last) and bool(np.all(ids[1:] >= ids[:-1]))
        last, start = ids[-1], start + len(ids)
    return Survey(rows, is_rising)


def bounds_of(rows: IntArray, image_id: IntArray, block: int) -> list[int | None]:
    """Ids at which blocks of about ``block`` rows end (they are not in the block); None ends the last."""
    before = np.cumsum(rows) - rows  # an image belongs to the block in which its first row lies
    first = np.flatnonzero(np.diff(before // block)) + 1
    return [*image_id[first].tolist(), None]


def rows_in_order(
    path: Path, bounds: Sequence[int | None] | None = None, folder: Path | None = None
) -> Iterator[pl.DataFrame]:
    """The rows of a file by rising image id; those of one image keep their order.

    Args:
        path: The file.
        bounds: Where it is not in order: ids at which parts end that are small enough to be sorted.
        folder: For temporary files of these parts.

    Raises:
        DataError: The file is broken.
        OutputError: The folder cannot be written.
    """
    if bounds is None or folder is None:
        yield from _rows(path)
        return
    inner = np.array(bounds[:-1], np.int64)[:: -(-len(bounds) // MOST_PARTS)]
    parts = [folder / f"{part}.arrow" for part in range(len(inner) + 1)]
    try:
        _distribute(path, inner, parts)
    except OSError as error:
        raise cannot_write(folder, error) from error
    for part in parts:
        with part.open("rb") as file, pa.ipc.open_stream(file) as stream:
            yield plain_table(stream.read_all()).sort("image_id", maintain_order=True)
        part.unlink()


def _distribute(path: Path, inner: IntArray, parts: Sequence[Path]) -> None:
    """Write each row to the part between whose bounds its image lies."""
    with ExitStack() as stack:
        writers = dict[int, pa.RecordBatchStreamWriter]()
        for table in _rows(path):
            part = np.searchsorted(inner, table["image_id"].to_numpy(), side="right")
            order = np.argsort(part, kind="stable")
            rows = table[order].to_arrow(compat_level=OLDEST)
            starts = np.searchsorted(part[order], np.arange(len(parts) + 1)).tolist()
            for number, (first, last) in enumerate(pairwise(starts)):
                if number not in writers:
                    sink = stack.enter_context(parts[number].open("wb"))
                    options = pa.ipc.IpcWriteOptions(compression="zstd")
                    writers[number] = stack.enter_context(pa.ipc.new_stream(sink, rows.schema, options=options))
                writers[number].write_table(rows[first:last])


def _rows(path: Path) -> Iterator[pl.DataFrame]:
    return (cast_columns(path, table) for table in _tables(path))


def _tables(path: Path, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
    with ExitStack() as stack:
        with parquet_errors(path):
            file = stack.enter_context(ParquetFile(path, pre_buffer=False))  # else all it has read stays in memory
            batches = file.iter_batches(BATCH, columns=columns or known_columns(path, file), use_threads=False)
        while (table := _next(path, batches)) is not None:
            if len(table):
                yield table


def _next(path: Path, batches: Iterator[pa.RecordBatch]) -> pl.DataFrame | None:
    with parquet_errors(path):
        batch = next(batches, None)
        return None if batch is None else plain_table(pa.Table.from_batches([batch]))
