"""Folds side by side: how evenly classes, sizes and light lie in them, and what stands in two of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.eda.histograms import objects_of
from bunri.eda.labels import sides_of
from bunri.eda.looking import Looks
from bunri.errors import DataError, UsageError
from bunri.io import load_dataset
from bunri.splits import FoldShares


@dataclass(frozen=True)
class Fold:
    """A part of the data: the rows ``(K,)`` of its images in the data set."""

    name: str
    rows: IntArray


@dataclass(frozen=True)
class FoldRow:
    """A fold in numbers; the median side and brightness are None where there is nothing to measure."""

    name: str
    images: int
    boxes: int
    median_side: float | None
    brightness: float | None


@dataclass(frozen=True)
class FoldComparison:
    """All folds.

    Attributes:
        folds: One row each.
        shares: Boxes by fold and class.
        in_two: Images that are in more than one fold.
        in_none: Images of the data set that are in no fold.
        duplicates_apart: Groups of near-duplicate photos of which not all are in one fold; None without photos.
    """

    folds: tuple[FoldRow, ...]
    shares: FoldShares
    in_two: int
    in_none: int
    duplicates_apart: int | None


def read_folds(paths: Sequence[Path], dataset: Dataset) -> tuple[Fold, ...]:
    """Folds of a folder of ``bunri split`` (its ``fold<k>_val.json``), or of COCO files, one a fold.

    Raises:
        UsageError: A folder has no such files, or there is but one fold.
        DataError: An image of a fold is not in the data set.
    """
    files = [file for path in paths for file in (_files_of(path) if path.is_dir() else [path])]
    if len(files) < 2:
        raise UsageError(f"folds are compared, so there must be two at least, but --folds names {len(files)}")
    rows = {name: row for row, name in enumerate(dataset.images.file_name)}
    return tuple(_read_fold(file, rows) for file in files)


def _files_of(folder: Path) -> list[Path]:
    files = sorted(folder.glob("fold*_val.json"), key=lambda path: (len(path.name), path.name))
    if not files:
        raise UsageError(f"a folder of folds must have fold0_val.json, ... as `bunri split` writes them: {folder}")
    return files


def _read_fold(file: Path, rows: dict[str, int]) -> Fold:
    names = load_dataset(file).images.file_name
    strangers = [name for name in names if name not in rows]
    if strangers:
        raise DataError(
            f"images of a fold must be in the data set, but {len(strangers)} of {file} are not, first {strangers[0]}. "
            "Give the annotations the folds were cut from."
        )
    return Fold(file.stem.removesuffix("_val"), np.array([rows[name] for name in names], np.int64))


def compare_folds(
    dataset: Dataset, folds: Sequence[Fold], looks: Looks | None, duplicates: Sequence[IntArray]
) -> FoldComparison:
    """Folds of a data set in numbers."""
    times = np.bincount(np.concatenate([fold.rows for fold in folds]), minlength=len(dataset))
    boxes = np.stack([_boxes_per_class(dataset, fold) for fold in folds])
    return FoldComparison(
        folds=tuple(_row(dataset, fold, looks) for fold in folds),
        shares=FoldShares(dataset.class_names, np.array([len(fold.rows) for fold in folds]), boxes),
        in_two=int(np.count_nonzero(times > 1)),
        in_none=int(np.count_nonzero(times == 0)),
        duplicates_apart=None if looks is None else sum(_is_apart(group, folds) for group in duplicates),
    )


def _boxes_per_class(dataset: Dataset, fold: Fold) -> IntArray:
    return dataset.subset(dataset.images.id[fold.rows]).boxes_per_class()


def _row(dataset: Dataset, fold: Fold, looks: Looks | None) -> FoldRow:
    part = dataset.subset(dataset.images.id[fold.rows])
    sides = sides_of(part)
    light = looks.brightness[np.isin(looks.rows, fold.rows)] if looks is not None else np.empty(0)
    return FoldRow(
        name=fold.name,
        images=len(part),
        boxes=len(objects_of(part)),
        median_side=float(np.median(sides)) if len(sides) else None,
        brightness=float(light.mean()) if len(light) else None,
    )


def _is_apart(group: IntArray, folds: Sequence[Fold]) -> bool:
    return sum(bool(np.isin(group, fold.rows).any()) for fold in folds) > 1
