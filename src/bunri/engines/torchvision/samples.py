"""Training samples: which photos make a batch, and what the model gets of them; a function of seed and iteration."""

import random
from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from bunri.augment import MIN_BOX_SIDE, Augmenter
from bunri.boxes import FloatArray, IntArray, clip_xyxy
from bunri.dataset import Dataset
from bunri.photos import read_photo
from bunri.recipe import Recipe
from bunri.sampling import epoch_rows, factors_of

Target = dict[str, Tensor]
Sample = tuple[Tensor, Target]
Place = tuple[int, int]
"""A photo's row in the data set and the seed of its augmentation."""


def seed_of(*parts: int) -> int:
    """One 32-bit seed from several numbers, well mixed."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def seed_everything(*parts: int) -> None:
    """Set Python's, numpy's and torch's generators."""
    seed = seed_of(*parts)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def places(factors: FloatArray, seed: int) -> Iterator[Place]:
    """Every photo to be seen, epoch after epoch without end."""
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


class TrainingSamples(TorchDataset[Sample]):
    """Photos and boxes, augmented, as torchvision's detectors want them: labels from 1, 0 being the background."""

    def __init__(self, dataset: Dataset, augmenter: Augmenter) -> None:
        self._dataset = dataset
        self._augmenter = augmenter
        self._boxes = [_boxes_to_learn(dataset, row) for row in range(len(dataset))]

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, place: Place) -> Sample:
        """The sample of a place: image ``(3, H, W)`` in [0, 1] and its target."""
        row, seed = place
        photo = read_photo(self._dataset.path_of(row))
        box_xyxy, class_index = self._boxes[row]
        photo, box_xyxy, class_index = self._augmenter(photo, box_xyxy, class_index, seed)
        target = {
            "boxes": torch.from_numpy(box_xyxy.astype(np.float32)),
            "labels": torch.from_numpy(class_index.astype(np.int64) + 1),
        }
        return photo_to_tensor(photo), target


def _boxes_to_learn(dataset: Dataset, row: int) -> tuple[FloatArray, IntArray]:
    """Boxes and classes of a photo: no crowd regions, cut at the border, none thinner than two pixels."""
    truth = dataset.annotations
    mine = (truth.image_id == dataset.images.id[row]) & ~truth.is_crowd
    box_xyxy = clip_xyxy(truth.box_xyxy[mine], dataset.images.width[row], dataset.images.height[row])
    solid = ((box_xyxy[:, 2:] - box_xyxy[:, :2]) >= MIN_BOX_SIDE).all(axis=1)
    return box_xyxy[solid], truth.class_index[mine][solid]


def photo_to_tensor(photo: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> Tensor:
    """``(H, W, 3)`` bytes as ``(3, H, W)`` floats in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(photo)).permute(2, 0, 1).float().div_(255)


def epoch_length(dataset: Dataset, recipe: Recipe) -> float:
    """Expected number of photos seen in an epoch."""
    return float(factors_of(dataset, recipe.sampler).sum())


def training_loader(
    dataset: Dataset, recipe: Recipe, seed: int, first: int, count: int, workers: int = 0
) -> DataLoader[Sample]:
    """Batches ``first`` to ``first + count``, each a list of samples."""
    factors = factors_of(dataset, recipe.sampler)
    samples = TrainingSamples(dataset, Augmenter(recipe.augment))
    order = list(batches(factors, recipe, seed, first, count))
    return DataLoader(samples, batch_sampler=order, collate_fn=list, num_workers=workers)
