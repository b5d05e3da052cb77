"""pycocotools on our data set and predictions, with annotation ids from 1, as it needs them."""

import contextlib
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from bunri.boxes import xyxy_to_xywh
from bunri.dataset import Dataset
from bunri.predictions import Predictions


def pycocotools_precision(predictions: Predictions, dataset: Dataset, max_boxes: int = 100) -> np.ndarray:
    """Precision ``(10, 101, C, 4)``, -1 without truth."""
    truth = dataset.annotations
    xywh = xyxy_to_xywh(truth.box_xyxy)
    results = np.column_stack(
        [
            predictions.image_id,
            xyxy_to_xywh(predictions.box_xyxy),
            predictions.score,
            dataset.category_ids[predictions.class_index],
        ]
    )
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = {
            "info": {},
            "images": [{"id": int(i), "width": 1, "height": 1} for i in dataset.images.id],
            "categories": [{"id": int(i)} for i in dataset.category_ids],
            "annotations": [
                {
                    "id": row + 1,
                    "image_id": int(truth.image_id[row]),
                    "category_id": int(dataset.category_ids[truth.class_index[row]]),
                    "bbox": xywh[row].tolist(),
                    "area": float(truth.area[row]),
                    "iscrowd": int(truth.is_crowd[row]),
                }
                for row in range(len(truth))
            ],
        }
        reference.createIndex()
        evaluation = COCOeval(reference, reference.loadRes(results), "bbox")
        evaluation.params.maxDets = [max_boxes]
        evaluation.evaluate()
        evaluation.accumulate()
    return np.asarray(evaluation.eval["precision"][..., 0])
