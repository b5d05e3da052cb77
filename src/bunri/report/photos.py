"""The browser of pictures as compact data: boxes as flat rows of whole numbers, the worst photo first."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.diagnosis.by_image import rows_by_image
from bunri.diagnosis.mistakes import KINDS, Matches

UNITS = 1000
"""Of a photo's longer side: boxes are whole numbers of its thousandths."""

Photo = dict[str, Any]
"""``name``; ``size`` of the photo in ``UNITS``; ``truth``: rows of ``class, x, y, width, height`` one after the other;
``boxes``: for each member rows of ``class, score in percent, kind, place in truth or -1, x, y, width, height``, or None
where it did not look at the photo."""


def photos_of(members: Sequence[Matches], dataset: Dataset, judge: int = -1) -> tuple[list[Photo], IntArray]:
    """All photos some member looked at, those the ``judge`` is wrong on most often first; and their rows ``(P,)``.

    Boxes are those above each member's threshold.
    """
    rows = _worst_first(members, dataset, judge)
    ids = dataset.images.id[rows]
    real = np.flatnonzero(~dataset.annotations.is_crowd)
    truths = [real[found] for found in rows_by_image(dataset.annotations.image_id[real], ids)]
    boxes = [_boxes_by_photo(matches, dataset, ids, rows, truths) for matches in members]
    photos = [
        {
            "name": dataset.images.file_name[row],
            "size": _size(dataset, int(row)),
            "truth": _truth(dataset, int(row), truths[k]),
            "boxes": [of_member[k] for of_member in boxes],
        }
        for k, row in enumerate(rows)
    ]
    return photos, rows


def _worst_first(members: Sequence[Matches], dataset: Dataset, judge: int) -> IntArray:
    seen = np.unique(np.concatenate([matches.predictions.seen_image_id for matches in members]))
    rows = np.flatnonzero(np.isin(dataset.images.id, seen))
    return np.asarray(rows[np.argsort(-errors_per_image(members[judge], dataset)[rows], kind="stable")])


def errors_per_image(matches: Matches, dataset: Dataset) -> IntArray:
    """Wrong boxes above the threshold and missed objects on each image ``(M,)``."""
    truth = dataset.annotations
    missed = np.isin(truth.image_id, matches.predictions.seen_image_id) & ~truth.is_crowd & ~matches.found(len(truth))
    wrong = matches.shown & (matches.kind != KINDS.index("hit"))
    ids = np.concatenate([matches.predictions.image_id[wrong], truth.image_id[missed]])
    ids = ids[np.isin(ids, dataset.images.id)]
    return np.bincount(dataset.rows_of(ids), minlength=len(dataset))


def _size(dataset: Dataset, row: int) -> list[int]:
    width, height = int(dataset.images.width[row]), int(dataset.images.height[row])
    return [round(side * UNITS / max(width, height)) for side in (width, height)]


def _in_units(box_xyxy: "np.ndarray[Any, np.dtype[np.float64]]", dataset: Dataset, row: int) -> IntArray:
    """Boxes ``(N, 4)`` as ``x, y, width, height``."""
    scale = UNITS / max(int(dataset.images.width[row]), int(dataset.images.height[row]))
    corners = np.rint(box_xyxy * scale).astype(np.int64)
    corners[:, 2:] -= corners[:, :2]
    return corners


def _truth(dataset: Dataset, row: int, truths: IntArray) -> list[int]:
    classes = dataset.annotations.class_index[truths][:, None]
    box = _in_units(dataset.annotations.box_xyxy[truths], dataset, row)
    return np.hstack([classes, box]).ravel().tolist()


def _boxes_by_photo(
    matches: Matches, dataset: Dataset, ids: IntArray, rows: IntArray, truths: Sequence[IntArray]
) -> list[list[int] | None]:
    seen = np.isin(ids, matches.predictions.seen_image_id)
    shown = np.flatnonzero(matches.shown)
    found = [shown[part] for part in rows_by_image(matches.predictions.image_id[shown], ids)]
    return [_boxes(matches, dataset, int(row), found[k], truths[k]) if seen[k] else None for k, row in enumerate(rows)]


def _boxes(matches: Matches, dataset: Dataset, row: int, boxes: IntArray, truths: IntArray) -> list[int]:
    predictions = matches.predictions
    place = {int(truth): k for k, truth in enumerate(truths)}
    columns = (
        predictions.class_index[boxes],
        np.floor(predictions.score[boxes] * 100).astype(np.int64),
        matches.kind[boxes],
        np.array([place.get(int(truth), -1) for truth in matches.truth_row[boxes]], np.int64),
    )
    box = _in_units(predictions.box_xyxy[boxes], dataset, row)
    return np.hstack([np.stack(columns, axis=1), box]).ravel().tolist()
