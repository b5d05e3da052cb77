"""Whether an export finds what the framework finds, and what it scores."""

from dataclasses import dataclass

import numpy as np

from bunri.boxes import iou_matrix
from bunri.dataset import Dataset
from bunri.engines.exported.model import ExportedModel, predict_with
from bunri.errors import EngineError
from bunri.evaluate import evaluate
from bunri.predictions import Predictions

SURE, SAME_PLACE, SAME_SCORE, LEAST_SHARE = 0.05, 0.98, 0.01, 0.95
"""Boxes of at least the first score must be there again with at least this IoU and at most this difference of scores;
at least the last share of them, as a borderline case of suppression may fall otherwise."""

SAME_PIXEL = 0.1
"""Pixels; sides this near are the same, too: EfficientDet gives boxes without area, which overlap nothing."""


@dataclass(frozen=True)
class Alike:
    """A comparison with the framework, on the same photos.

    Attributes:
        photos: How many.
        boxes: Of the framework, with a score that matters.
        found: Of these, how many the export finds again.
    """

    photos: int
    boxes: int
    found: int


def mAP50_of(model: ExportedModel, photos: Dataset) -> float | None:
    """Of an export on annotated photos; None where they have no box."""
    mAP50 = evaluate(predict_with(model, photos), photos).mAP50
    return mAP50 if mAP50 == mAP50 else None


def compare_with_framework(model: ExportedModel, photos: Dataset, seen: Predictions) -> Alike:
    """Make sure that an export finds what the framework found on some photos.

    Raises:
        EngineError: It does not.
    """
    found = predict_with(model, photos)
    again, sure = boxes_again(seen, found)
    if again < LEAST_SHARE * sure:
        raise EngineError(
            f"an export must find what the framework finds, but on {len(photos)} photos it finds {again} of "
            f"{sure} boxes again. Nothing was written; please report this model's config."
        )
    return Alike(len(photos), sure, again)


def boxes_again(seen: Predictions, found: Predictions) -> tuple[int, int]:
    """How many boxes with a score that matters are there again, and how many there are."""
    sure = np.flatnonzero(seen.score >= SURE)
    return sum(_is_there(seen, int(row), found) for row in sure), len(sure)


def _is_there(seen: Predictions, row: int, found: Predictions) -> bool:
    like = (found.image_id == seen.image_id[row]) & (found.class_index == seen.class_index[row])
    like &= np.abs(found.score - seen.score[row]) <= SAME_SCORE
    box, others = seen.box_xyxy[row : row + 1], found.box_xyxy[like]
    same = iou_matrix(box, others)[0] >= SAME_PLACE
    return bool((same | (np.abs(others - box) <= SAME_PIXEL).all(axis=1)).any())
