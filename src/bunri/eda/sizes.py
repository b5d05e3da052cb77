"""Sizes and shapes of boxes, and where they lie on the photo."""

import numpy as np
from numpy.typing import NDArray

from bunri.boxes import FloatArray, IntArray, clip_xyxy
from bunri.dataset import Dataset
from bunri.eda.histograms import Histogram, class_histogram, objects_of
from bunri.eda.labels import sides_of

SIDE_EDGES = (8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 1024)
"""Pixels of the photo: COCO's 32 and 96 with finer steps around them."""

SHARE_EDGES = (0.1, 0.3, 1, 3, 10, 30)
"""Percent of the photo that a box covers."""

ASPECT_EDGES = (0.25, 0.5, 0.67, 0.8, 1.25, 1.5, 2, 4)
"""Width over height; each step down has its mirror up."""

COCO_AREAS = (32.0**2, 96.0**2)
"""Square pixels: small below the first, medium below the second (https://cocodataset.org/#detection-eval)."""

GRID = 24
"""Cells of a position map along each side."""


def coco_sizes(dataset: Dataset) -> Histogram:
    """COCO's small, medium and large by the annotated area."""
    rows = objects_of(dataset)
    counted = class_histogram(dataset.annotations.area[rows], *_classes(dataset, rows), COCO_AREAS)
    return Histogram(("small", "medium", "large"), counted.counts)


def side_histogram(dataset: Dataset) -> Histogram:
    """Root of width x height in pixels of the photo."""
    return class_histogram(sides_of(dataset), *_classes(dataset, objects_of(dataset)), SIDE_EDGES)


def share_histogram(dataset: Dataset) -> Histogram:
    """Percent of its photo that a box covers."""
    rows = objects_of(dataset)
    image = dataset.rows_of(dataset.annotations.image_id[rows])
    pixels = dataset.images.width[image] * dataset.images.height[image]
    return class_histogram(100 * sides_of(dataset) ** 2 / pixels, *_classes(dataset, rows), SHARE_EDGES)


def aspect_histogram(dataset: Dataset) -> Histogram:
    """Width over height; boxes of no width or height are left out."""
    rows = objects_of(dataset)
    sides = dataset.annotations.box_xyxy[rows, 2:] - dataset.annotations.box_xyxy[rows, :2]
    whole = (sides > 0).all(axis=1)
    ratio = sides[whole, 0] / sides[whole, 1]
    return class_histogram(ratio, *_classes(dataset, rows[whole]), ASPECT_EDGES)


def _classes(dataset: Dataset, rows: IntArray) -> tuple[IntArray, int]:
    return dataset.annotations.class_index[rows], len(dataset.class_names)


def position_maps(dataset: Dataset, grid: int = GRID) -> FloatArray:
    """Share of the boxes ``(1 + C, grid, grid)`` that cover each cell of the photo, all classes first.

    A photo is stretched to the unit square. Each box adds one to the corners of its cells' rectangle, with signs; two
    cumulative sums make of it what a loop over cells would count.
    """
    rows = objects_of(dataset)
    class_index, classes = _classes(dataset, rows)
    low, high = _cells(dataset, rows, grid)
    corners = np.zeros((classes, grid + 1, grid + 1))
    for x, y, sign in ((low[:, 0], low[:, 1], 1), (high[:, 0], high[:, 1], 1)):
        np.add.at(corners, (class_index, y, x), sign)
    for x, y in ((high[:, 0], low[:, 1]), (low[:, 0], high[:, 1])):
        np.add.at(corners, (class_index, y, x), -1)
    covered = corners.cumsum(axis=1).cumsum(axis=2)[:, :grid, :grid]
    covered = np.concatenate([covered.sum(axis=0, keepdims=True), covered])
    boxes = np.concatenate([[len(rows)], np.bincount(class_index, minlength=classes)])
    return np.asarray(covered / np.maximum(boxes, 1)[:, None, None])


def _cells(dataset: Dataset, rows: IntArray, grid: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First cell of each box ``(N, 2)`` and the one after its last, as ``(x, y)``."""
    image = dataset.rows_of(dataset.annotations.image_id[rows])
    width, height = dataset.images.width[image], dataset.images.height[image]
    box = clip_xyxy(dataset.annotations.box_xyxy[rows], width, height)
    sides = np.stack([width, height], axis=1)
    low = np.clip((box[:, :2] / sides * grid).astype(np.int64), 0, grid - 1)
    high = np.clip(np.ceil(box[:, 2:] / sides * grid).astype(np.int64), low + 1, grid)
    return low, high
