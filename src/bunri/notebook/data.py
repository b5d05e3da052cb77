"""A data set and predictions as a notebook shows them."""

import numpy as np

from bunri.dataset import Dataset
from bunri.notebook import html
from bunri.notebook.pictures import some_photos
from bunri.predictions import Predictions

SCORE_EDGES = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9)


def dataset_html(dataset: Dataset) -> str:
    """Counts of each class, and some photos where they are known."""
    boxes = dataset.boxes_per_class()
    title = f"Dataset: {len(dataset):,} images, {int(boxes.sum()):,} boxes, {len(boxes)} classes"
    share = 100 * boxes / max(int(boxes.sum()), 1)
    rows = zip(dataset.class_names, boxes.tolist(), (f"{part:.1f}%" for part in share), strict=True)
    return html.block(title, html.table(["class", "boxes", "share"], rows), some_photos(dataset))


def predictions_html(predictions: Predictions) -> str:
    """How many boxes from which score on, and of which class; names and photos are the data set's, see ``show``."""
    name = f" {predictions.name}" if predictions.name else ""
    title = f"Predictions{name}: {len(predictions):,} boxes on {len(predictions.seen_image_id):,} images"
    scores = [(f"≥ {edge:g}", int(np.count_nonzero(predictions.score >= edge))) for edge in SCORE_EDGES]
    classes = np.unique(predictions.class_index, return_counts=True)
    of_class = zip(*(column.tolist() for column in classes), strict=True)
    tables = html.table(["score", "boxes"], scores), html.table(["class index", "boxes"], of_class)
    side_by_side = "".join(f"<div>{part}</div>" for part in tables)
    return html.block(title, f'<div style="display:flex;gap:2em">{side_by_side}</div>')
