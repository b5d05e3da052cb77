"""Folds: stratified over classes by boxes, with images that belong together kept together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.errors import DataError, UsageError
from bunri.io import write_coco
from bunri.photos import near_duplicate_pairs, perceptual_hash, read_photo
from bunri.shards import is_there


def split(
    dataset: Dataset,
    folds: int = 5,
    seed: int = 0,
    group_key: str | None = None,
    window_seconds: float | None = None,
    near_duplicates: bool = True,
) -> IntArray:
    """Fold ``(M,)`` of each image: every class evenly spread, images of one group in one fold.

    Scikit-learn's ``StratifiedGroupKFold`` runs over the boxes, each a sample of its class in the group of its image;
    an image without boxes is one sample of a class of its own, so empty images are spread too.

    Args:
        dataset: The images to spread.
        folds: Number of folds, at least 2.
        seed: The same seed gives the same folds.
        group_key: Field of the images; those of equal value stay together.
        window_seconds: The field is a time, and images taken within so many seconds of the next stay together.
        near_duplicates: Photos that show the same thing stay together, as far as photos are in the image folder.

    Raises:
        UsageError: ``folds`` is below 2, or the field is not in the data set or not a time.
        DataError: There are fewer groups than folds, or a photo cannot be read.
    """
    if folds < 2:
        raise UsageError(f"folds must be at least 2, but got {folds}")
    groups = image_groups(dataset, group_key, window_seconds, near_duplicates)
    return stratified_folds(dataset, groups, folds, seed)


def holdout(
    dataset: Dataset,
    share: float = 0.2,
    seed: int = 0,
    group_key: str | None = None,
    window_seconds: float | None = None,
    near_duplicates: bool = True,
) -> BoolArray:
    """Images ``(M,)`` to hold out: about ``share`` of every class, by the rules of :func:`split`.

    The share is rounded to a fraction p/q with q at most 20; p of q folds are held out.

    Raises:
        UsageError: The share is not in (0, 1), or as in :func:`split`.
        DataError: As in :func:`split`.
    """
    fraction = Fraction(share).limit_denominator(20)
    if not 0 < fraction < 1:
        raise UsageError(f"share must lie between 0.05 and 0.95, but got {share}")
    groups = image_groups(dataset, group_key, window_seconds, near_duplicates)
    return np.asarray(stratified_folds(dataset, groups, fraction.denominator, seed) < fraction.numerator)


def stratified_folds(dataset: Dataset, groups: IntArray, folds: int, seed: int) -> IntArray:
    """Fold ``(M,)`` of each image, classes evenly spread and the images of one group ``(M,)`` in one fold.

    Raises:
        DataError: There are fewer groups than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # a second to import: not for `bunri --help`

    _check_enough_groups(groups, folds)
    # Every sample stands `folds` times: the shares are the same, and classes of fewer boxes than folds are accepted.
    rows, classes = (np.repeat(column, folds) for column in _samples(dataset))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.zeros(len(dataset), np.int64)
    for k, (_, held_out) in enumerate(splitter.split(classes, classes, groups[rows])):
        fold[rows[held_out]] = k
    return fold


def _samples(dataset: Dataset) -> tuple[IntArray, IntArray]:
    """Row of the image and class of each box that is no crowd, then of each image without such a box."""
    real = ~dataset.annotations.is_crowd
    rows = dataset.rows_of(dataset.annotations.image_id[real])
    empty = np.setdiff1d(np.arange(len(dataset)), rows)
    no_class = np.full(len(empty), len(dataset.class_names))
    return np.concatenate([rows, empty]), np.concatenate([dataset.annotations.class_index[real], no_class])


def _check_enough_groups(groups: IntArray, folds: int) -> None:
    count = len(np.unique(groups))
    if count < folds:
        raise DataError(f"there must be at least as many groups of images as folds, but {count} < {folds}")


def image_groups(
    dataset: Dataset,
    group_key: str | None = None,
    window_seconds: float | None = None,
    near_duplicates: bool = True,
) -> IntArray:
    """Group ``(M,)`` of each image: images joined by any of the rules of :func:`split`, directly or through others."""
    pairs = [np.empty((0, 2), np.int64)]
    if group_key is not None:
        pairs.append(_pairs_of_field(dataset, group_key, window_seconds))
    elif window_seconds is not None:
        raise UsageError("a window of seconds needs the field that has the time, such as --group date_captured")
    if near_duplicates:
        pairs.append(_pairs_of_photos(dataset))
    return connected(np.concatenate(pairs), len(dataset))


