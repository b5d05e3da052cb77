"""Corrected photos as a data set that grows: COCO JSON and photos, for the next training."""

import fcntl
import hashlib
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bunri.boxes import FloatArray, area, clip_xyxy
from bunri.dataset import Annotations, Dataset, Images
from bunri.errors import DataError, UsageError
from bunri.files import cannot_write, write_bytes
from bunri.io import load_dataset, write_coco
from bunri.photos import Photo
from bunri.serve.answers import CorrectedObject, Correction
from bunri.serve.errors import Refusal
from bunri.serve.uploads import jpeg_of

MIN_SIDE = 2.0
"""A box must have sides of so many pixels within the photo."""

QUALITY = 95
"""Of the JPEG that is kept."""


class Corrections:
    """A folder of ``annotations.json`` and ``photos/``; one server writes to it at a time.

    A photo is known by its pixels: corrected again, its boxes take the place of the former ones. Its file is made anew
    of the pixels, so that nothing a camera wrote into it (place, time, device) is kept; its name is of our making.
    """

    def __init__(self, folder: Path, classes: Dataset) -> None:
        """Open or begin the folder.

        Raises:
            UsageError: Another server writes to it.
            DataError: What lies in it has other classes, or is broken.
            OutputError: It cannot be written.
        """
        self._folder, self._turn = folder, threading.Lock()
        self._file = folder / "annotations.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / ".lock").open("w")
        except OSError as error:
            raise cannot_write(folder, error) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._dataset = self._existing(classes)
        except BaseException as error:
            self._lock.close()
            if not isinstance(error, BlockingIOError):
                raise
            raise UsageError(f"{folder} must be free, but another server saves there. Name another folder.") from None

    def _existing(self, classes: Dataset) -> Dataset:
        if not self._file.exists():
            return replace(classes, image_folder=self._folder)
        there = load_dataset(self._file)
        if there.class_names != classes.class_names:
            raise DataError(
                f"{self._file} must have the model's classes {classes.class_names}, but has {there.class_names}. "
                "Name another folder."
            )
        return there

    def save(self, photo: Photo, objects: Sequence[CorrectedObject]) -> Correction:
        """Keep a photo with its boxes; without any it is kept as one on which nothing lies.

        Raises:
            Refusal: A class is unknown, or a box is not on the photo.
            OutputError: The disk is full or the folder is gone; nothing half-written is left.
        """
        height, width, _ = photo.shape
        class_index, box_xyxy = self._checked(objects, width, height)
        name = f"photos/{hashlib.sha256(photo.tobytes() + bytes(str(photo.shape), 'ascii')).hexdigest()[:24]}.jpg"
        with self._turn:
            if not (self._folder / name).exists():
                write_bytes(self._folder / name, jpeg_of(photo, QUALITY))
            dataset = _with_photo(_without(self._dataset, name), name, (width, height), class_index, box_xyxy)
            write_coco(dataset, self._file)
            self._dataset = dataset
        return Correction(file_name=name, annotations=len(objects), photos=len(dataset))

    def _checked(self, objects: Sequence[CorrectedObject], width: int, height: int) -> tuple[list[int], FloatArray]:
        names = self._dataset.class_names
        strangers = sorted({one.class_name for one in objects} - set(names))
        if strangers:
            words = f"a class must be one of {', '.join(names)}, but got {strangers[0][:100]!r}"
            raise Refusal(422, "unknown_class", words)
        box = clip_xyxy(np.array([one.box for one in objects], np.float64).reshape(-1, 4), width, height)
        if not (np.isfinite(box).all() and (box[:, 2:] - box[:, :2] >= MIN_SIDE).all()):
            words = (
                f"a box must be x_min, y_min, x_max, y_max with {MIN_SIDE:g} pixels a side on the photo, but one is not"
            )
            raise Refusal(422, "bad_box", words)
        return [names.index(one.class_name) for one in objects], box

    def close(self) -> None:
        """Let others write."""
        self._lock.close()


def _without(dataset: Dataset, name: str) -> Dataset:
    others = [row for row, file_name in enumerate(dataset.images.file_name) if file_name != name]
    return dataset if len(others) == len(dataset) else dataset.subset(dataset.images.id[others])


def _with_photo(
    dataset: Dataset, name: str, size: tuple[int, int], class_index: Sequence[int], box_xyxy: FloatArray
) -> Dataset:
    images, old = dataset.images, dataset.annotations
    new_id = int(images.id.max(initial=0)) + 1
    first = int(old.id.max(initial=0)) + 1
    count = len(class_index)
    return replace(
        dataset,
        images=Images(
            np.append(images.id, new_id),
            (*images.file_name, name),
            np.append(images.width, size[0]),
            np.append(images.height, size[1]),
        ),
        annotations=Annotations(
            id=np.append(old.id, np.arange(first, first + count)),
            image_id=np.append(old.image_id, np.full(count, new_id)),
            class_index=np.append(old.class_index, np.array(class_index, np.int64)),
            box_xyxy=np.concatenate([old.box_xyxy, box_xyxy]),
            area=np.append(old.area, area(box_xyxy)),
            is_crowd=np.append(old.is_crowd, np.zeros(count, np.bool_)),
        ),
    )
