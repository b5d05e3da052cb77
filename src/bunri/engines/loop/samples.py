"""Training samples in the order of the recipe, and the seeds that make a run repeat itself."""

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from bunri.dataset import Dataset
from bunri.engines.feeding import LearningPhotos, Place, batches, repeat_factors, seed_of
from bunri.engines.loop.detector import MakeSample
from bunri.engines.predicting import Photo
from bunri.engines.process_group import share
from bunri.recipe import Recipe


def seed_everything(*parts: int) -> None:
    """Set Python's, numpy's and torch's generators."""
    seed = seed_of(*parts)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class TrainingSamples(TorchDataset[Any]):
    """Photos and boxes, augmented, as a detector wants them."""

    def __init__(self, photos: LearningPhotos, make: MakeSample) -> None:
        self._photos, self._make = photos, make

    def __len__(self) -> int:
        return len(self._photos)

    def __getitem__(self, place: Place) -> Any:
        """The sample of a place."""
        return self._make(*self._photos[place])


def photo_to_tensor(photo: Photo) -> Tensor:
    """``(H, W, 3)`` bytes as ``(3, H, W)`` floats in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(photo)).permute(2, 0, 1).float().div_(255)


def training_loader(
    dataset: Dataset, recipe: Recipe, make: MakeSample, seed: int, first: int, count: int, workers: int = 0
) -> DataLoader[Any]:
    """Batches ``first`` to ``first + count``, each a list of samples: of several processes' batches our share."""
    order = [share(batch) for batch in batches(repeat_factors(dataset, recipe), recipe, seed, first, count)]
    samples = TrainingSamples(LearningPhotos(dataset, recipe), make)
    return DataLoader(samples, batch_sampler=order, collate_fn=list, num_workers=workers)
