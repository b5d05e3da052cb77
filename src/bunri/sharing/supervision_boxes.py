"""Predictions as ``supervision.Detections`` and back (https://supervision.roboflow.com/latest/detection/core/)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.predictions import Predictions, concatenate
from bunri.sharing.packages import package


def to_supervision(predictions: Predictions, dataset: Dataset, image_id: int, min_score: float = 0.0) -> Any:
    """The boxes of one image as ``supervision.Detections``.

    ``xyxy`` are pixels of the original image, ``class_id`` are class indexes, ``data["class_name"]`` their names.
    supervision keeps boxes in 32 bits when it draws; here they stay in 64.

    Raises:
        DataError: The image is not in the data set.
        MissingPackageError: supervision is not installed.
    """
    dataset.rows_of(np.array([image_id]))
    boxes = predictions.above(min_score)
    boxes = boxes[boxes.image_id == image_id]
    names = np.array(dataset.class_names)[boxes.class_index]
    return package("supervision").Detections(
        xyxy=boxes.box_xyxy.copy(),
        confidence=boxes.score.copy(),
        class_id=boxes.class_index.copy(),
        data={"class_name": names},
    )


def from_supervision(detections: Mapping[int, Any], name: str = "") -> Predictions:
    """Predictions of ``supervision.Detections`` by image id; an image with none was looked at and found empty.

    Raises:
        DataError: Detections have no confidence or no class.
    """
    return concatenate([_part(image_id, boxes) for image_id, boxes in detections.items()], name)


def _part(image_id: int, boxes: Any) -> Predictions:
    if len(boxes) and (boxes.confidence is None or boxes.class_id is None):
        raise DataError(f"detections must have confidence and class_id, but those of image {image_id} lack one")
    empty = np.empty(0)
    return Predictions(
        image_id=np.full(len(boxes), image_id),
        class_index=np.asarray(boxes.class_id if len(boxes) else empty, np.int64),
        score=np.asarray(boxes.confidence if len(boxes) else empty, np.float64),
        box_xyxy=np.asarray(boxes.xyxy, np.float64),
        seen_image_id=np.array([image_id]),
    )
