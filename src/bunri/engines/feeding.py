"""What a training is fed: which photos, in what order, how augmented. Functions of seed and position only.

Every engine takes its order and its augmented photos from here, so that a sampler or an augmentation means the same in
every framework, and a killed run goes on where it was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from bunri.augment import MIN_BOX_SIDE, Augmenter
from bunri.boxes import FloatArray, IntArray, clip_xyxy
from bunri.dataset import Dataset
from bunri.engines.base import Photos
from bunri.errors import DataError
from bunri.io import load_dataset
from bunri.photos import read_photo
from bunri.recipe import Recipe
from bunri.sampling import epoch_rows, factors_of
from bunri.shards import prepare

Place = tuple[int, int]
"""A photo's row in the data set and the seed of its augmentation."""


def seed_of(*parts: int) -> int:
    """One 32-bit seed from several numbers, well mixed."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def places(factors: FloatArray, seed: int) -> Iterator[Place]:
    """Every photo to be seen, epoch after epoch without end; ``factors`` ``(M,)`` say how often in an epoch."""
    position, epoch = 0, 0
    while True:
        for row in epoch_rows(factors, seed, epoch):
            yield int(row), seed_of(seed, position)
            position += 1
        epoch += 1


def batches(factors: FloatArray, recipe: Recipe, seed: int, first: int, count: int) -> Iterator[list[Place]]:
    """Batches from number ``first`` on, ``count`` of them."""
    stream = islice(places(factors, seed), first * recipe.batch_size, None)
    for _ in range(count):
        yield list(islice(stream, recipe.batch_size))


def repeat_factors(dataset: Dataset, recipe: Recipe) -> FloatArray:
    """How often each image ``(M,)`` is seen in an epoch of the recipe's sampler."""
    return factors_of(dataset, recipe.sampler)


@dataclass(frozen=True)
class Lengths:
    """A training in iterations (optimizer steps)."""

    epoch: float
    total: int
    validate_every: int

    @classmethod
    def of(cls, dataset: Dataset, recipe: Recipe) -> "Lengths":
        """Lengths from the recipe's epochs or iterations and the sampler's repeats."""
        epoch = float(repeat_factors(dataset, recipe).sum()) / (recipe.batch_size * recipe.accumulate)
        return cls(epoch, recipe.total_iterations(epoch), max(round(recipe.validate_every * epoch), 1))


class LearningPhotos:
    """Photos of a data set with the boxes to learn, augmented by the recipe's pipeline."""

    def __init__(self, dataset: Dataset, recipe: Recipe) -> None:
        """Build the pipeline.

        Raises:
            ConfigError: Albumentations does not have a transform or an argument of it.
        """
        self._dataset = dataset
        self._augmenter = Augmenter(recipe.augment)
        self._boxes = [boxes_to_learn(dataset, row) for row in range(len(dataset))]

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, place: Place) -> tuple[NDArray[np.uint8], FloatArray, IntArray]:
        """Of a place the RGB photo ``(H, W, 3)``, boxes xyxy ``(K, 4)`` in its pixels and their classes ``(K,)``."""
        row, seed = place
        box_xyxy, class_index = self._boxes[row]
        return self._augmenter(read_photo(self._dataset.path_of(row)), box_xyxy, class_index, seed)


def boxes_to_learn(dataset: Dataset, row: int) -> tuple[FloatArray, IntArray]:
    """Boxes ``(K, 4)`` and classes ``(K,)`` of a photo: no crowd regions, cut at the border, none under two pixels."""
    truth = dataset.annotations
    mine = (truth.image_id == dataset.images.id[row]) & ~truth.is_crowd
    box_xyxy = clip_xyxy(truth.box_xyxy[mine], dataset.images.width[row], dataset.images.height[row])
    solid = ((box_xyxy[:, 2:] - box_xyxy[:, :2]) >= MIN_BOX_SIDE).all(axis=1)
    return box_xyxy[solid], truth.class_index[mine][solid]


def load_photos(photos: Photos) -> Dataset:
    """The data set of a job's part.

    Raises:
        DataError: It is broken, or has no image; or the shards of its photos are.
    """
    dataset = load_dataset(photos.annotations, photos.images)
    prepare(dataset.image_folder)
    if not len(dataset):
        raise DataError(f"{photos.annotations} must have at least one image, but has none")
    return dataset


def by_size(sizes: Sequence[Sequence[int]], at_most: int) -> list[list[int]]:
    """Places of equal sizes together, at most so many, in the order in which a size first comes."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for place, size in enumerate(sizes):
        groups.setdefault(tuple(size), []).append(place)
    return [rows[start : start + at_most] for rows in groups.values() for start in range(0, len(rows), at_most)]
