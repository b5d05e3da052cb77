"""A table of held-out photos for W&B, with the predicted and the true boxes on them."""

from typing import Any

import numpy as np
from PIL import Image

from bunri.boxes import FloatArray, IntArray, clip_xyxy
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.io import load_dataset, read_predictions
from bunri.photos import read_photo
from bunri.predictions import Predictions
from bunri.writers.base import RecordedRun

MAX_SIDE = 320
"""Pixels of a photo's long side."""

MIN_SCORE = 0.1
"""Weaker boxes are left out."""

MAX_BOXES = 50
"""Boxes on a photo, the best first."""

COLUMNS = ("file", "photo", "true boxes", "predicted boxes")


def photo_table(run: RecordedRun, count: int) -> Any:
    """A ``wandb.Table`` of some of the held-out photos; None where there are no photos or no predictions.

    The photos are spread evenly over the set, so that all models of a fold show the same ones.
    """
    path = run.folder.predictions_file("val")
    if run.val is None or not path.exists() or count < 1:
        return None
    dataset = load_dataset(*run.val)
    found = read_predictions(path, dataset).above(MIN_SCORE).clipped(dataset)
    rows = [row for k in spread(len(dataset), count) if (row := _row(int(k), dataset, found)) is not None]
    return _table(rows) if rows else None


def _table(rows: list[tuple[Any, ...]]) -> Any:
    import wandb

    return wandb.Table(columns=list(COLUMNS), data=[list(row) for row in rows])


def spread(total: int, count: int) -> IntArray:
    """At most ``count`` of the rows 0 to ``total`` - 1, evenly spread.

    >>> spread(10, 4).tolist()
    [0, 3, 6, 9]
    """
    return np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(np.int64))


def _row(row: int, dataset: Dataset, found: Predictions) -> tuple[Any, ...] | None:
    """A row of the table; None where the photo cannot be read, which is no reason to lose the others."""
    import wandb

    try:
        picture = Image.fromarray(read_photo(dataset.path_of(row)))
    except DataError:
        return None
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    boxes = {"truth": _true_boxes(row, dataset), "predictions": _found_boxes(row, dataset, found)}
    labels = dict(enumerate(dataset.class_names))
    layers = {name: {"box_data": data, "class_labels": labels} for name, data in boxes.items()}
    photo = wandb.Image(picture, boxes=layers, file_type="jpg")
    return dataset.images.file_name[row], photo, len(boxes["truth"]), len(boxes["predictions"])


def _true_boxes(row: int, dataset: Dataset) -> list[dict[str, Any]]:
    truth = dataset.annotations
    mine = np.flatnonzero((truth.image_id == dataset.images.id[row]) & ~truth.is_crowd)
    names = [dataset.class_names[k] for k in truth.class_index[mine]]
    return _as_data(truth.box_xyxy[mine], truth.class_index[mine], names, row, dataset)


def _found_boxes(row: int, dataset: Dataset, found: Predictions) -> list[dict[str, Any]]:
    mine = np.flatnonzero(found.image_id == dataset.images.id[row])
    best = mine[np.argsort(-found.score[mine], kind="stable")][:MAX_BOXES]
    captions = [f"{dataset.class_names[found.class_index[k]]} {found.score[k]:.2f}" for k in best]
    data = _as_data(found.box_xyxy[best], found.class_index[best], captions, row, dataset)
    return [{**box, "scores": {"score": float(found.score[k])}} for box, k in zip(data, best, strict=True)]


def _as_data(
    box_xyxy: FloatArray, class_index: IntArray, captions: list[str], row: int, dataset: Dataset
) -> list[dict[str, Any]]:
    """Boxes as W&B wants them: fractions of width and height."""
    width, height = int(dataset.images.width[row]), int(dataset.images.height[row])
    sides = np.array([width, height, width, height], np.float64)
    box_xyxy = clip_xyxy(box_xyxy, width, height) / sides
    return [
        {
            "position": dict(zip(("minX", "minY", "maxX", "maxY"), map(float, box), strict=True)),
            "class_id": int(index),
            "box_caption": caption,
        }
        for box, index, caption in zip(box_xyxy, class_index, captions, strict=True)
    ]
