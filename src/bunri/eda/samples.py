"""Pieces of photos: objects of every class, extremes of light, near-duplicates, objects before and after resizing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from bunri.boxes import FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.eda.histograms import objects_of
from bunri.eda.labels import sides_of
from bunri.eda.looking import Looks
from bunri.eda.resizing import Resize, resized_sides
from bunri.photos import Photo, read_photo
from bunri.thumbnails import data_uri, read_small

CROP_SIDE = 128
"""Pixels of a piece on the page."""

MARGIN = 0.2
"""Of the longer side of a box, left around it."""

PER_CLASS, MOST_CROPS = 8, 640
"""Objects shown of a class, and of all classes together."""

EXTREMES = 4
"""Photos shown at each end of a scale."""

MOST_GROUPS, MOST_OF_GROUP = 12, 6
"""Groups of near-duplicates on the page, and photos of each."""


@dataclass(frozen=True)
class Tile:
    """A picture as a data URI, and what it is."""

    uri: str
    text: str


@dataclass(frozen=True)
class ResizedObject:
    """An object in the pixels of the photo, and in those the network gets."""

    text: str
    photo: Tile
    network: Tile


def samples_per_class(dataset: Dataset, rows: IntArray, seed: int = 0) -> dict[str, tuple[Tile, ...]]:
    """Objects of each class by chance, each from another photo as far as there are; classes without a photo are absent.

    Args:
        dataset: The data.
        rows: Images ``(K,)`` whose photo can be read.
        seed: The same seed shows the same.
    """
    random = np.random.default_rng(seed)
    count = int(np.clip(MOST_CROPS // max(len(dataset.class_names), 1), 1, PER_CLASS))
    chosen = [_some_of_class(dataset, rows, c, count, random) for c in range(len(dataset.class_names))]
    tiles = [tuple(_crop(dataset, annotation) for annotation in annotations.tolist()) for annotations in chosen]
    return {name: shown for name, shown in zip(dataset.class_names, tiles, strict=True) if shown}


def _some_of_class(
    dataset: Dataset, rows: IntArray, class_index: int, count: int, random: np.random.Generator
) -> IntArray:
    objects = objects_of(dataset)
    truth = dataset.annotations
    shown = np.isin(truth.image_id[objects], dataset.images.id[rows]) & (sides_of(dataset) > 0)
    mine = random.permutation(objects[shown & (truth.class_index[objects] == class_index)])
    _, first = np.unique(truth.image_id[mine], return_index=True)
    others = np.setdiff1d(np.arange(len(mine)), first)
    return np.asarray(mine[np.concatenate([np.sort(first), others])][:count])


def _crop(dataset: Dataset, annotation: int) -> Tile:
    row, box = _place(dataset, annotation)
    window = _window(box, dataset, row)
    size = max(dataset.images.width[row], dataset.images.height[row])
    needed = int(np.ceil(size * CROP_SIDE / max(window[2] - window[0], window[3] - window[1], 1.0)))
    piece = _cut(read_small(dataset.path_of(row), max(needed, CROP_SIDE)), window, dataset, row)
    return Tile(data_uri(piece, CROP_SIDE), dataset.images.file_name[row])


def _place(dataset: Dataset, annotation: int) -> tuple[int, FloatArray]:
    truth = dataset.annotations
    [row] = dataset.rows_of(truth.image_id[[annotation]])
    return int(row), truth.box_xyxy[annotation]


def _window(box: FloatArray, dataset: Dataset, row: int) -> FloatArray:
    """The box with a margin, inside the photo and at least a pixel large."""
    margin = MARGIN * max(box[2] - box[0], box[3] - box[1])
    size = np.array([dataset.images.width[row], dataset.images.height[row]])
    low = np.clip(box[:2] - margin, 0, size - 1)
    return np.concatenate([low, np.clip(box[2:] + margin, low + 1, size)])


def _cut(photo: Photo, window: FloatArray, dataset: Dataset, row: int) -> Photo:
    """A window in pixels of the annotated size, cut from a photo of any size."""
    factor = np.array(photo.shape[1::-1]) / (dataset.images.width[row], dataset.images.height[row])
    x_min, y_min = np.floor(window[:2] * factor).astype(int)
    x_max, y_max = np.ceil(window[2:] * factor).astype(int)
    return photo[y_min : max(y_max, y_min + 1), x_min : max(x_max, x_min + 1)]


def extremes(dataset: Dataset, looks: Looks) -> dict[str, tuple[Tile, ...]]:
    """Photos at the ends of the scales: ``dark``, ``bright``, ``grey`` and ``colourful``."""
    ends = {"dark": looks.brightness, "bright": -looks.brightness, "grey": looks.colourfulness}
    ends["colourful"] = -looks.colourfulness
    return {
        name: tuple(small_tile(dataset, int(row)) for row in looks.rows[np.argsort(values, kind="stable")[:EXTREMES]])
        for name, values in ends.items()
    }


def duplicates_shown(dataset: Dataset, groups: Sequence[IntArray]) -> tuple[tuple[Tile, ...], ...]:
    """The largest groups of near-duplicates, photo by photo."""
    return tuple(
        tuple(small_tile(dataset, int(row)) for row in group[:MOST_OF_GROUP]) for group in groups[:MOST_GROUPS]
    )


def small_tile(dataset: Dataset, row: int) -> Tile:
    """A whole photo, small, with its name."""
    return Tile(data_uri(read_small(dataset.path_of(row), CROP_SIDE)), dataset.images.file_name[row])


def resized_objects(dataset: Dataset, rows: IntArray, resize: Resize, count: int = 6) -> tuple[ResizedObject, ...]:
    """Small objects before and after a resize: from the smallest to the median, evenly taken in order of size."""
    sides = np.sqrt(resized_sides(dataset, resize).prod(axis=1))
    objects = objects_of(dataset)
    shown = np.isin(dataset.annotations.image_id[objects], dataset.images.id[rows]) & (sides >= 1)
    order = np.flatnonzero(shown)[np.argsort(sides[shown], kind="stable")]
    chosen = order[np.unique(np.linspace(0, max((len(order) - 1) // 2, 0), min(count, len(order))).astype(int))]
    return tuple(_resized(dataset, annotation, resize) for annotation in objects[chosen].tolist())


def _resized(dataset: Dataset, annotation: int, resize: Resize) -> ResizedObject:
    row, box = _place(dataset, annotation)
    photo = read_photo(dataset.path_of(row))
    width, height = (np.array([float(side)]) for side in (dataset.images.width[row], dataset.images.height[row]))
    [factor_x], [factor_y] = resize.factors(width, height)
    size = max(round(photo.shape[1] * factor_x), 1), max(round(photo.shape[0] * factor_y), 1)
    small = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BILINEAR))
    window = _window(box, dataset, row)
    pieces = [_cut(pixels, window, dataset, row) for pixels in (photo, small)]
    sides = [f"{w:.0f} × {h:.0f} px" for w, h in (box[2:] - box[:2], (box[2:] - box[:2]) * (factor_x, factor_y))]
    before, after = (Tile(_enlarged(piece), text) for piece, text in zip(pieces, sides, strict=True))
    label = dataset.class_names[dataset.annotations.class_index[annotation]]
    return ResizedObject(f"{label}, {dataset.images.file_name[row]}", before, after)


def _enlarged(piece: Photo) -> str:
    """A piece with its longer side ``CROP_SIDE``, its pixels to be seen where they are few."""
    factor = CROP_SIDE / max(piece.shape[:2])
    size = max(round(piece.shape[1] * factor), 1), max(round(piece.shape[0] * factor), 1)
    how = Image.Resampling.NEAREST if factor > 1 else Image.Resampling.BILINEAR
    return data_uri(np.asarray(Image.fromarray(piece).resize(size, how)), quality=80)
