"""Predictions of several members as the cells the kernels fuse, and back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.fuse.kernels import Cells, Fused, Votes
from bunri.predictions import Predictions
from bunri.sorted_boxes import SortedBoxes, sorted_boxes


@dataclass(frozen=True, eq=False)
class MemberColumns:
    """Members sorted once, to be fused as often as one likes.

    Attributes:
        image_id: ``(I,)`` sorted ids of the images any member looked at.
        seen: ``(I, M)`` which member looked at which image.
        cells: The boxes; those without area are left out, as they overlap nothing.
    """

    image_id: IntArray
    seen: BoolArray
    cells: Cells

    def votes(self, weights: FloatArray) -> Votes:
        """Per image, what members of weights ``(M,)`` could give; members of weight 0 are not counted."""
        present = np.where(self.seen, weights, 0.0)
        return Votes(
            np.count_nonzero(present, axis=1).astype(np.float64), present.sum(axis=1), present.max(axis=1, initial=0.0)
        )

    def empty_results(self) -> Fused:
        """Room for the results of one fusion."""
        boxes = len(self.cells.score)
        return Fused(np.empty(boxes), np.empty((boxes, 4)), np.zeros(len(self.cells.image), np.int64))


def member_columns(members: Sequence[Predictions]) -> MemberColumns:
    """Sort the boxes of members by image, class and falling score; of equal scores the earlier row comes first."""
    image_id = np.unique(np.concatenate([member.seen_image_id for member in members]))
    seen = np.stack([np.isin(image_id, member.seen_image_id) for member in members], axis=1)
    return MemberColumns(image_id, seen, _cells([sorted_boxes(_with_area(member), image_id) for member in members]))


def _with_area(member: Predictions) -> Predictions:
    box = member.box_xyxy
    has_area = np.asarray((box[:, 2] > box[:, 0]) & (box[:, 3] > box[:, 1]))
    return member if has_area.all() else member[has_area]


def _cells(members: Sequence[SortedBoxes]) -> Cells:
    classes = 1 + max(int(boxes.class_index.max(initial=0)) for boxes in members)
    keys = [boxes.image * classes + boxes.class_index for boxes in members]
    key = np.unique(np.concatenate(keys))
    start, stop = np.zeros((2, len(key), len(members)), np.int64)
    before = 0
    for m, boxes in enumerate(members):
        rows = np.searchsorted(key, keys[m])
        start[rows, m], stop[rows, m] = boxes.start[:-1] + before, boxes.start[1:] + before
        before += len(boxes.score)
    box = np.concatenate([boxes.box for boxes in members])
    return Cells(
        image=key // classes,
        class_index=key % classes,
        start=start,
        stop=stop,
        place=np.concatenate([[0], np.cumsum((stop - start).sum(axis=1))]),
        score=np.concatenate([boxes.score for boxes in members]),
        box=box,
        slack=float(np.abs(box).max(initial=1.0)) * 2.0**-21,
    )


def fused_predictions(columns: MemberColumns, fused: Fused, name: str) -> Predictions:
    """The results of one fusion as predictions, by image, class and falling score."""
    cells = columns.cells
    first = np.concatenate([[0], np.cumsum(fused.size)])
    rows = np.arange(first[-1]) + np.repeat(cells.place[:-1] - first[:-1], fused.size)
    return Predictions(
        image_id=columns.image_id[np.repeat(cells.image, fused.size)],
        class_index=np.repeat(cells.class_index, fused.size),
        score=fused.score[rows],
        box_xyxy=fused.box[rows],
        seen_image_id=columns.image_id,
        name=name,
    )
