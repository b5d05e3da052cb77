"""What a search works on: members, truth, and the folds that keep its score honest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.errors import DataError, UsageError
from bunri.evaluate.bootstrap import groups_of
from bunri.evaluate.counted import check_classes
from bunri.predictions import Predictions
from bunri.splits import image_groups, stratified_folds


@dataclass(frozen=True, eq=False)
class Task:
    """Members on I images in K folds.

    Attributes:
        members: Cut at the borders of their images, on the images that count only; names are unique.
        dataset: The images that count, in the order of their ids, with their boxes.
        fold: ``(I,)`` fold of each image.
        folds: K. Fitting "without fold K" means on all images.
        groups: ``(I,)`` images of one group are in one fold and are drawn together.
    """

    members: tuple[Predictions, ...]
    dataset: Dataset
    fold: IntArray
    folds: int
    groups: IntArray

    @property
    def names(self) -> tuple[str, ...]:
        """Of the members."""
        return tuple(member.name for member in self.members)

    @property
    def image_id(self) -> IntArray:
        """``(I,)`` sorted ids."""
        return self.dataset.images.id

    def training_weights(self) -> IntArray:
        """``(I, K + 1)``: 0 where an image is held out, 1 elsewhere; the last column has all images."""
        return np.asarray(self.fold[:, None] != np.arange(self.folds + 1), np.int64)

    def held_out(self, fold: int) -> dict[str, Predictions]:
        """The members on the images of one fold, by name."""
        ids = self.image_id[self.fold == fold]
        return {member.name: member.of_images(ids) for member in self.members}


def make_task(
    predictions: Sequence[Predictions],
    dataset: Dataset,
    folds: int = 5,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> Task:
    """Put members and truth together on the images of the data set any member looked at.

    Args:
        predictions: The members, with unique names.
        dataset: The truth.
        folds: Number of folds.
        seed: Of the folds.
        groups: One label for each image of the data set; None finds capture sessions where the data set has times.

    Raises:
        UsageError: There is no member, or two have one name.
        DataError: No member looked at an image of the data set, or there are fewer groups than folds.
    """
    _check_names(predictions)
    for member in predictions:
        check_classes(member, dataset)
    seen = np.unique(np.concatenate([member.seen_image_id for member in predictions]))
    counted = np.intersect1d(dataset.images.id, seen)
    if not len(counted):
        raise DataError("at least one image of the data set must be looked at by a member, but there is none")
    labels = groups_of(dataset, counted, capture_sessions(dataset) if groups is None else groups)
    part = dataset.subset(counted)
    members = tuple(member.of_images(counted).clipped(part) for member in predictions)
    groups = np.arange(len(counted)) if labels is None else labels
    return Task(members, part, stratified_folds(part, groups, folds, seed), folds, groups)


def _check_names(predictions: Sequence[Predictions]) -> None:
    names = [member.name for member in predictions]
    if not names or len(set(names)) < len(names) or "" in names:
        raise UsageError(f"members must be given, each with a name of its own, but got {names}")


def capture_sessions(dataset: Dataset, seconds: float = 120.0) -> IntArray | None:
    """Session ``(M,)`` of each image: photos taken within some seconds of the next; None where no times tell.

    Photos of one session show the same place; a fold that has one and scores on its neighbour is not honest.
    """
    if "date_captured" not in dataset.images.fields:
        return None
    try:
        sessions = image_groups(dataset, "date_captured", seconds, near_duplicates=False)
    except UsageError:  # not times: other tools write 0 or nothing here
        return None
    return sessions if np.bincount(sessions).max(initial=0) <= len(dataset) / 5 else None


def image_labels(dataset: Dataset, groups: str | None) -> IntArray | None:
    """Label of each image: of its session, of the value of a field, or its own; None leaves the choice to the search.

    Raises:
        UsageError: The images have no such field, or no times that tell sessions.
    """
    if groups is None:
        return None
    if groups == "none":
        return np.arange(len(dataset))
    if groups == "session":
        sessions = capture_sessions(dataset)
        if sessions is None:
            raise UsageError("sessions need images with date_captured at times that differ, but the file has none")
        return sessions
    if groups not in dataset.images.fields:
        known = ", ".join(dataset.images.fields) or "none"
        raise UsageError(f"groups must be session, none or a field of the images ({known}), but got {groups!r}")
    return np.unique([str(value) for value in dataset.images.fields[groups]], return_inverse=True)[1]
