"""What the annotations alone say: how often classes stand, together with which, and how many on a photo."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bunri.boxes import FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.eda.histograms import Histogram, objects_of

OBJECT_EDGES = (1, 2, 3, 4, 5, 6, 8, 11, 16, 31)
"""Numbers of objects at which a bin begins."""


@dataclass(frozen=True)
class ClassCount:
    """A class: its boxes, the photos it is on, and the middle of its sides (root of width x height, in pixels)."""

    name: str
    boxes: int
    images: int
    median_side: float | None


def class_counts(dataset: Dataset) -> tuple[ClassCount, ...]:
    """Every class in the order of the data set, those without a box too."""
    on_image, sides = presence(dataset), sides_of(dataset)
    class_index = dataset.annotations.class_index[objects_of(dataset)]
    return tuple(
        ClassCount(
            name=name,
            boxes=int(np.count_nonzero(class_index == c)),
            images=int(np.count_nonzero(on_image[:, c])),
            median_side=float(np.median(sides[class_index == c])) if np.any(class_index == c) else None,
        )
        for c, name in enumerate(dataset.class_names)
    )


def presence(dataset: Dataset) -> IntArray:
    """Boxes of each class on each image ``(M, C)``."""
    rows = objects_of(dataset)
    boxes = np.zeros((len(dataset), len(dataset.class_names)), np.int64)
    image = dataset.rows_of(dataset.annotations.image_id[rows])
    np.add.at(boxes, (image, dataset.annotations.class_index[rows]), 1)
    return boxes


def together(dataset: Dataset) -> IntArray:
    """Photos ``(C, C)`` on which both classes are; on the diagonal those on which a class is at all."""
    there = (presence(dataset) > 0).astype(np.int64)
    return there.T @ there


def sides_of(dataset: Dataset) -> FloatArray:
    """Root of width x height of each object, in pixels of the photo."""
    box = dataset.annotations.box_xyxy[objects_of(dataset)]
    return np.asarray(np.sqrt(np.prod(np.maximum(box[:, 2:] - box[:, :2], 0.0), axis=1)))


def objects_per_image(dataset: Dataset) -> Histogram:
    """Photos by the number of their objects: of all classes, then of each class."""
    boxes = presence(dataset)
    columns = np.concatenate([boxes.sum(axis=1, keepdims=True), boxes], axis=1).T
    bins = [np.bincount(np.digitize(column, OBJECT_EDGES), minlength=len(OBJECT_EDGES) + 1) for column in columns]
    between = [f"{low}" if high == low + 1 else f"{low}–{high - 1}" for low, high in pairwise((0, *OBJECT_EDGES))]
    return Histogram((*between, f"≥ {OBJECT_EDGES[-1]}"), np.stack(bins))
