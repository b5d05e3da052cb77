"""What a search works on: members, truth, and the folds that keep its score honest."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.errors import DataError, UsageError
from bunri.evaluate.bootstrap import Counts, groups_of
from bunri.evaluate.counted import check_classes
from bunri.fuse.columns import MemberColumns, member_columns
from bunri.predictions import Predictions
from bunri.search.stored import StoredMembers
from bunri.splits import image_groups, stratified_folds


class MemberBlock(NamedTuple):
    """What every member says of some images."""

    image_id: IntArray
    """``(I,)`` sorted ids of the images."""
    members: tuple[Predictions, ...]


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
    def is_whole(self) -> bool:
        """Whether the members are in memory."""
        return True

    @property
    def lowest_scores(self) -> dict[str, float]:
        """The floor each member came with, by name; NaN without boxes."""
        return {member.name: float(member.score.min()) if len(member) else math.nan for member in self.members}

    @cached_property
    def columns(self) -> Iterable[MemberColumns]:
        """The members sorted, block of images by block; as often as one likes."""
        return (member_columns(self.members),)

    def blocks(self) -> Iterator[MemberBlock]:
        """The members block of images by block."""
        yield MemberBlock(self.image_id, self.members)

    @property
    def image_id(self) -> IntArray:
        """``(I,)`` sorted ids."""
        return self.dataset.images.id

    def training_weights(self) -> Counts:
        """``(I, K + 1)``: 0 where an image is held out, 1 elsewhere; the last column has all images."""
        return np.asarray(self.fold[:, None] != np.arange(self.folds + 1), np.int16)

    def held_out(self, fold: int) -> dict[str, Predictions]:
        """The members on the images of one fold, by name."""
        ids = self.image_id[self.fold == fold]
        return {member.name: member.of_images(ids) for member in self.members}


@dataclass(frozen=True, eq=False)
class StoredTask(Task):
    """A task whose members are too large for memory; ``members`` is empty.

    Attributes:
        stored: The members.
    """

    stored: StoredMembers

    @property
    def names(self) -> tuple[str, ...]:
        """Of the members."""
        return self.stored.names

    @property
    def is_whole(self) -> bool:
        """Whether the members are in memory."""
        return False

    @property
    def lowest_scores(self) -> dict[str, float]:
        """The floor each member came with, by name; NaN without boxes."""
        return self.stored.lowest_scores

    @cached_property
    def columns(self) -> Iterable[MemberColumns]:
        """The members sorted, block of images by block; as often as one likes."""
        return self.stored

    def blocks(self) -> Iterator[MemberBlock]:
        """The members block of images by block."""
        for columns in self.stored:
            members = tuple(columns.member(m, name) for m, name in enumerate(self.names))
            yield MemberBlock(columns.image_id, members)


def make_task(
    predictions: Sequence[Predictions] | StoredMembers,
    dataset: Dataset,
    folds: int = 5,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> Task:
    """Put members and truth together on the images of the data set any member looked at.

    Args:
        predictions: The members, with unique names, in memory or stored.
        dataset: The truth.
        folds: Number of folds.
        seed: Of the folds.
        groups: One label for each image of the data set; None finds capture sessions where the data set has times.

    Raises:
        UsageError: There is no member, or two have one name.
        DataError: No member looked at an image of the data set, or there are fewer groups than folds.
    """
    if isinstance(predictions, StoredMembers):
        _check_names(predictions.names)
        counted = predictions.image_id
    else:
        _check_names([member.name for member in predictions])
        counted = _counted(predictions, dataset)
    if not len(counted):
        raise DataError("at least one image of the data set must be looked at by a member, but there is none")
    labels = groups_of(dataset, counted, capture_sessions(dataset) if groups is None else groups)
    part = dataset if np.array_equal(counted, dataset.images.id) else dataset.subset(counted)
    groups = np.arange(len(counted)) if labels is None else labels
    fold = stratified_folds(part, groups, folds, seed)
    if isinstance(predictions, StoredMembers):
        return StoredTask((), part, fold, folds, groups, predictions)
    members = tuple(member.of_images(counted).clipped(part) for member in predictions)
    return Task(members, part, fold, folds, groups)


def _counted(predictions: Sequence[Predictions], dataset: Dataset) -> IntArray:
    """Sorted ids of the images of the data set that any member looked at."""
    for member in predictions:
        check_classes(member, dataset)
    seen = np.unique(np.concatenate([member.seen_image_id for member in predictions]))
    return np.intersect1d(dataset.images.id, seen)


def _check_names(names: Sequence[str]) -> None:
    if not names or len(set(names)) < len(names) or "" in names:
        raise UsageError(f"members must be given, each with a name of its own, but got {list(names)}")


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
