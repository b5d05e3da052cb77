"""Training photos in our order through Detectron2's loader: by its mapper, or augmented by the recipe's pipeline."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler

from bunri.boxes import FloatArray
from bunri.dataset import Dataset
from bunri.engines.detectron2.records import Record
from bunri.engines.feeding import LearningPhotos, Place, places, seed_of
from bunri.errors import ConfigError
from bunri.photos import read_photo
from bunri.recipe import Recipe

RESIZING = ("Resize", "ResizeShortestEdge", "ResizeScale", "FixedSizeCrop")
"""Augmentations of Detectron2 that bring a photo to the size the network wants; they stay beside the recipe's."""

Maker = Callable[[Place], Record]
"""Makes what the network takes of a place."""


def seed_everything(*parts: int) -> None:
    """Set Python's, numpy's and torch's generators, those of a GPU too."""
    seed = seed_of(*parts)
    _seed_processor(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(seed)


def _seed_processor(seed: int) -> None:
    """Without ``torch.manual_seed``, which formats a stack at each call where no GPU is in use yet."""
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw by a seed inside; torch's generator, which the network draws from, is as before after it."""
    with torch.random.fork_rng(devices=[]):
        _seed_processor(seed)
        yield


@contextmanager
def reading_photos_as_ours() -> Iterator[None]:
    """Let Detectron2's mappers read photos as all else here does: transparency, 16 bits, errors with a name."""
    from detectron2.data import detection_utils

    theirs = detection_utils.read_image

    def read(file_name: str, format: str | None = None) -> Any:  # noqa: A002 - its name there
        known = format in ("RGB", "BGR")
        return in_format(read_photo(file_name), str(format)) if known else theirs(file_name, format=format)

    detection_utils.read_image = read
    try:
        yield
    finally:
        detection_utils.read_image = theirs


class MappedPhotos:
    """Photos by Detectron2's own mapper; what it draws depends on the place only."""

    def __init__(self, records: Sequence[Record], mapper: Callable[[Record], Record]) -> None:
        self._records, self._mapper = records, mapper

    def __call__(self, place: Place) -> Record:
        """The record of a place as the network takes it."""
        row, seed = place
        with seeded(seed), reading_photos_as_ours():
            return self._mapper(self._records[row])


class AugmentedPhotos:
    """Photos augmented by the recipe's pipeline, then brought to size by the mapper's own resizing."""

    def __init__(self, records: Sequence[Record], photos: LearningPhotos, mapper: Any) -> None:
        from detectron2.data import transforms

        if not hasattr(mapper, "augmentations"):
            raise ConfigError(
                "recipe.augment: takes the place of the augmentations of detectron2.data.DatasetMapper, but the "
                f"config's mapper is {type(mapper).__name__}. Leave recipe.augment out, or use that mapper."
            )
        self._records, self._photos, self._format = records, photos, mapper.image_format
        kept = [augmentation for augmentation in mapper.augmentations.augs if is_resizing(augmentation)]
        self._resize = transforms.AugmentationList(kept)

    def __call__(self, place: Place) -> Record:
        """The augmented record of a place as the network takes it."""
        from detectron2.data import transforms
        from detectron2.structures import Boxes, Instances

        row, seed = place
        photo, box_xyxy, class_index = self._photos[place]
        given = transforms.AugInput(in_format(photo, self._format), boxes=box_xyxy)
        with seeded(seed):
            self._resize(given)
        instances = Instances(given.image.shape[:2])
        instances.gt_boxes = Boxes(torch.as_tensor(given.boxes, dtype=torch.float32).reshape(-1, 4))
        instances.gt_boxes.clip(given.image.shape[:2])
        instances.gt_classes = torch.from_numpy(class_index.astype(np.int64))
        about = {key: value for key, value in self._records[row].items() if key != "annotations"}
        return {**about, "image": as_tensor(given.image), "instances": instances[instances.gt_boxes.nonempty()]}


def is_resizing(augmentation: Any) -> bool:
    """Whether one of Detectron2's augmentations only brings photos to size."""
    return type(augmentation).__name__ in RESIZING


def in_format(photo: Any, image_format: str) -> Any:
    """An RGB photo ``(H, W, 3)`` with its channels as a config wants them."""
    return photo if image_format == "RGB" else photo[:, :, ::-1]


def as_tensor(image: Any) -> torch.Tensor:
    """``(H, W, 3)`` as a tensor ``(3, H, W)`` of the same type."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


class PlacedPhotos(TorchDataset[Record]):
    """A data set that is asked for places; its length is that of a pass over all photos."""

    def __init__(self, make: Maker, length: int) -> None:
        self._make, self._length = make, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: Place) -> Record:
        return self._make(place)


class OrderedPlaces(Sampler[Place]):
    """The places of some batches, one after the other."""

    def __init__(self, batches: Callable[[], Iterable[Sequence[Place]]], length: int) -> None:
        self._batches, self._length = batches, length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Place]:
        return chain.from_iterable(self._batches())


class QuietLoader:
    """A loader whose start draws nothing from the generator that the network draws from.

    torch's loader draws a seed when it starts, which after a resumption is in the middle of the training.
    """

    def __init__(self, loader: Iterable[Any]) -> None:
        self._loader = loader

    def __iter__(self) -> Iterator[Any]:
        with torch.random.fork_rng(devices=[]):
            return iter(self._loader)


def batches_by_shape(
    factors: FloatArray, is_wide: Sequence[bool], recipe: Recipe, seed: int, first: int, count: int
) -> Iterator[list[Place]]:
    """Batches of wide or of upright photos only, from our order, as Detectron2 groups them to pad less.

    A photo waits until its batch is full. What was waiting is a function of the order, so that a killed run goes on
    with the same batches.
    """

    def batches() -> Iterator[list[Place]]:
        waiting: tuple[list[Place], list[Place]] = ([], [])
        for place in places(factors, seed):
            mine = waiting[is_wide[place[0]]]
            mine.append(place)
            if len(mine) == recipe.batch_size:
                yield mine.copy()
                mine.clear()

    return islice(batches(), first, first + count)


def wide(dataset: Dataset) -> list[bool]:
    """Whether each photo is wider than high."""
    return [bool(is_wide) for is_wide in dataset.images.width > dataset.images.height]
