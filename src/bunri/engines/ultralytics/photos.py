"""Ultralytics' own dataset class over our data set: no label files, no caches beside the photos."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import cv2
import numpy as np
from torch.utils.data import DataLoader
from ultralytics.data.augment import Compose, LetterBox
from ultralytics.data.build import InfiniteDataLoader
from ultralytics.data.dataset import YOLODataset

from bunri.boxes import FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.engines.feeding import LearningPhotos, Place, boxes_to_learn, by_size, places, repeat_factors
from bunri.engines.process_group import rank, world_size
from bunri.engines.ultralytics.pixels import Pixels, fitted, padded_size, seed_augmentation
from bunri.photos import read_photo
from bunri.recipe import Recipe


class UltralyticsPhotos(YOLODataset):
    """Photos and boxes as Ultralytics' trainer and validator want them.

    A training sample is asked for by its :data:`~bunri.engines.feeding.Place`, so that its augmentation, ours or
    Ultralytics' own, is a function of seed and position; a held-out one by its row.
    """

    def __init__(
        self, dataset: Dataset, args: Any, stride: int, stretch: bool, batch: int, learning: Recipe | None = None
    ) -> None:
        """Take a data set.

        Args:
            dataset: Photos and boxes.
            args: Ultralytics' arguments.
            stride: Of the network; padded sides are multiples.
            stretch: RT-DETR stretches photos to squares.
            batch: Photos in a batch.
            learning: Recipe of the training; None where the photos are held out.
        """
        self._dataset, self._stretch = dataset, stretch
        said = learning is not None and learning.says("augment")
        self._augmented = LearningPhotos(dataset, learning) if learning is not None and said else None
        super().__init__(
            img_path=str(dataset.image_folder),
            imgsz=args.imgsz,
            cache=args.cache if learning is not None and not said else None,
            augment=learning is not None,
            hyp=args,
            rect=learning is None,
            batch_size=batch,
            stride=stride,
            data={"names": dict(enumerate(dataset.class_names)), "channels": 3},
        )

    def get_img_files(self, img_path: str | list[str]) -> list[str]:
        """The photos of the data set, in its order."""
        return [str(self._dataset.path_of(row)) for row in range(len(self._dataset))]

    def get_labels(self) -> list[dict[str, Any]]:
        """Boxes to learn, as shares of the photo's sides."""
        images = self._dataset.images
        sizes = zip(images.height.tolist(), images.width.tolist(), strict=True)
        return [
            _label(file, size, *boxes_to_learn(self._dataset, row))
            for row, (file, size) in enumerate(zip(self.im_files, sizes, strict=True))
        ]

    def set_rectangle(self) -> None:
        """Every photo has its own padded size; the loader puts those of one size together."""
        shapes = [label.pop("shape") for label in self.labels]
        sizes = [padded_size(h, w, self.imgsz, self.stride, self._stretch) for h, w in shapes]
        self.batch, self.batch_shapes = np.arange(len(sizes)), np.array(sizes)

    def load_image(self, i: int, rect_mode: bool = True, resize_short: bool = False) -> tuple[Pixels, Any, Any]:
        """A photo in BGR, fitted to the network's size, with its height and width before and after.

        The last ones read stay in memory, as Ultralytics' mosaics take their further photos from them.
        """
        if self.ims[i] is None:
            loaded = self._fitted(read_photo(self.im_files[i]))
            if self.augment and self.cache != "ram":
                self._remember(i, loaded)
            return loaded
        return self.ims[i], self.im_hw0[i], self.im_hw[i]

    def _fitted(self, photo: Pixels) -> tuple[Pixels, Any, Any]:
        small = fitted(photo, self.imgsz, self._stretch)
        small = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2BGR), np.uint8)
        return small, photo.shape[:2], small.shape[:2]

    def _remember(self, row: int, loaded: tuple[Pixels, Any, Any]) -> None:
        self.ims[row], self.im_hw0[row], self.im_hw[row] = loaded
        self.buffer.append(row)
        if 1 < len(self.buffer) >= self.max_buffer_length:
            oldest = self.buffer.pop(0)
            self.ims[oldest] = self.im_hw0[oldest] = self.im_hw[oldest] = None

    def build_transforms(self, hyp: Any) -> Any:
        """Ultralytics' augmentation; where the recipe brings its own, only fitting and formatting are left."""
        if self._augmented is None:
            return super().build_transforms(hyp)
        self.augment, hyp.bgr = False, 0.0
        formatting = super().build_transforms(hyp).transforms[-1]
        self.augment = True
        return Compose([LetterBox(new_shape=(self.imgsz, self.imgsz)), formatting])

    def get_image_and_label(self, index: int) -> dict[str, Any]:
        """A photo with its boxes; a held-out one with its row, by which its predictions are known."""
        label = dict(super().get_image_and_label(index))
        return label if self.augment else {**label, "row": index}

    def __getitem__(self, index: "int | Place") -> dict[str, Any]:
        """The sample of a place, or the held-out one of a row."""
        if not isinstance(index, tuple):
            return dict(super().__getitem__(index))
        row, seed = index
        seed_augmentation(seed)
        if self._augmented is None:
            return dict(super().__getitem__(row))
        photo, box_xyxy, class_index = self._augmented[index]
        label = _label(self.im_files[row], photo.shape[:2], box_xyxy, class_index)
        label["img"], label["ori_shape"], label["resized_shape"] = self._fitted(photo)
        label.pop("shape")
        return dict(self.transforms(self.update_labels_info(label)))


