"""What is named on a command line as photos without truth: files, folders, globs, videos, or one COCO JSON."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from bunri.dataset import Dataset, Images, no_annotations
from bunri.errors import DataError, UsageError
from bunri.inference.checking import Say, sizes_of_whole_photos
from bunri.inference.videos import VIDEO_SUFFIXES, Video, frames_of
from bunri.io import load_dataset, write_coco
from bunri.photos import Photo, read_photo

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif"})
"""Files of a folder that are taken for photos."""


class Source(Protocol):
    """Photos that come from one place, in order."""

    def photos(self) -> Iterator[Photo]:
        """Each photo, ``(H, W, 3)`` RGB; may be asked for again."""


@dataclass(frozen=True)
class Files:
    """Photo files."""

    paths: tuple[Path, ...]

    def photos(self) -> Iterator[Photo]:
        """Each photo; read when it is its turn."""
        return (read_photo(path) for path in self.paths)


@dataclass(frozen=True)
class PhotoSet:
    """Photos and what is known of them.

    Attributes:
        dataset: Ids, names, sizes and classes; frames of a video are images, too, but no files.
        sources: Where the photos come from, in the order of the images.
        is_numbered_here: Whether no file says yet which photo has which id.
    """

    dataset: Dataset
    sources: tuple[Source, ...]
    is_numbered_here: bool = False

    def __len__(self) -> int:
        return len(self.dataset)

    def photos(self) -> Iterator[Photo]:
        """The photo of each row of ``dataset.images``, one after the other."""
        for source in self.sources:
            yield from source.photos()


def write_numbers(photos: PhotoSet, predictions: Path) -> Path | None:
    """Write, beside a file of predictions, a COCO JSON that says which photo has which id; it has no annotations.

    Returns:
        The file, ``found.images.json`` for ``found.parquet``; None where the photos came with a COCO JSON.
    """
    if not photos.is_numbered_here:
        return None
    path = predictions.with_suffix(".images.json")
    write_coco(photos.dataset, path)
    return path


def photos_of(
    inputs: Sequence[str],
    classes: Dataset,
    image_folder: Path | None = None,
    every: int = 1,
    skip_broken: Say | None = None,
) -> PhotoSet:
    """The photos of some inputs, with ids in order from 1; of a COCO JSON with its own ids.

    Every photo is read once before any model is loaded, so that a broken one is told at the door.

    Args:
        inputs: Photos, folders, globs and videos, or one COCO JSON.
        classes: Gives the classes.
        image_folder: Where the file names of a COCO JSON start; by default its folder.
        every: Of a video, every so many-th frame.
        skip_broken: Hears of each broken photo, which is then left out; None refuses broken photos.

    Raises:
        DataError: A photo or video cannot be read, or a COCO JSON has other classes.
        UsageError: An input fits nothing.
    """
    if len(inputs) == 1 and inputs[0].endswith(".json"):
        return _of_coco(Path(inputs[0]), classes, image_folder, skip_broken)
    paths = list(dict.fromkeys(Path(os.path.normpath(path.absolute())) for text in inputs for path in _expand(text)))
    files = [path for path in paths if path.suffix.lower() not in VIDEO_SUFFIXES]
    videos = [frames_of(path, every) for path in paths if path.suffix.lower() in VIDEO_SUFFIXES]
    sizes = sizes_of_whole_photos(files, skip_broken)
    if not (sizes or videos):
        raise DataError(f"one photo at least must be whole, but all {len(files)} are broken")
    return _photo_set(sizes, videos, classes)


def _photo_set(sizes: dict[Path, tuple[int, int]], videos: Sequence[Video], classes: Dataset) -> PhotoSet:
    folder = Path(os.path.commonpath([path.parent for path in (*sizes, *(video.path for video in videos))]))
    names = [str(path.relative_to(folder)) for path in sizes]
    shapes = list(sizes.values())
    for video in videos:
        names += [f"{video.path.relative_to(folder)}/{frame}" for frame in video.names()]
        shapes += [video.size] * len(video)
    width, height = np.array(shapes).T
    images = Images(np.arange(1, len(names) + 1), tuple(names), width, height)
    dataset = Dataset(classes.class_names, classes.category_ids, images, no_annotations(), folder)
    return PhotoSet(dataset, (Files(tuple(sizes)), *videos), is_numbered_here=True)


def _of_coco(path: Path, classes: Dataset, image_folder: Path | None, skip_broken: Say | None) -> PhotoSet:
    dataset = load_dataset(path, image_folder)
    if dataset.class_names != classes.class_names:
        raise DataError(f"{path} must have the model's classes {classes.class_names}, but has {dataset.class_names}")
    paths = [dataset.path_of(row) for row in range(len(dataset))]
    whole = sizes_of_whole_photos(paths, skip_broken)
    kept = dataset.subset([int(i) for i, photo in zip(dataset.images.id, paths, strict=True) if photo in whole])
    if not len(kept):
        raise DataError(f"{path} must have a photo that is whole, but has none")
    width, height = np.array([whole[kept.path_of(row)] for row in range(len(kept))]).T
    kept = replace(kept, images=replace(kept.images, width=width, height=height))
    return PhotoSet(kept, (Files(tuple(kept.path_of(row) for row in range(len(kept)))),))


def _expand(text: str) -> Iterator[Path]:
    path = Path(text)
    if path.is_dir():
        found = sorted(inner for inner in path.rglob("*") if inner.suffix.lower() in SUFFIXES | VIDEO_SUFFIXES)
    elif path.is_file():
        found = [path]
    else:
        found = sorted(Path(name) for name in glob.glob(text, recursive=True))  # noqa: PTH207 - absolute patterns
        found = [path for path in found if path.is_file()]
    if not found:
        raise UsageError(
            f"{text!r} must be a photo, a video, a folder or a pattern with photos, or a COCO JSON, but fits none"
        )
    yield from found
