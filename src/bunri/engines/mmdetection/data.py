"""The data set as MMDetection is given it: our photos and boxes, in our order, each with its own seed."""

import random
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.datasets import BaseDetDataset
from mmengine.registry import DATASETS
from numpy.typing import NDArray
from torch.utils.data import Sampler, SequentialSampler

from bunri.boxes import FloatArray, IntArray
from bunri.engines.base import Photos
from bunri.engines.feeding import LearningPhotos, Place, boxes_to_learn, load_photos, places
from bunri.engines.mmdetection.plain import plain
from bunri.engines.process_group import rank, world_size
from bunri.recipe import Recipe
from bunri.sampling import image_repeat_factors


class RunPhotos(BaseDetDataset):
    """Photos of a COCO JSON file with the boxes to learn; their classes are numbered as in the data set.

    Photos without boxes stay. The photo is there before the native pipeline begins: RGB read as everywhere in bunri,
    augmented by the recipe's pipeline, and turned to BGR, as MMCV reads photos.
    """

    def __init__(
        self, annotations: str, images: str, augment: Sequence[Any] = (), to_float32: bool = False, **kwargs: Any
    ) -> None:
        """Load the annotations.

        Args:
            annotations: COCO JSON.
            images: Folder in which the file names start.
            augment: Albumentations transforms, as in the recipe.
            to_float32: As MMCV's loader has it.
            kwargs: Of MMDetection's data set, such as ``pipeline`` and ``test_mode``.
        """
        self.source = load_photos(Photos(annotations=Path(annotations), images=Path(images)))
        self._photos = LearningPhotos(self.source, Recipe(augment=tuple(plain(augment))))
        self.seed, self._float32 = 0, to_float32
        super().__init__(metainfo={"classes": self.source.class_names}, serialize_data=False, **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Facts of every photo; nothing is filtered."""
        return [self._info(row) for row in range(len(self.source))]

    def _info(self, row: int) -> dict[str, Any]:
        return {
            "img_id": int(self.source.images.id[row]),
            "img_path": str(self.source.path_of(row)),
            "height": int(self.source.images.height[row]),
            "width": int(self.source.images.width[row]),
        }

    def get_cat_ids(self, idx: int) -> list[int]:
        """Classes on a photo; asked by data sets that balance them."""
        return [int(label) for label in boxes_to_learn(self.source, idx)[1]]

    def prepare_data(self, idx: int) -> Any:
        """The photo of a row with its boxes, through the pipeline."""
        photo, box_xyxy, class_index = self._photos[int(idx), self.seed]
        info = self.get_data_info(int(idx))
        info |= photo_values(photo, self._float32)
        info["instances"] = _instances(box_xyxy, class_index)
        return self.pipeline(info)


def photo_values(photo: NDArray[np.uint8], to_float32: bool) -> dict[str, Any]:
    """What MMCV's loader says of an RGB photo ``(H, W, 3)``: the pixels as BGR, and their size."""
    pixels = np.ascontiguousarray(photo[:, :, ::-1], np.float32 if to_float32 else np.uint8)
    return {"img": pixels, "img_shape": photo.shape[:2], "ori_shape": photo.shape[:2]}


def _instances(box_xyxy: FloatArray, class_index: IntArray) -> list[dict[str, Any]]:
    return [
        {"bbox": box.tolist(), "bbox_label": int(label), "ignore_flag": 0}
        for box, label in zip(box_xyxy, class_index, strict=True)
    ]


class PlacedPhotos:
    """The outermost data set: takes a place in the run, and makes all that is random there a function of its seed."""

    def __init__(self, dataset: Any) -> None:
        """Wrap a data set, built or as a config."""
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, place: Place) -> Any:
        """The sample of a row, drawn with the seed of its place."""
        row, seed = place
        innermost(self.dataset).seed = seed
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)  # `torch.manual_seed` formats a traceback for each absent GPU
        return self.dataset[row]

    @property
    def metainfo(self) -> Any:
        """Class names."""
        return self.dataset.metainfo

    @property
    def pipeline(self) -> Any:
        """Of the wrapped data set, where MMDetection's hooks change it."""
        return self.dataset.pipeline

    @pipeline.setter
    def pipeline(self, value: Any) -> None:
        self.dataset.pipeline = value

    def update_skip_type_keys(self, names: Sequence[str]) -> None:
        """Turn transforms of a mixing data set off; without one there are none."""
        if hasattr(self.dataset, "update_skip_type_keys"):
            self.dataset.update_skip_type_keys(names)

    def full_init(self) -> None:
        """Nothing is left to do."""


def innermost(dataset: Any) -> RunPhotos:
    """Our data set below all wrappers."""
    while not isinstance(dataset, RunPhotos):
        dataset = dataset.dataset
    return dataset


class PlacesSampler(Sampler[Place]):
    """Places of the run in our order, from a batch on; set anew before each epoch."""

    def __init__(self, dataset: PlacedPhotos, seed: int | None, repeat_factor_threshold: float | None) -> None:
        """Sample a data set.

        Args:
            dataset: What is sampled.
            seed: Of the order.
            repeat_factor_threshold: Of the recipe's sampler; None takes each row of what wrappers made once.
        """
        self._seed, self._at = seed or 0, 0
        self.factors = _factors(dataset, repeat_factor_threshold)
        self._stream: Iterator[Place] = places(self.factors, self._seed)
        self.first = 0
        self.last = 0
        self.epoch_length = len(self.factors)

    def __len__(self) -> int:
        """Photos of an epoch as the framework counts them, of several processes for each."""
        return self.epoch_length

    def __iter__(self) -> Iterator[Place]:
        """Places from number ``first`` up to ``last``; several processes take them in turns, as all divide a batch."""
        if self._at != self.first:
            self._stream = islice(places(self.factors, self._seed), self.first, None)
        self._at = self.last
        return islice(self._stream, rank(), self.last - self.first, world_size())


class AllPhotos(SequentialSampler):
    """Every photo once, in order: the first of several processes judges on its own."""

    def __init__(self, dataset: Any, seed: int | None = None) -> None:
        """Take the data set; nothing is drawn with the seed."""
        super().__init__(dataset)


def _factors(dataset: PlacedPhotos, threshold: float | None) -> FloatArray:
    if threshold is None:
        return np.ones(len(dataset))
    return image_repeat_factors(innermost(dataset.dataset).source, threshold)
