"""Files in and out, one module a format."""

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import TypeVar

from bunri.dataset import Dataset
from bunri.errors import UsageError
from bunri.io.coco import load_dataset, write_coco
from bunri.predictions import Predictions

__all__ = ["check_predictions_file", "load_dataset", "read_predictions", "write_coco", "write_predictions"]


def read_predictions(path: str | PathLike[str], dataset: Dataset, name: str | None = None) -> Predictions:
    """Read predictions on the images of a data set.

    Args:
        path: ``.parquet`` (native), ``.csv`` (a submission) or ``.json`` (COCO results).
        dataset: Gives image ids, file names and the order of classes.
        name: Of the member; by default the stem of the file.

    Raises:
        DataError: The file is wrong or does not fit the data set; the message has file and row.
        UsageError: The suffix is another one.
    """
    path = Path(path)
    predictions = _reader_of(path)(path, dataset)
    return predictions if name in (None, predictions.name) else predictions.named(name or "")


def write_predictions(predictions: Predictions, path: str | PathLike[str], dataset: Dataset) -> None:
    """Write predictions in the format of the suffix, whole or not at all; reading them again changes nothing.

    Raises:
        DataError: The predictions do not fit the data set.
        OutputError: The file cannot be written.
        UsageError: The suffix is not ``.parquet``, ``.csv`` or ``.json``.
    """
    path = Path(path)
    _writer_of(path)(predictions, path, dataset)


def check_predictions_file(path: str | PathLike[str]) -> None:
    """Refuse a file of predictions that could not be written, before they are made.

    Raises:
        UsageError: The suffix is not ``.parquet``, ``.csv`` or ``.json``.
    """
    _writer_of(Path(path))


F = TypeVar("F")
_Reader = Callable[[Path, Dataset], Predictions]
_Writer = Callable[[Predictions, Path, Dataset], None]


def _reader_of(path: Path) -> _Reader:
    from bunri.io import coco_results, parquet, submission  # polars: not for `import bunri`

    readers = {
        ".parquet": parquet.read_parquet,
        ".csv": submission.read_submission,
        ".json": coco_results.read_coco_results,
    }
    return _by_suffix(path, readers)


def _writer_of(path: Path) -> _Writer:
    from bunri.io import coco_results, parquet, submission  # polars: not for `import bunri`

    writers = {
        ".parquet": parquet.write_parquet,
        ".csv": submission.write_submission,
        ".json": coco_results.write_coco_results,
    }
    return _by_suffix(path, writers)


def _by_suffix(path: Path, functions: Mapping[str, F]) -> F:
    if path.suffix not in functions:
        raise UsageError(f"predictions must be a file that ends in {', '.join(functions)}, but got {path}")
    return functions[path.suffix]
