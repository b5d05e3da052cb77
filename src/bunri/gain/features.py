"""How two members' errors overlap, in three numbers that may foretell what fusing them brings."""

from dataclasses import asdict, dataclass

import numpy as np

from bunri.boxes import BoolArray, FloatArray, iou_matrix
from bunri.dataset import Dataset
from bunri.diagnosis.mistakes import FREE, SAME, Matches
from bunri.diagnosis.points import Ranked, ranked_of, ranking
from bunri.predictions import Predictions


@dataclass(frozen=True)
class OverlapFeatures:
    """Of a stronger member and a weaker one, each with its scores from the threshold of its best F1 on.

    Attributes:
        rescued: mAP50 the stronger would rise by, if it found for sure also the objects that only the weaker finds, and
            took nothing else from it. No bound: fusing moves scores too.
        shared_false: Share of the stronger's false boxes that the weaker has as well (same class, IoU 0.5 or more).
            What both dream fusing cannot sort out.
        behind: mAP50 of the stronger minus that of the weaker.
    """

    rescued: float
    shared_false: float
    behind: float

    @property
    def row(self) -> tuple[float, ...]:
        """The numbers as a regression takes them."""
        return tuple(asdict(self).values())


def overlap_features(stronger: Matches, weaker: Matches, dataset: Dataset) -> OverlapFeatures:
    """The features of two members matched (``bunri.diagnosis.mistakes.match``) on the same images."""
    before, after, other = (
        ranked.mAP50()
        for ranked in (
            ranked_of(stronger, dataset),
            _with_rescued(stronger, weaker, dataset),
            ranked_of(weaker, dataset),
        )
    )
    return OverlapFeatures(after - before, _shared_false(stronger, weaker), before - other)


def _with_rescued(stronger: Matches, weaker: Matches, dataset: Dataset) -> Ranked:
    """The stronger's ranking with the objects only the weaker finds put first, each once."""
    count = len(dataset.annotations)
    rescued = weaker.found(count) & ~stronger.found(count)
    ranked, rows = ranked_of(stronger, dataset), np.flatnonzero(rescued)
    taken = stronger.truth_row[ranking(stronger)]
    late = (taken != FREE) & rescued[taken]  # found by the stronger too, but below its threshold
    class_index = np.concatenate([dataset.annotations.class_index[rows], ranked.class_index[~late]])
    score = np.concatenate([np.full(len(rows), 2.0), ranked.score[~late]])
    is_hit = np.concatenate([np.ones(len(rows), bool), ranked.is_hit[~late]])
    return Ranked(class_index, score, is_hit, ranked.objects)


def _shared_false(stronger: Matches, weaker: Matches) -> float:
    false = stronger.shown & (stronger.truth_row == FREE)
    if not false.any():
        return 0.0
    return float(_confirmed(stronger.predictions[false], weaker.predictions[weaker.shown]).mean())


def _confirmed(boxes: Predictions, others: Predictions) -> BoolArray:
    """Boxes ``(N,)`` that overlap another member's box of their image and class."""
    result, classes = (
        np.zeros(len(boxes), bool),
        int(max(boxes.class_index.max(), others.class_index.max(initial=0))) + 1,
    )
    own, other = boxes.image_id * classes + boxes.class_index, others.image_id * classes + others.class_index
    for key in np.intersect1d(own, other):
        mine = np.flatnonzero(own == key)
        overlap: FloatArray = iou_matrix(boxes.box_xyxy[mine], others.box_xyxy[other == key])
        result[mine] = (overlap >= SAME).any(axis=1)
    return result
