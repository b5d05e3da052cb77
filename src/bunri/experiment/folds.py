"""The folds of an experiment: cut once, kept in ``data/folds.json``, and taken from there when a run goes on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bunri.boxes import IntArray
from bunri.config import Experiment
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.files import read_json, write_json
from bunri.io import load_dataset
from bunri.splits import split


def folds_of(experiment: Experiment, train: Dataset, source_sha256: Mapping[str, str]) -> IntArray:
    """The fold ``(M,)`` in which each training image is held out.

    Looking for near-duplicate photos reads them all, so the cut is kept as long as data and settings are the same.
    """
    settings = experiment.folds
    if settings.folder is not None:
        return _read_folds(settings.folder, settings.count, train)
    file = experiment.folder / "data" / "folds.json"
    cut_from = _cut_from(experiment, train, source_sha256)
    stored = read_json(file, "the folds") if file.exists() else {}
    if stored.get("cut_from") == cut_from:
        return np.asarray(stored["fold"], np.int64)
    fold = split(
        train,
        settings.count,
        settings.seed,
        group_key=settings.group,
        window_seconds=settings.window_seconds,
        near_duplicates=settings.near_duplicates,
    )
    write_json(file, {"cut_from": cut_from, "image_id": train.images.id.tolist(), "fold": fold.tolist()})
    return fold


def _cut_from(experiment: Experiment, train: Dataset, source_sha256: Mapping[str, str]) -> dict[str, Any]:
    """Everything the cut depends on."""
    settings = experiment.folds.model_dump(mode="json", exclude={"run", "folder"})
    sources = sorted(source_sha256.values())
    selection = experiment.data.train
    draw = {"at_most": selection.at_most, "seed_of_draw": selection.seed} if selection.at_most else {}
    return {**settings, "where": selection.where, **draw, "sources": sources, "images": len(train)}


def _read_folds(folder: Path, count: int, train: Dataset) -> IntArray:
    """The folds of ``fold<k>_val.json``, as ``bunri split`` writes them."""
    fold = np.full(len(train), -1)
    for k in range(count):
        held_out = load_dataset(folder / f"fold{k}_val.json").images.id
        fold[train.rows_of(held_out)] = k
    if np.any(fold < 0):
        raise DataError(f"every training image must be in a fold of {folder}, but {np.sum(fold < 0)} are in none")
    return fold
