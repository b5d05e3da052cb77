"""What kind of mistake each predicted box is, after TIDE (Bolya et al., arXiv:2008.08115, section 2.2).

Matching is that of COCO at IoU 0.5: boxes of an image, the best score first, take the free object of their class they
overlap most. A box of lower score never changes the match of a higher one, so one matching serves every threshold.
A box may be wrong in several ways; the first that fits of the order in ``_kinds_without_hits`` is said, TIDE's own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from bunri.boxes import BoolArray, FloatArray, IntArray, area, iou_matrix
from bunri.dataset import Dataset
from bunri.predictions import Predictions

Kind = Literal["hit", "class", "place", "both", "duplicate", "background"]

KINDS: tuple[Kind, ...] = ("hit", "class", "place", "both", "duplicate", "background")
"""Right; wrong class; badly placed; both; a second box on an object; nothing there."""

SAME = 0.5
"""IoU from which a box finds an object."""

NEAR = 0.1
"""IoU below which a box has nothing to do with an object."""

FREE = -1


@dataclass(frozen=True)
class Matches:
    """What each box of a member found.

    Attributes:
        predictions: The boxes, N rows.
        kind: ``(N,)`` position in ``KINDS``.
        truth_row: ``(N,)`` row of the annotation a hit took, -1 elsewhere.
        near_row: ``(N,)`` row of the annotation that a box of the wrong class or place would be a hit of, -1 elsewhere.
        is_ignored: ``(N,)`` boxes on a crowd region of their class, which are neither right nor wrong.
        threshold: The score from which F1 over all classes is highest; what is shown and counted lies above.
    """

    predictions: Predictions
    kind: IntArray
    truth_row: IntArray
    near_row: IntArray
    is_ignored: BoolArray
    threshold: float

    @property
    def shown(self) -> BoolArray:
        """``(N,)`` whether a box counts and lies above the threshold."""
        return (self.predictions.score >= self.threshold) & ~self.is_ignored

    def found(self, annotations: int) -> BoolArray:
        """Whether each of the annotations is found by a box above the threshold."""
        found = np.zeros(annotations, bool)
        found[self.truth_row[self.shown & (self.truth_row >= 0)]] = True
        return found

    def counts(self) -> dict[Kind, int]:
        """Number of boxes above the threshold of each kind."""
        amounts = np.bincount(self.kind[self.shown], minlength=len(KINDS))
        return dict(zip(KINDS, amounts.tolist(), strict=True))


def match(predictions: Predictions, dataset: Dataset) -> Matches:
    """Match the boxes of one member with the truth."""
    kind = np.full(len(predictions), KINDS.index("background"))
    truth_row, near_row = (np.full(len(predictions), FREE) for _ in range(2))
    for boxes, truths in _per_image(predictions, dataset):
        kind[boxes], truth_row[boxes], near_row[boxes] = _match_image(predictions, dataset, boxes, truths)
    is_ignored = _on_crowds(predictions, dataset) & (truth_row == FREE)
    counted = np.isin(dataset.annotations.image_id, predictions.seen_image_id) & ~dataset.annotations.is_crowd
    threshold = best_f1_threshold(predictions.score[~is_ignored], truth_row[~is_ignored] >= 0, int(counted.sum()))
    return Matches(predictions, kind, truth_row, near_row, is_ignored, threshold)


def _on_crowds(predictions: Predictions, dataset: Dataset) -> BoolArray:
    """Boxes ``(N,)`` of which a crowd region of their class covers half."""
    covered = np.zeros(len(predictions), bool)
    truth = dataset.annotations
    for crowd in np.flatnonzero(truth.is_crowd):
        same = (predictions.image_id == truth.image_id[crowd]) & (predictions.class_index == truth.class_index[crowd])
        rows = np.flatnonzero(same)
        box = predictions.box_xyxy[rows]
        sides = np.minimum(box[:, 2:], truth.box_xyxy[crowd, 2:]) - np.maximum(box[:, :2], truth.box_xyxy[crowd, :2])
        covered[rows] |= np.clip(sides, 0, None).prod(axis=1) >= SAME * area(box)
    return covered


def best_f1_threshold(score: FloatArray, hit: BoolArray, truths: int) -> float:
    """The score from which ``2 hits / (boxes + truths)`` is highest; 0 without boxes."""
    if not len(score):
        return 0.0
    order = np.argsort(-score, kind="stable")
    boxes = np.arange(1, len(score) + 1)
    f1 = 2 * np.cumsum(hit[order]) / (boxes + truths)
    last_of_its_score = np.append(score[order][1:] < score[order][:-1], True)
    return float(score[order][np.argmax(np.where(last_of_its_score, f1, -1.0))])


def _per_image(predictions: Predictions, dataset: Dataset) -> Iterator[tuple[IntArray, IntArray]]:
    """Rows of the boxes, best score first, and rows of the truth, of each image with boxes."""
    by_image = np.lexsort((-predictions.score, predictions.image_id))
    ids, starts = np.unique(predictions.image_id[by_image], return_index=True)
    real = np.flatnonzero(~dataset.annotations.is_crowd)
    real = real[np.argsort(dataset.annotations.image_id[real], kind="stable")]
    image_of_truth = dataset.annotations.image_id[real]
    for image, boxes in zip(ids, np.split(by_image, starts[1:]), strict=False):
        low, high = np.searchsorted(image_of_truth, [image, image + 1])
        yield boxes, real[low:high]


def _match_image(
    predictions: Predictions, dataset: Dataset, boxes: IntArray, truths: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Kind, truth row and near row of the boxes of one image, given the best score first."""
    overlap = iou_matrix(predictions.box_xyxy[boxes], dataset.annotations.box_xyxy[truths])
    same_class = predictions.class_index[boxes][:, None] == dataset.annotations.class_index[truths]
    own = np.where(same_class, overlap, 0.0)
    other = np.where(same_class, 0.0, overlap)
    kinds, rows = _kinds_without_hits(own, other), np.full(len(boxes), FREE)
    free = np.ones(len(truths), bool)
    for k in np.flatnonzero(own.max(axis=1, initial=0.0) >= SAME):
        taken = int(np.argmax(own[k] * free))
        if own[k, taken] >= SAME and free[taken]:
            kinds[k], rows[k], free[taken] = KINDS.index("hit"), truths[taken], False
    return kinds, rows, _near_rows(kinds, own, other, truths)


def _near_rows(kinds: IntArray, own: FloatArray, other: FloatArray, truths: IntArray) -> IntArray:
    rows = np.full(len(kinds), FREE)
    for kind, overlap in (("place", own), ("class", other)):
        mine = np.flatnonzero(kinds == KINDS.index(cast(Kind, kind)))
        rows[mine] = truths[overlap[mine].argmax(axis=1)] if len(mine) else FREE
    return rows


def _kinds_without_hits(own: FloatArray, other: FloatArray) -> IntArray:
    """Kinds of K boxes by their IoU ``(K, T)`` with objects of their class and of others, as if all were taken."""
    own, other = own.max(axis=1, initial=0.0), other.max(axis=1, initial=0.0)
    conditions = {
        "place": (own >= NEAR) & (own < SAME),
        "class": other >= SAME,
        "duplicate": own >= SAME,
        "both": other >= NEAR,
    }
    numbers = [KINDS.index(cast(Kind, kind)) for kind in conditions]
    return np.select(list(conditions.values()), numbers, KINDS.index("background")).astype(np.int64)
