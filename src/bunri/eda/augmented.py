"""One photo as the augmentation of an experiment makes it, eight times, with its boxes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bunri.augment import Augmenter, Pipeline
from bunri.boxes import FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.drawn_photos import PhotoWithBoxes, with_boxes
from bunri.eda.histograms import objects_of
from bunri.photos import Photo, read_photo

TIMES = 8
"""How often the photo is augmented."""

GOOD_NUMBER = (2, 6)
"""Boxes of a photo on which one sees what becomes of them."""


@dataclass(frozen=True)
class Augmented:
    """What becomes of a photo.

    Attributes:
        models: Names of the models with this augmentation.
        transforms: Names of its transforms, in order.
        file_name: Of the photo.
        original: As it is.
        variants: As training may see it.
    """

    models: tuple[str, ...]
    transforms: tuple[str, ...]
    file_name: str
    original: PhotoWithBoxes
    variants: tuple[PhotoWithBoxes, ...]


def augmented(dataset: Dataset, rows: IntArray, pipeline: Pipeline, models: Sequence[str], seed: int = 0) -> Augmented:
    """A telling photo of those in ``rows`` ``(K,)``, augmented ``TIMES`` times with seeds from ``seed`` on.

    Raises:
        ConfigError: Albumentations does not know a transform of the pipeline.
    """
    augment = Augmenter(pipeline)
    row = telling_row(dataset, rows)
    photo = read_photo(dataset.path_of(row))
    box, class_index = _boxes_of(dataset, row)
    names = dataset.class_names
    variants = (augment(photo, box, class_index, seed + time) for time in range(TIMES))
    return Augmented(
        models=tuple(models),
        transforms=tuple(name for entry in pipeline for name in entry),
        file_name=dataset.images.file_name[row],
        original=_drawn(photo, box, class_index, names),
        variants=tuple(_drawn(*variant, names) for variant in variants),
    )


def telling_row(dataset: Dataset, rows: IntArray) -> int:
    """The image with the most classes among those with a few boxes; else the first with the most boxes."""
    truth, objects = dataset.annotations, objects_of(dataset)
    image = dataset.rows_of(truth.image_id[objects])
    boxes = np.bincount(image, minlength=len(dataset))[rows]
    pairs = np.unique(np.stack([image, truth.class_index[objects]]), axis=1)
    classes = np.bincount(pairs[0], minlength=len(dataset))[rows]
    few = (boxes >= GOOD_NUMBER[0]) & (boxes <= GOOD_NUMBER[1])
    return int(rows[np.argmax(np.where(few, classes, 0) if few.any() else boxes)])


def _boxes_of(dataset: Dataset, row: int) -> tuple[FloatArray, IntArray]:
    truth, objects = dataset.annotations, objects_of(dataset)
    mine = objects[truth.image_id[objects] == dataset.images.id[row]]
    return truth.box_xyxy[mine], truth.class_index[mine]


def _drawn(photo: Photo, box_xyxy: FloatArray, class_index: IntArray, names: Sequence[str]) -> PhotoWithBoxes:
    return with_boxes(photo, box_xyxy, [names[index] for index in class_index])
