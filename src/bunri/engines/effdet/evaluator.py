"""What effdet's own evaluator says of predictions, for the record beside our figures."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from effdet import CocoEvaluator
from pycocotools.coco import COCO

from bunri.dataset import Dataset
from bunri.predictions import Predictions


def coco_map(found: Predictions, truth: Dataset) -> dict[str, float]:
    """``map``, the mean over IoU 0.5 to 0.95 by effdet's COCO evaluator; nothing where there is no box to judge."""
    if not len(found):
        return {}
    parser = SimpleNamespace(coco=_coco(truth), img_ids=[int(i) for i in truth.images.id])
    evaluator = CocoEvaluator(SimpleNamespace(parser=parser))
    rows = np.column_stack([found.box_xyxy, found.score, found.class_index + 1.0])
    order = np.lexsort((-found.score, found.image_id))
    starts, ends = (np.searchsorted(found.image_id[order], truth.images.id, side) for side in ("left", "right"))
    evaluator.img_indices = list(range(len(truth)))
    evaluator.predictions = [rows[order[start:end]] for start, end in zip(starts, ends, strict=True)]
    return {"map": float(evaluator.evaluate())}


def _coco(truth: Dataset) -> Any:
    """The truth as pycocotools wants it, with annotation ids from 1 and category ids from 1 in the class order."""
    boxes, images = truth.annotations, truth.images
    corner, far = boxes.box_xyxy[:, :2], boxes.box_xyxy[:, 2:]
    box_xywh = np.concatenate([corner, far - corner], axis=1).tolist()
    coco = COCO()
    coco.dataset = {
        "images": [
            {"id": int(i), "width": int(w), "height": int(h)}
            for i, w, h in zip(images.id, images.width, images.height, strict=True)
        ],
        "categories": [{"id": i + 1, "name": name} for i, name in enumerate(truth.class_names)],
        "annotations": [
            {
                "id": row + 1,
                "image_id": int(boxes.image_id[row]),
                "category_id": int(boxes.class_index[row]) + 1,
                "bbox": box_xywh[row],
                "area": float(boxes.area[row]),
                "iscrowd": int(boxes.is_crowd[row]),
            }
            for row in range(len(boxes.id))
        ],
    }
    coco.createIndex()
    return coco
