"""Photos named on a command line as a data set without truth: files, folders, globs, or one COCO JSON."""

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bunri.dataset import Annotations, Dataset, Images
from bunri.errors import DataError, UsageError
from bunri.io import load_dataset
from bunri.photos import photo_size

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""Files of a folder that are taken for photos."""


def photos_of(inputs: Sequence[str], classes: Dataset, image_folder: Path | None = None) -> Dataset:
    """The photos of some inputs, with ids in order from 1; of a COCO JSON with its own ids.

    Args:
        inputs: Photos, folders, globs, or one COCO JSON.
        classes: Gives the classes.
        image_folder: Where the file names of a COCO JSON start; by default its folder.

    Raises:
        DataError: A photo cannot be read, or a COCO JSON has other classes.
        UsageError: An input fits nothing.
    """
    if len(inputs) == 1 and inputs[0].endswith(".json"):
        return _of_coco(Path(inputs[0]), classes, image_folder)
    paths = list(dict.fromkeys(path.absolute() for text in inputs for path in _expand(text)))
    folder = Path(os.path.commonpath([path.parent for path in paths]))
    sizes = [photo_size(path) for path in paths]
    images = Images(
        id=np.arange(1, len(paths) + 1),
        file_name=tuple(str(path.relative_to(folder)) for path in paths),
        width=np.array([width for width, _ in sizes]),
        height=np.array([height for _, height in sizes]),
    )
    return Dataset(classes.class_names, classes.category_ids, images, no_annotations(), folder)


def no_annotations() -> Annotations:
    """No boxes at all."""
    none = np.empty(0, np.int64)
    return Annotations(none, none, none, np.empty((0, 4)), np.empty(0), np.empty(0, np.bool_))


def _of_coco(path: Path, classes: Dataset, image_folder: Path | None) -> Dataset:
    dataset = load_dataset(path, image_folder)
    if dataset.class_names != classes.class_names:
        raise DataError(f"{path} must have the model's classes {classes.class_names}, but has {dataset.class_names}")
    return dataset


def _expand(text: str) -> Iterator[Path]:
    path = Path(text)
    if path.is_dir():
        found = sorted(inner for inner in path.rglob("*") if inner.suffix.lower() in SUFFIXES)
    elif path.is_file():
        found = [path]
    else:
        found = sorted(Path(name) for name in glob.glob(text, recursive=True))  # noqa: PTH207 - absolute patterns
    if not found:
        raise UsageError(f"{text!r} must be a photo, a folder or a pattern with photos, or a COCO JSON, but fits none")
    yield from found
