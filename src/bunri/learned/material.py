"""What a learned fusion is fitted on: candidates with features and labels, made once and used for every fold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bunri.boxes import BoolArray, IntArray
from bunri.dataset import Dataset
from bunri.evaluate.matching import match, objects_of
from bunri.learned.candidates import Candidates, make_candidates
from bunri.learned.features import Features, describe
from bunri.learned.labels import on_objects, true_candidates
from bunri.predictions import Predictions

SOURCE_SHARE = 0.9
"""A member whose mAP50 is at least this share of the best one's gives boxes; others only have a say in the scores."""


@dataclass(frozen=True, eq=False)
class Material:
    """N candidates and what is known of them.

    Attributes:
        candidates: The boxes.
        features: ``(N, F)``
        is_true: ``(N,)``
        on_object: ``(N,)`` of any class.
        is_ignored: ``(N,)`` on a crowd region: not for fitting.
        sources: Names of the members whose boxes became candidates.
        classes: C of the data set.
    """

    candidates: Candidates
    features: Features
    is_true: BoolArray
    on_object: BoolArray
    is_ignored: BoolArray
    sources: tuple[str, ...]
    classes: int

    def rows_of(self, images: BoolArray) -> IntArray:
        """Rows to fit on, of some images ``(I,)``."""
        return np.flatnonzero(images[self.candidates.boxes.image] & ~self.is_ignored)


def make_material(members: Sequence[Predictions], sources: Sequence[str], dataset: Dataset) -> Material:
    """Candidates from the boxes of the ``sources``, with features from all members."""
    candidates, classes = make_candidates(members, sources), len(dataset.class_names)
    is_true, is_ignored = true_candidates(candidates.boxes, candidates.image_id, dataset)
    on_object = is_true | on_objects(candidates.boxes, candidates.image_id, dataset)
    features = describe(candidates, classes)
    return Material(candidates, features, is_true, on_object, is_ignored, tuple(sources), classes)


def choose_sources(members: Sequence[Predictions], dataset: Dataset) -> tuple[str, ...]:
    """The members whose boxes become candidates.

    The best member on its own images, those nearly as good on the images both looked at, and whoever looked at an
    image that none of these did. The boxes of a much weaker member cost more than they bring; its scores help.
    """
    scores = [_mAP50(member, dataset, member.seen_image_id) for member in members]
    most_seen = max(len(member.seen_image_id) for member in members)
    rivals = [m for m in range(len(members)) if len(members[m].seen_image_id) >= most_seen / 2]
    best = members[max(rivals, key=lambda m: scores[m])]
    chosen = [member for member in members if member is best or _is_near(member, best, dataset)]
    seen = np.unique(np.concatenate([member.seen_image_id for member in chosen]))
    chosen += [m for m in members if m not in chosen and len(np.setdiff1d(m.seen_image_id, seen))]
    return tuple(member.name for member in members if member in chosen)


def _is_near(member: Predictions, best: Predictions, dataset: Dataset) -> bool:
    both = np.intersect1d(member.seen_image_id, best.seen_image_id)
    return len(both) > 0 and _mAP50(member, dataset, both) >= SOURCE_SHARE * _mAP50(best, dataset, both)


def _mAP50(member: Predictions, dataset: Dataset, image_id: IntArray) -> float:
    there = np.intersect1d(image_id, dataset.images.id)
    score = match(member, objects_of(dataset, there)).mAP50(np.ones((len(there), 1), np.int64))[0]
    return float(np.nan_to_num(score))
