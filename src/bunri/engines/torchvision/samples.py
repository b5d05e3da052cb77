"""Training samples as torchvision's detectors want them, and the seeds that make a run repeat itself."""

import random

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from bunri.dataset import Dataset
from bunri.engines.feeding import LearningPhotos, Place, batches, repeat_factors, seed_of
from bunri.recipe import Recipe

Target = dict[str, Tensor]
Sample = tuple[Tensor, Target]


def seed_everything(*parts: int) -> None:
    """Set Python's, numpy's and torch's generators."""
    seed = seed_of(*parts)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class TrainingSamples(TorchDataset[Sample]):
    """Photos and boxes, augmented: labels from 1, 0 being the background."""

    def __init__(self, photos: LearningPhotos) -> None:
        self._photos = photos

    def __len__(self) -> int:
        return len(self._photos)

    def __getitem__(self, place: Place) -> Sample:
        """The sample of a place: image ``(3, H, W)`` in [0, 1] and its target."""
        photo, box_xyxy, class_index = self._photos[place]
        target = {
            "boxes": torch.from_numpy(box_xyxy.astype(np.float32)),
            "labels": torch.from_numpy(class_index.astype(np.int64) + 1),
        }
        return photo_to_tensor(photo), target


def photo_to_tensor(photo: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> Tensor:
    """``(H, W, 3)`` bytes as ``(3, H, W)`` floats in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(photo)).permute(2, 0, 1).float().div_(255)


def training_loader(
    dataset: Dataset, recipe: Recipe, seed: int, first: int, count: int, workers: int = 0
) -> DataLoader[Sample]:
    """Batches ``first`` to ``first + count``, each a list of samples."""
    order = list(batches(repeat_factors(dataset, recipe), recipe, seed, first, count))
    samples = TrainingSamples(LearningPhotos(dataset, recipe))
    return DataLoader(samples, batch_sampler=order, collate_fn=list, num_workers=workers)
