"""Data and predictions as FiftyOne's samples (https://docs.voxel51.com/user_guide/using_datasets.html#object-detection).

FiftyOne keeps data sets in a MongoDB of its own; samples are made without it, so that they can be made anywhere::

    samples = to_fiftyone(dataset, [yolo, faster_rcnn])
    fiftyone.Dataset("trash").add_samples(samples)
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bunri.boxes import FloatArray, IntArray, xyxy_to_xywh
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.predictions import Predictions
from bunri.sharing.packages import package


def to_fiftyone(dataset: Dataset, predictions: Sequence[Predictions] = (), truth: str = "ground_truth") -> list[Any]:
    """A ``fiftyone.Sample`` for each image: its boxes in the field ``truth``, those of each member in one of its name.

    A member that did not look at an image has no field there; one that found nothing has an empty one.

    Raises:
        DataError: The image folder is not known, or members have no names or the same.
        MissingPackageError: FiftyOne is not installed.
    """
    names = [truth, *(member.name for member in predictions)]
    if len(set(names)) < len(names) or not all(names):
        raise DataError(f"fields of samples must have names of their own, but got {names}. Name them with .named(...)")
    fiftyone = package("fiftyone")
    return [_sample(fiftyone, dataset, predictions, truth, row) for row in range(len(dataset))]


def _sample(fiftyone: Any, dataset: Dataset, members: Sequence[Predictions], truth: str, row: int) -> Any:
    image_id, boxes = dataset.images.id[row], dataset.annotations
    mine = np.flatnonzero((boxes.image_id == image_id) & ~boxes.is_crowd)
    size = np.array([dataset.images.width[row], dataset.images.height[row]] * 2, np.float64)
    fields = {truth: _detections(fiftyone, dataset, boxes.class_index[mine], boxes.box_xyxy[mine] / size, None)}
    for member in members:
        if image_id in member.seen_image_id:
            found = member[member.image_id == image_id]
            fields[member.name] = _detections(fiftyone, dataset, found.class_index, found.box_xyxy / size, found.score)
    return fiftyone.Sample(filepath=str(dataset.path_of(row).resolve()), bunri_image_id=int(image_id), **fields)


def _detections(
    fiftyone: Any, dataset: Dataset, class_index: IntArray, box: FloatArray, score: FloatArray | None
) -> Any:
    """Boxes as shares of width and height, ``[x, y, width, height]``, as FiftyOne has them."""
    scores = [None] * len(box) if score is None else score.tolist()
    columns = zip(class_index.tolist(), xyxy_to_xywh(box).tolist(), scores, strict=True)
    return fiftyone.Detections(
        detections=[
            fiftyone.Detection(label=dataset.class_names[index], bounding_box=corners, confidence=confidence)
            for index, corners, confidence in columns
        ]
    )
