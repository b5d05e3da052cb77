"""The verb ``errors``: where a member loses its points."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bunri.boxes import BoolArray
from bunri.dataset import Dataset
from bunri.diagnosis.confusion import Confusion, confusion
from bunri.diagnosis.label_errors import DoubtfulLabel, doubtful_labels
from bunri.diagnosis.mistakes import Matches, match
from bunri.diagnosis.points import lost_points
from bunri.evaluate import Evaluation, evaluate
from bunri.evaluate.counted import counted_images
from bunri.evaluate.metrics import SIZES, none_if_nan
from bunri.evaluate.overlap import SIZE_BOUNDS
from bunri.fuse.reliability import Reliability, reliability
from bunri.predictions import Predictions

CROWDING: Mapping[str, tuple[int, float]] = {"1": (1, 1), "2 to 3": (2, 3), "4 to 7": (4, 7), "8 and more": (8, np.inf)}
"""Bins of the number of objects on a photo."""


@dataclass(frozen=True)
class Share:
    """How many of some objects are found above the threshold."""

    objects: int
    found: int

    @property
    def recall(self) -> float:
        """Share of the objects; NaN where there is none."""
        return self.found / self.objects if self.objects else float("nan")


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """Where points are lost.

    Attributes:
        evaluation: The scores.
        threshold: The score from which F1 over all classes is highest; counts are of boxes above it.
        counts: Boxes above the threshold by kind of mistake, and objects missed.
        lost: mAP50 lost to each kind of mistake, over all scores.
        by_size: Objects found by COCO's sizes.
        by_crowding: Objects found by how many there are on their photo.
        confusion: Which class is taken for which.
        reliability: What scores mean, over all classes.
        reliability_by_class: The same for each class by name.
        doubtful: Labels worth a second look.
    """

    evaluation: Evaluation
    threshold: float
    counts: Mapping[str, int]
    lost: Mapping[str, float]
    by_size: Mapping[str, Share]
    by_crowding: Mapping[str, Share]
    confusion: Confusion
    reliability: Reliability
    reliability_by_class: Mapping[str, Reliability]
    doubtful: Sequence[DoubtfulLabel]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "evaluation": self.evaluation.to_dict(),
            "threshold": self.threshold,
            "counts": dict(self.counts),
            "lost": {kind: none_if_nan(points) for kind, points in self.lost.items()},
            "by_size": {name: asdict(share) for name, share in self.by_size.items()},
            "by_crowding": {name: asdict(share) for name, share in self.by_crowding.items()},
            "confusion": self.confusion.to_dict(),
            "reliability": self.reliability.to_dict(),
            "reliability_by_class": {name: one.to_dict() for name, one in self.reliability_by_class.items()},
            "doubtful_labels": [doubt.to_dict() for doubt in self.doubtful],
        }


def diagnose(predictions: Predictions, dataset: Dataset, most_doubtful: int = 50) -> Diagnosis:
    """Find where a member loses its points, on the images it looked at.

    Args:
        predictions: Out of fold, or the doubtful labels mean nothing.
        dataset: The truth.
        most_doubtful: Doubtful labels that are kept.

    Raises:
        DataError: No image is in both, or a class is not one of the data set.
    """
    seen = predictions.of_images(counted_images([predictions], dataset))
    matches = match(seen, dataset)
    found = matches.found(len(dataset.annotations))
    real = np.isin(dataset.annotations.image_id, seen.seen_image_id) & ~dataset.annotations.is_crowd
    return Diagnosis(
        evaluation=evaluate(seen, dataset),
        threshold=matches.threshold,
        counts=_counts(matches, int(np.count_nonzero(real & ~found))),
        lost=lost_points(matches, dataset),
        by_size=_by_size(found, real, dataset),
        by_crowding=_by_crowding(found, real, dataset),
        confusion=confusion(matches, dataset),
        reliability=_reliability(matches, np.ones(len(seen), bool)),
        reliability_by_class={
            name: _reliability(matches, seen.class_index == index) for index, name in enumerate(dataset.class_names)
        },
        doubtful=doubtful_labels(seen, dataset, most_doubtful),
    )


def _counts(matches: Matches, missed: int) -> dict[str, int]:
    return {**{str(kind): count for kind, count in matches.counts().items()}, "missed": missed}


def _by_size(found: BoolArray, real: BoolArray, dataset: Dataset) -> dict[str, Share]:
    size = np.searchsorted(SIZE_BOUNDS, dataset.annotations.area, side="right")
    return {name: _share(found, real & (size == k)) for k, name in enumerate(SIZES)}


def _by_crowding(found: BoolArray, real: BoolArray, dataset: Dataset) -> dict[str, Share]:
    rows = dataset.rows_of(dataset.annotations.image_id)
    around = np.bincount(rows[real], minlength=len(dataset))[rows]
    return {name: _share(found, real & (around >= low) & (around <= high)) for name, (low, high) in CROWDING.items()}


def _share(found: BoolArray, objects: BoolArray) -> Share:
    return Share(int(np.count_nonzero(objects)), int(np.count_nonzero(objects & found)))


def _reliability(matches: Matches, rows: BoolArray) -> Reliability:
    counted = rows & ~matches.is_ignored
    return reliability(matches.predictions.score[counted], matches.truth_row[counted] >= 0)