def _label(file: str, size: Any, box_xyxy: FloatArray, class_index: IntArray) -> dict[str, Any]:
    height, width = size
    corners = box_xyxy / (width, height, width, height)
    centres, sides = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    return {
        "im_file": file,
        "shape": (height, width),
        "cls": class_index.astype(np.float32).reshape(-1, 1),
        "bboxes": np.concatenate([centres, sides], axis=1).astype(np.float32),
        "segments": [],
        "keypoints": None,
        "normalized": True,
        "bbox_format": "xywh",
    }


class Stream:
    """The places of a training as a sampler: from where the training is, without end."""

    def __init__(self, factors: FloatArray, seed: int, length: int, start: Callable[[], int]) -> None:
        """Take repeat factors ``(M,)``, what Ultralytics is to think an epoch's length, and where the training is."""
        self._factors, self._seed, self._length, self._start = factors, seed, length, start

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Place]:
        """Several processes take them in turns, as all divide a batch."""
        return islice(places(self._factors, self._seed), self._start() + rank(), None, world_size())

    def set_epoch(self, epoch: int) -> None:
        """Ultralytics says in several processes which epoch begins; the order is known without."""


class RoundLoader(InfiniteDataLoader):
    """Ultralytics' loader; its first epoch after a resumption is what was left of the one that was broken off."""

    def left_by(self, left: Callable[[], int]) -> "RoundLoader":
        """Say how many batches are left of an epoch at its beginning."""
        self._left = left
        return self

    def __iter__(self) -> Iterator[Any]:
        yield from islice(super().__iter__(), self._left())


def training_loader(photos: UltralyticsPhotos, stream: Stream, batch: int, workers: int, on_gpu: bool) -> RoundLoader:
    """Batches of the stream, all of them full."""
    return RoundLoader(
        dataset=photos,
        batch_size=batch,
        sampler=stream,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        pin_memory=on_gpu,
        collate_fn=photos.collate_fn,
    )


def stream_of(dataset: Dataset, recipe: Recipe, seed: int, length: int, start: Callable[[], int]) -> Stream:
    """The recipe's order of a data set."""
    return Stream(repeat_factors(dataset, recipe), seed, length, start)


def validation_loader(photos: UltralyticsPhotos, batch: int, workers: int) -> DataLoader[Any]:
    """Every photo once, those of one padded size together."""
    groups = by_size(photos.batch_shapes.tolist(), batch)
    return DataLoader(photos, batch_sampler=groups, num_workers=workers, collate_fn=photos.collate_fn)
