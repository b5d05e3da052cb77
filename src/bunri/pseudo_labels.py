"""Confident predictions as annotations, to train on images nobody has labelled."""

import numpy as np

from bunri.boxes import area
from bunri.dataset import Annotations, Dataset
from bunri.predictions import Predictions


def pseudo_labels(predictions: Predictions, dataset: Dataset, min_score: float = 0.5) -> Dataset:
    """Every box of at least ``min_score`` as an annotation, cut at the border of its image.

    The images without such a box are left out: that nothing was found with confidence does not say nothing is there.
    The score and the name of the predictions are kept as fields ``score`` and ``origin``.

    Args:
        predictions: Boxes of one model or ensemble.
        dataset: The images they lie on; its own annotations are not used.
        min_score: Boxes below it are not trusted.

    Raises:
        DataError: A box lies on an image or is of a class that the data set does not have.
    """
    boxes = predictions.above(min_score).clipped(dataset)
    boxes = boxes[area(boxes.box_xyxy) > 0]
    boxes = boxes[np.argsort(dataset.rows_of(boxes.image_id), kind="stable")]
    unlabelled = dataset.subset(dataset.images.id[np.isin(dataset.images.id, boxes.image_id)])
    return Dataset(
        dataset.class_names,
        dataset.category_ids,
        unlabelled.images,
        _annotations(boxes),
        dataset.image_folder,
    )


def _annotations(boxes: Predictions) -> Annotations:
    return Annotations(
        id=np.arange(len(boxes)) + 1,
        image_id=boxes.image_id,
        class_index=boxes.class_index,
        box_xyxy=boxes.box_xyxy,
        area=area(boxes.box_xyxy),
        is_crowd=np.zeros(len(boxes), np.bool_),
        fields={"score": tuple(boxes.score.tolist()), "origin": (boxes.name,) * len(boxes)},
    )
