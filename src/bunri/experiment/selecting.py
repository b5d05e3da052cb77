"""Some of the images of a data set: by their fields, or so many of a class."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bunri.config import Selection
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.settings import nearest


def select(dataset: Dataset, where: Mapping[str, Any], place: str) -> Dataset:
    """The images whose fields have the wanted values.

    Raises:
        DataError: The images have no such field, or none has such a value.
    """
    kept = np.ones(len(dataset), bool)
    for name, wanted in where.items():
        if name not in dataset.images.fields:
            raise DataError(
                f"{place}.{name}: must be a field of the images, which have {sorted(dataset.images.fields)}"
            )
        values = dataset.images.fields[name]
        kept &= np.array([value in wanted if isinstance(wanted, list) else value == wanted for value in values], bool)
    if not kept.any():
        raise DataError(f"{place}: must select at least one of {len(dataset)} images, but {dict(where)} selects none")
    return dataset if kept.all() else dataset.subset(dataset.images.id[kept])


def drawn(dataset: Dataset, selection: Selection, place: str) -> Dataset:
    """At most so many images of a class, drawn at random; the images keep their order.

    Images are looked at in random order and left out once one of their classes is on as many as it may be. Images
    without such a class all stay.

    Raises:
        DataError: The data set has no such class, or no image is left.
    """
    left = dict(selection.at_most)
    for name in left.keys() - set(dataset.class_names):
        raise DataError(f"{place}.{name}: must be a class of the data{nearest(name, list(dataset.class_names))}")
    if not left:
        return dataset
    kept = np.ones(len(dataset), bool)
    limited = [{name for name in names if name in left} for names in _classes_of_images(dataset)]
    for row in np.random.default_rng(selection.seed).permutation(len(dataset)):
        kept[row] = all(left[name] > 0 for name in limited[row])
        for name in limited[row] if kept[row] else ():
            left[name] -= 1
    if not kept.any():
        raise DataError(f"{place}: must leave at least one of {len(dataset)} images, but leaves none")
    return dataset.subset(dataset.images.id[kept])


def _classes_of_images(dataset: Dataset) -> list[set[str]]:
    names: list[set[str]] = [set() for _ in range(len(dataset))]
    annotations = dataset.annotations
    for row, class_index in zip(dataset.rows_of(annotations.image_id), annotations.class_index, strict=True):
        names[row].add(dataset.class_names[class_index])
    return names
