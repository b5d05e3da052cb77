"""What each kind of mistake costs, in mAP50: how much it would rise if that kind alone were mended.

TIDE's main errors (Bolya et al., arXiv:2008.08115, section 2.3): a box of the wrong class or place becomes a hit of the
object it means, where that is not found already and no surer box means it too; every other wrong box is taken away; an
object that is missed, and that no mended box would find, need not be found any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.diagnosis.mistakes import FREE, KINDS, Kind, Matches

LEVELS = np.linspace(0.0, 1.0, 101)
"""pycocotools' recall levels."""

CHANGES_TO_HIT: tuple[Kind, ...] = ("class", "place")
"""Kinds that are mended by becoming right; the others by going away."""


@dataclass(frozen=True)
class Ranked:
    """Boxes as average precision sees them, and how many objects there are to find.

    Attributes:
        class_index: ``(N,)``
        score: ``(N,)``
        is_hit: ``(N,)``
        objects: ``(C,)`` to be found of each class.
    """

    class_index: IntArray
    score: FloatArray
    is_hit: BoolArray
    objects: IntArray

    def mAP50(self) -> float:
        """Mean over the classes with objects; NaN where there is none."""
        scored = [self._average_precision(int(c)) for c in np.flatnonzero(self.objects)]
        return float(np.mean(scored)) if scored else float("nan")

    def _average_precision(self, class_index: int) -> float:
        mine = np.flatnonzero(self.class_index == class_index)
        hits = np.cumsum(self.is_hit[mine[np.argsort(-self.score[mine], kind="stable")]])
        precision = hits / np.arange(1, len(hits) + 1)
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        place = np.searchsorted(hits / self.objects[class_index], LEVELS, side="left")
        reached = place < len(hits)
        return float(precision[place[reached]].sum() / len(LEVELS)) if len(hits) else 0.0


def lost_points(matches: Matches, dataset: Dataset) -> Mapping[str, float]:
    """mAP50 lost to each kind of mistake (``class``, ``place``, ``both``, ``duplicate``, ``background``, ``missed``).

    They do not add up to what is missing: mending one kind changes what the others cost. NaN where there is no object.
    """
    ranked = ranked_of(matches, dataset)
    now = ranked.mAP50()
    mended: dict[str, Ranked] = {kind: _mended(kind, matches, ranked, dataset) for kind in KINDS if kind != "hit"}
    mended["missed"] = _without_missed(matches, ranked, dataset)
    return {kind: _rise(now, after.mAP50()) for kind, after in mended.items()}


def _rise(before: float, after: float) -> float:
    """What mending adds; where nothing is left to be found there is nothing left to lose."""
    if np.isnan(after) and not np.isnan(before):
        return 1.0 - before
    return float(np.maximum(after - before, 0.0))


def ranked_of(matches: Matches, dataset: Dataset) -> Ranked:
    """The boxes of a member that count, by falling score, of equal scores those of the earlier image first."""
    order = ranking(matches)
    found = matches.predictions
    return Ranked(
        class_index=found.class_index[order],
        score=found.score[order],
        is_hit=matches.truth_row[order] != FREE,
        objects=_per_class(_counted(matches, dataset), dataset),
    )


def ranking(matches: Matches) -> IntArray:
    """Rows of the boxes that count, in the order of ``ranked_of``."""
    order = np.lexsort((matches.predictions.image_id, -matches.predictions.score))
    return order[~matches.is_ignored[order]]


def _mended(kind: Kind, matches: Matches, ranked: Ranked, dataset: Dataset) -> Ranked:
    order = ranking(matches)
    wrong = matches.kind[order] == KINDS.index(kind)
    right = np.zeros(len(order), bool)
    class_index = ranked.class_index.copy()
    if kind in CHANGES_TO_HIT:
        right[wrong] = _becomes_hit(matches, dataset)[order][wrong]
        class_index[right] = dataset.annotations.class_index[matches.near_row[order][right]]
    kept = ~wrong | right
    return Ranked(class_index[kept], ranked.score[kept], (ranked.is_hit | right)[kept], ranked.objects)


def _becomes_hit(matches: Matches, dataset: Dataset) -> BoolArray:
    """Boxes ``(N,)`` of the wrong class or place that would find an object nobody finds: of several the surest.

    Of class and place errors on one object the surest box of either is mended, as in TIDE.
    """
    becomes = np.zeros(len(matches.kind), bool)
    unfound = ~_found(matches, dataset)
    meant = np.flatnonzero(matches.near_row != FREE)
    meant = meant[unfound[matches.near_row[meant]]]
    meant = meant[np.argsort(-matches.predictions.score[meant], kind="stable")]
    _, first = np.unique(matches.near_row[meant], return_index=True)
    becomes[meant[first]] = True
    return becomes


def _without_missed(matches: Matches, ranked: Ranked, dataset: Dataset) -> Ranked:
    meant = np.zeros(len(dataset.annotations), bool)
    meant[matches.near_row[matches.near_row != FREE]] = True
    missed = _counted(matches, dataset) & ~_found(matches, dataset) & ~meant
    return Ranked(ranked.class_index, ranked.score, ranked.is_hit, ranked.objects - _per_class(missed, dataset))


def _found(matches: Matches, dataset: Dataset) -> BoolArray:
    found = np.zeros(len(dataset.annotations), bool)
    found[matches.truth_row[matches.truth_row != FREE]] = True
    return found


def _counted(matches: Matches, dataset: Dataset) -> BoolArray:
    truth = dataset.annotations
    return np.isin(truth.image_id, matches.predictions.seen_image_id) & ~truth.is_crowd


def _per_class(rows: BoolArray, dataset: Dataset) -> IntArray:
    return np.bincount(dataset.annotations.class_index[rows], minlength=len(dataset.class_names))