def connected(pairs: IntArray, count: int) -> IntArray:
    """Group ``(count,)`` of each row, where pairs ``(P, 2)`` of rows are joined, directly or through others."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _pairs_of_photos(dataset: Dataset) -> IntArray:
    rows = rows_with_photo(dataset)
    hashes = [perceptual_hash(read_photo(dataset.path_of(int(row)))) for row in rows]
    return rows[near_duplicate_pairs(np.array(hashes, np.uint64).reshape(-1, 4))]


def rows_with_photo(dataset: Dataset) -> IntArray:
    """Rows of the images whose photo is in the image folder."""
    if dataset.image_folder is None:
        return np.empty(0, np.int64)
    return np.array([row for row in range(len(dataset)) if is_there(dataset.path_of(row))], np.int64)


def _pairs_of_field(dataset: Dataset, group_key: str, window_seconds: float | None) -> IntArray:
    if group_key not in dataset.images.fields:
        known = ", ".join(dataset.images.fields) or "none"
        raise UsageError(f"the group must be a field of the images, but {group_key!r} is not; there are: {known}")
    values = dataset.images.fields[group_key]
    if window_seconds is None:
        return _neighbours([(repr(value), row) for row, value in enumerate(values) if value is not None])
    return _within_window(values, group_key, window_seconds)


def _neighbours(keyed_rows: Sequence[tuple[str, int]]) -> IntArray:
    """Pairs of rows of equal key, each with the next."""
    ordered = sorted(keyed_rows)
    pairs = [(a[1], b[1]) for a, b in pairwise(ordered) if a[0] == b[0]]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _within_window(values: Sequence[object], group_key: str, window_seconds: float) -> IntArray:
    """Pairs of rows of consecutive times at most ``window_seconds`` apart; an image without a time stands alone."""
    rows = np.array([row for row, value in enumerate(values) if value is not None], np.int64)
    times = np.array([_seconds(values[row], group_key) for row in rows])
    ordered = rows[np.argsort(times, kind="stable")]
    close = np.diff(np.sort(times, kind="stable")) <= window_seconds
    return np.stack([ordered[:-1][close], ordered[1:][close]], axis=1)


def _seconds(value: object, group_key: str) -> float:
    if isinstance(value, int | float):
        return float(value)
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError as error:
        raise UsageError(f"{group_key} must be a time (ISO 8601, or seconds), but an image has {value!r}") from error


@dataclass(frozen=True)
class FoldShares:
    """How evenly the classes lie in the folds.

    Attributes:
        class_names: C names.
        images: ``(F,)`` images of each fold.
        boxes: ``(F, C)`` boxes of each class in each fold.
    """

    class_names: tuple[str, ...]
    images: IntArray
    boxes: IntArray

    @property
    def deviation(self) -> FloatArray:
        """Largest relative deviation ``(C,)`` of a class's share from even, NaN for a class without boxes.

        The share is read both ways, the part of the class's boxes that lies in a fold and the part of the fold's boxes
        that is of the class, and the worse counts.
        """
        part_of_class = _relative_deviation(self.boxes, self.boxes.mean(axis=0))
        share_of_fold = self.boxes / np.maximum(self.boxes.sum(axis=1, keepdims=True), 1)
        overall = self.boxes.sum(axis=0) / max(int(self.boxes.sum()), 1)
        return np.maximum(part_of_class, _relative_deviation(share_of_fold, overall))

    @property
    def least_deviation(self) -> FloatArray:
        """The least deviation ``(C,)`` that whole boxes allow: 33 boxes in 5 folds are 6 or 7, 9% from 6.6."""
        mean = self.boxes.mean(axis=0)
        return _relative_deviation(np.stack([np.floor(mean), np.ceil(mean)]), mean)

    def to_dict(self) -> dict[str, Any]:
        """The counts as plain values."""
        classes = {
            name: {"boxes": self.boxes[:, index].tolist(), "deviation": float(self.deviation[index])}
            for index, name in enumerate(self.class_names)
        }
        return {"folds": len(self.images), "images": self.images.tolist(), "classes": classes}


def _relative_deviation(shares: IntArray | FloatArray, expected: FloatArray) -> FloatArray:
    ratio = np.divide(shares, expected, out=np.full(shares.shape, np.nan), where=expected > 0)
    return np.asarray(np.abs(ratio - 1).max(axis=0))


def fold_shares(dataset: Dataset, fold: IntArray) -> FoldShares:
    """Count images and boxes of a split ``(M,)``."""
    folds = int(fold.max()) + 1
    real = ~dataset.annotations.is_crowd
    fold_of_box = fold[dataset.rows_of(dataset.annotations.image_id[real])]
    boxes = np.zeros((folds, len(dataset.class_names)), np.int64)
    np.add.at(boxes, (fold_of_box, dataset.annotations.class_index[real]), 1)
    return FoldShares(dataset.class_names, np.bincount(fold, minlength=folds), boxes)


def write_folds(dataset: Dataset, fold: IntArray, folder: Path) -> list[Path]:
    """Write ``fold<k>_train.json`` and ``fold<k>_val.json`` for each fold; file names stay as they are.

    Raises:
        OutputError: The folder cannot be written.
    """
    paths = []
    for k in range(int(fold.max()) + 1):
        for part, rows in (("train", fold != k), ("val", fold == k)):
            path = folder / f"fold{k}_{part}.json"
            write_coco(dataset.subset(dataset.images.id[rows]), path)
            paths.append(path)
    return paths
