"""Predictions of several files block of images by block of images, so that memory does not grow with the boxes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from pyarrow.parquet import ParquetFile, ParquetWriter

from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.files import replace_atomically
from bunri.io.image_order import OLDEST, Survey, bounds_of, rows_in_order, survey
from bunri.io.parquet import NO_ROWS, parquet_errors, predictions_of, table_of
from bunri.predictions import Predictions, concatenate

WHOLE = 4_000_000
"""Boxes of all files together up to which they are read whole: about half a gigabyte."""

BLOCK = 500_000
"""Boxes of all files together in a block, unless one image has more."""

ROW_GROUP = 2**17
"""Most rows of a group of a written file."""

OnSorting = Callable[[Path], None]


def read_blocks(
    paths: Sequence[Path],
    dataset: Dataset,
    whole: int = WHOLE,
    block: int = BLOCK,
    on_sorting: OnSorting = lambda path: None,
) -> Iterator[list[Predictions]]:
    """Read files of predictions in step: each block has what every file says of the same images, by rising image id.

    Rows of one image keep their order. Small files, and others than parquet, come whole in one block.

    Args:
        paths: The files.
        dataset: Gives image ids and the order of classes.
        whole: Boxes up to which all is one block.
        block: Boxes in a block.
        on_sorting: Called with each file whose rows do not stand by rising image id: it is sorted in a temporary one.

    Raises:
        DataError: A file is wrong or does not fit the data set; what is found late comes after blocks that were right.
        OutputError: The temporary folder cannot be written.
    """
    if not is_large(paths, whole):
        from bunri.io import read_predictions

        yield [read_predictions(path, dataset) for path in paths]
        return
    image_id = np.unique(dataset.images.id)
    surveys = [survey(path, image_id) for path in paths]
    with ExitStack() as stack:
        pairs = zip(paths, surveys, strict=True)
        readers = [_reader(stack, path, found, image_id, block, on_sorting) for path, found in pairs]
        for bound in bounds_of(np.sum([found.rows for found in surveys], axis=0), image_id, block):
            yield [predictions_of(reader.path, reader.before(bound), dataset) for reader in readers]


def is_large(paths: Sequence[Path], whole: int = WHOLE) -> bool:
    """Whether files of predictions have more boxes than are read whole; only parquet can be read in blocks."""
    if any(path.suffix != ".parquet" or not path.is_file() for path in paths):
        return False
    return sum(map(_rows_of, paths)) > whole


def _rows_of(path: Path) -> int:
    with parquet_errors(path), ParquetFile(path) as file:
        return int(file.metadata.num_rows)


def _reader(
    stack: ExitStack, path: Path, found: Survey, image_id: IntArray, block: int, on_sorting: OnSorting
) -> "_Reader":
    if found.is_rising:
        return _Reader(path, rows_in_order(path))
    on_sorting(path)
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="bunri-")))
    return _Reader(path, rows_in_order(path, bounds_of(found.rows, image_id, block), folder))


@dataclass(eq=False)
class _Reader:
    """A file whose rows are taken image by image.

    Attributes:
        path: The file.
        tables: Its rows by rising image id.
    """

    path: Path
    tables: Iterator[pl.DataFrame]
    _rest: pl.DataFrame | None = None

    def before(self, image_id: int | None) -> pl.DataFrame:
        """The next rows, of images below a bound; all that are left for None."""
        parts = list[pl.DataFrame]()
        while (table := self._next()) is not None:
            rows = len(table) if image_id is None else int(table["image_id"].search_sorted(image_id))
            parts.append(table[:rows])
            if rows < len(table):
                self._rest = table[rows:]
                break
            self._rest = table[:0]
        return pl.concat(parts) if parts else NO_ROWS

    def _next(self) -> pl.DataFrame | None:
        if self._rest is not None and len(self._rest):
            return self._rest
        return next(self.tables, None)


def write_blocks(blocks: Iterable[Predictions], path: Path, dataset: Dataset) -> tuple[int, int]:
    """Write predictions that come block by block; return how many boxes and images there were.

    Parquet is written as they come; other formats are kept in memory until the last.

    Raises:
        DataError, OutputError, UsageError: As :func:`bunri.io.write_predictions`.
    """
    if path.suffix == ".parquet":
        return _write_parquet(blocks, path, dataset)
    from bunri.io import write_predictions

    kept = list(blocks)
    predictions = kept[0] if len(kept) == 1 else concatenate(kept)
    write_predictions(predictions, path, dataset)
    return len(predictions), len(predictions.seen_image_id)


def _write_parquet(blocks: Iterable[Predictions], path: Path, dataset: Dataset) -> tuple[int, int]:
    boxes, images = 0, 0
    schema = table_of(concatenate([]), dataset).to_arrow(compat_level=OLDEST).schema
    with (
        replace_atomically(path) as temporary,
        temporary.open("wb") as sink,
        ParquetWriter(sink, schema, compression="zstd") as writer,
    ):
        for block in blocks:
            writer.write_table(table_of(block, dataset).to_arrow(compat_level=OLDEST), ROW_GROUP)
            boxes, images = boxes + len(block), images + len(block.seen_image_id)
    return boxes, images
