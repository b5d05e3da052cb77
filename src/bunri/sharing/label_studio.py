"""Tasks of Label Studio with boxes: annotations of the truth, pre-annotations of predictions with their scores.

Format: https://labelstud.io/guide/predictions and https://labelstud.io/guide/tasks; a box is in percent of the photo.
Label Studio's own converter reads COCO too, but drops the scores. What people have corrected, Label Studio exports as
COCO JSON, which :func:`bunri.load_dataset` reads; so does CVAT, whose import and export ``COCO 1.0`` is our own format.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

from bunri.boxes import FloatArray, xyxy_to_xywh
from bunri.dataset import Dataset
from bunri.files import write_json
from bunri.predictions import Predictions

CONTROL, OBJECT = "label", "image"
"""Names of the tags in the labelling config that results refer to."""

LOCAL_FILES = "/data/local-files/?d="
"""Where Label Studio serves files of its own machine from."""


def label_studio_config(dataset: Dataset) -> str:
    """The labelling config of a project: a photo, and boxes with the classes of the data set."""
    labels = "\n".join(f"    <Label value={quoteattr(name)}/>" for name in dataset.class_names)
    return (
        f'<View>\n  <Image name="{OBJECT}" value="$image"/>\n'
        f'  <RectangleLabels name="{CONTROL}" toName="{OBJECT}">\n{labels}\n  </RectangleLabels>\n</View>\n'
    )


def label_studio_tasks(
    dataset: Dataset, predictions: Predictions | None = None, min_score: float = 0.3, photo_url: str = LOCAL_FILES
) -> list[dict[str, Any]]:
    """A task for each image; with predictions those they looked at, their boxes to be corrected.

    Args:
        dataset: Images and, where there are any, annotated boxes.
        predictions: Pre-annotations in place of the annotated boxes.
        min_score: Predicted boxes below it are left out.
        photo_url: What stands before each file name.
    """
    if predictions is None:
        return [_task(dataset, row, photo_url, "annotations", _truth(dataset, row)) for row in range(len(dataset))]
    seen = dataset.rows_of(predictions.seen_image_id).tolist()
    found = predictions.above(min_score).clipped(dataset)
    return [_task(dataset, row, photo_url, "predictions", _found(found, dataset, row)) for row in seen]


def write_label_studio(
    path: Path,
    dataset: Dataset,
    predictions: Predictions | None = None,
    min_score: float = 0.3,
    photo_url: str = LOCAL_FILES,
) -> None:
    """Write :func:`label_studio_tasks` as the JSON that Label Studio imports.

    Raises:
        OutputError: The file cannot be written.
    """
    write_json(path, label_studio_tasks(dataset, predictions, min_score, photo_url))


def _task(dataset: Dataset, row: int, photo_url: str, kind: str, block: dict[str, Any]) -> dict[str, Any]:
    data = {"image": photo_url + dataset.images.file_name[row], "image_id": int(dataset.images.id[row])}
    return {"data": data, kind: [block]}


def _truth(dataset: Dataset, row: int) -> dict[str, Any]:
    truth = dataset.annotations
    mine = np.flatnonzero((truth.image_id == dataset.images.id[row]) & ~truth.is_crowd)
    names = [dataset.class_names[index] for index in truth.class_index[mine]]
    return {"result": list(_results(dataset, row, truth.box_xyxy[mine], names))}


def _found(predictions: Predictions, dataset: Dataset, row: int) -> dict[str, Any]:
    boxes = predictions[predictions.image_id == dataset.images.id[row]]
    names = [dataset.class_names[index] for index in boxes.class_index]
    results = list(_results(dataset, row, boxes.box_xyxy, names))
    for result, score in zip(results, boxes.score.tolist(), strict=True):
        result["score"] = score
    lowest = min(boxes.score.tolist(), default=0.0)  # tasks are sorted by it: the doubtful ones first
    return {"model_version": predictions.name or "bunri", "score": lowest, "result": results}


def _results(dataset: Dataset, row: int, box_xyxy: FloatArray, names: list[str]) -> Iterator[dict[str, Any]]:
    width, height = int(dataset.images.width[row]), int(dataset.images.height[row])
    percent = xyxy_to_xywh(box_xyxy) / np.array([width, height] * 2) * 100
    for number, (name, (x, y, w, h)) in enumerate(zip(names, percent.tolist(), strict=True)):
        yield {
            "id": f"box{number}",
            "type": "rectanglelabels",
            "from_name": CONTROL,
            "to_name": OBJECT,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {"x": x, "y": y, "width": w, "height": h, "rotation": 0, "rectanglelabels": [name]},
        }
