"""Which images count: those a model looked at that are in the data set."""

from collections.abc import Sequence

import numpy as np

from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.errors import DataError, UsageError
from bunri.predictions import Predictions


def counted_images(predictions: Sequence[Predictions], dataset: Dataset) -> IntArray:
    """Sorted ids of the images of the data set that every member looked at.

    Raises:
        DataError: There is none, or a class is not one of the data set.
    """
    for member in predictions:
        check_classes(member, dataset)
    ids = common_images(predictions, dataset)
    if not len(ids):
        raise no_image_counts([member.name for member in predictions])
    return ids


def common_images(predictions: Sequence[Predictions], dataset: Dataset) -> IntArray:
    """Sorted ids of the images of the data set that every member looked at; there may be none."""
    ids = np.unique(dataset.images.id)
    for member in predictions:
        ids = np.intersect1d(ids, member.seen_image_id, assume_unique=True)
    return ids


def no_image_counts(names: Sequence[str]) -> DataError:
    """The error where members of some names looked at no image of the data set."""
    return DataError(
        f"at least one image must be in the data set and looked at by "
        f"{', '.join(name or 'predictions' for name in names or [''])}, but there is none. "
        "Check that predictions and annotations belong together."
    )


def check_classes(predictions: Predictions, dataset: Dataset) -> None:
    """Refuse predictions of a class the data set does not have.

    Raises:
        DataError: Names the class index.
    """
    count = len(dataset.class_names)
    if len(predictions) and predictions.class_index.max() >= count:
        raise DataError(
            f"class_index of {predictions.name or 'predictions'} must be below {count}, the number of classes, "
            f"but got {predictions.class_index.max()}. Check the order of classes."
        )


def check_floor(min_score: float) -> None:
    """Refuse a floor that no score can have.

    Raises:
        UsageError: Says what came.
    """
    if not 0 <= min_score <= 1:
        raise UsageError(f"min_score must lie in [0, 1], but got {min_score}")
