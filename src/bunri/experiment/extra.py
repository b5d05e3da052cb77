"""Further photos that one model learns from, such as pseudo-labels: never held out, and apart from all that judges."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from bunri.boxes import IntArray
from bunri.config import ExtraSettings
from bunri.dataset import Annotations, Dataset, Images
from bunri.errors import DataError
from bunri.io import load_dataset
from bunri.sampling import WEIGHT_FIELD
from bunri.shards import absolute_folder


def load_extra(settings: ExtraSettings, fold: int, seed: int) -> Dataset:
    """The photos of a model's ``extra`` for one run, each with its sampling weight.

    Raises:
        DataError: The file is not there or wrong.
    """
    path = settings.file_of(fold, seed)
    if not path.is_file():
        raise DataError(
            f"models.*.extra.annotations: {path} must be a COCO JSON for fold {fold} and seed {seed}, but is no file. "
            "Make it with `bunri pseudo`, by a model that did not learn the photos of this fold."
        )
    extra = load_dataset(path, settings.images)
    fields = {**extra.images.fields, WEIGHT_FIELD: (settings.weight,) * len(extra)}
    return replace(extra, images=replace(extra.images, fields=fields))


def refuse_judges(extra: Dataset, judging: Dataset, what: str) -> None:
    """Photos that judge a model must not be learned from, whoever labelled them.

    Raises:
        DataError: Some are among the further photos.
    """
    both = sorted(set(_paths(extra)) & set(_paths(judging)))
    if both:
        raise DataError(
            f"models.*.extra: {what} must not be learned from, but {len(both)} of them are among the further photos, "
            f"first {both[0]}. Leave them out; for folds, one file each with {{fold}} in its name."
        )


def joined(first: Dataset, second: Dataset) -> Dataset:
    """Two data sets of the same classes as one; ids of the second are numbered after those of the first.

    Raises:
        DataError: The classes differ.
    """
    if first.class_names != second.class_names:
        raise DataError(
            f"models.*.extra: further photos must have the classes {first.class_names}, but have {second.class_names}"
        )
    folder = Path(os.path.commonpath([_folder_of(first), _folder_of(second)]))
    after = int(first.images.id.max(initial=0)) + 1
    image_id = after + np.arange(len(second))
    moved = image_id[second.rows_of(second.annotations.image_id)]
    return Dataset(
        first.class_names,
        first.category_ids,
        _joined_images(_seen_from(first, folder), replace(_seen_from(second, folder), id=image_id)),
        _joined_annotations(first.annotations, second.annotations, moved),
        folder,
    )


def _paths(dataset: Dataset) -> list[Path]:
    return [absolute_folder(dataset.path_of(row)) for row in range(len(dataset))]


def _folder_of(dataset: Dataset) -> Path:
    assert dataset.image_folder is not None
    return absolute_folder(dataset.image_folder)


def _seen_from(dataset: Dataset, folder: Path) -> Images:
    """The images with their names from another folder, and a sampling weight."""
    below = _folder_of(dataset).relative_to(folder)
    images = dataset.images
    fields = {WEIGHT_FIELD: (1.0,) * len(images), **images.fields}
    return replace(images, file_name=tuple(str(below / name) for name in images.file_name), fields=fields)


def _joined_images(first: Images, second: Images) -> Images:
    fields = {name: _column(first, name) + _column(second, name) for name in {**first.fields, **second.fields}}
    columns = [np.concatenate([getattr(part, name) for part in (first, second)]) for name in ("id", "width", "height")]
    return Images(columns[0], first.file_name + second.file_name, columns[1], columns[2], fields)


def _joined_annotations(first: Annotations, second: Annotations, image_id: IntArray) -> Annotations:
    after = int(first.id.max(initial=0)) + 1
    moved = replace(second, id=after + np.arange(len(second)), image_id=image_id)
    names = ("id", "image_id", "class_index", "box_xyxy", "area", "is_crowd")
    columns = {name: np.concatenate([getattr(first, name), getattr(moved, name)]) for name in names}
    fields = {name: _column(first, name) + _column(moved, name) for name in {**first.fields, **moved.fields}}
    return Annotations(**columns, fields=fields)


def _column(part: Images | Annotations, name: str) -> tuple[object, ...]:
    return part.fields.get(name, (None,) * len(part))
