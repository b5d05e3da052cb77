"""What the page says of each member, from its boxes and the truth; and who finds what others miss."""

from collections.abc import Sequence

import numpy as np

from bunri.boxes import BoolArray
from bunri.dataset import Dataset
from bunri.diagnosis.diagnosing import Diagnosis, diagnose
from bunri.diagnosis.mistakes import Matches
from bunri.evaluate.metrics import SIZES, none_if_nan, precision_at_recall
from bunri.fuse.reliability import Reliability
from bunri.predictions import Predictions
from bunri.report.member_facts import Calibration, MemberFacts, Rescues, SizeFacts


def member_facts(member: Predictions, truth: Dataset, is_ensemble: bool) -> MemberFacts:
    """Where one member's points are.

    Raises:
        DataError: It has no image of the truth.
    """
    found = diagnose(member, truth, most_doubtful=0)
    return MemberFacts(
        name=member.name,
        is_ensemble=is_ensemble,
        threshold=found.threshold,
        AP50={name: none_if_nan(value) for name, value in found.evaluation.AP50.items()},
        precision=_precision(member, truth),
        counts=found.counts,
        lost={kind: none_if_nan(points) for kind, points in found.lost.items()},
        sizes=_sizes(found),
        crowding=found.by_crowding,
        confusion=found.confusion.count.tolist(),
        calibration=_calibration(found.reliability),
    )


def _precision(member: Predictions, truth: Dataset) -> dict[str, list[float]]:
    precision = precision_at_recall(member, truth)
    known = [c for c in range(len(truth.class_names)) if precision[0, c] >= 0]
    return {truth.class_names[c]: precision[:, c].round(3).tolist() for c in known}


def _sizes(found: Diagnosis) -> dict[str, SizeFacts]:
    scores = found.evaluation.mAP50_by_size
    return {size: SizeFacts(found.by_size[size], none_if_nan(scores[size])) for size in SIZES}


def _calibration(found: Reliability) -> Calibration:
    known = found.count > 0
    mean_score, share_true = (tuple(column[known].round(4).tolist()) for column in (found.mean_score, found.share_true))
    return Calibration(mean_score, share_true, found.ece)


def rescues(members: Sequence[Matches], truth: Dataset) -> Rescues:
    """Of the objects each member misses, the share each other finds, each above its threshold."""
    real = ~truth.annotations.is_crowd
    found = [matches.found(len(truth.annotations)) for matches in members]
    seen = [np.isin(truth.annotations.image_id, matches.predictions.seen_image_id) & real for matches in members]
    rows = range(len(members))
    return Rescues(
        members=[matches.predictions.name for matches in members],
        found=[_share(found[k], seen[k]) for k in rows],
        rescued=[[_share(found[b], seen[a] & seen[b] & ~found[a]) if a != b else None for b in rows] for a in rows],
    )


def _share(found: BoolArray, among: BoolArray) -> float | None:
    return float(found[among].mean()) if among.any() else None
