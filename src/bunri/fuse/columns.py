"""Predictions of several members as the cells the kernels fuse, and back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.dataset import freeze
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

    def member(self, m: int, name: str) -> Predictions:
        """The boxes of a member by image, class and falling score."""
        cells = self.cells
        size = cells.stop[:, m] - cells.start[:, m]
        image, class_index = np.repeat(cells.image, size), np.repeat(cells.class_index, size)
        first = int(cells.start[np.argmax(size > 0), m]) if len(image) else 0
        rows = slice(first, first + len(image))
        seen = self.image_id[self.seen[:, m]]
        return Predictions(self.image_id[image], class_index, cells.score[rows], cells.box[rows], seen, name)

    def empty_results(self) -> Fused:
        """Room for the results of one fusion."""
        boxes = len(self.cells.score)
        return Fused(np.empty(boxes), np.empty((boxes, 4)), np.zeros(len(self.cells.image), np.int64))


def member_columns(members: Sequence[Predictions]) -> MemberColumns:
    """Sort the boxes of members by image, class and falling score; of equal scores the earlier row comes first."""
    image_id = _union([member.seen_image_id for member in members])
    seen = np.stack([np.isin(image_id, member.seen_image_id) for member in members], axis=1)
    return MemberColumns(image_id, seen, _cells(members, [_with_area(member, image_id) for member in members]))


def _with_area(member: Predictions, image_id: IntArray) -> SortedBoxes:
    """Where the boxes stand that have an area."""
    boxes, box = sorted_boxes(member, image_id), member.box_xyxy
    has_area = np.asarray((box[:, 2] > box[:, 0]) & (box[:, 3] > box[:, 1]))
    if has_area.all():
        return boxes
    kept = has_area[boxes.row]
    before = np.concatenate([[0], np.cumsum(kept)])
    return replace(boxes, start=before[boxes.start], row=boxes.row[kept])


def _union(columns: Sequence[IntArray]) -> IntArray:
    """All values of sorted columns, sorted, each once: merged in linear time, where ``numpy.unique`` hashes."""
    merged = np.sort(np.concatenate(columns), kind="stable")
    return np.asarray(merged[np.concatenate([merged[:1] == merged[:1], merged[1:] != merged[:-1]])])


def _cells(members: Sequence[Predictions], sorted_members: Sequence[SortedBoxes]) -> Cells:
    classes = 1 + max(int(boxes.class_index.max(initial=0)) for boxes in sorted_members)
    keys = [boxes.image * classes + boxes.class_index for boxes in sorted_members]
    key = _union(keys)
    start, stop = np.zeros((2, len(key), len(members)), np.int64)
    first = np.cumsum([0, *(len(boxes.row) for boxes in sorted_members)])
    score, box = np.empty(first[-1]), np.empty((first[-1], 4))
    for m, (member, boxes) in enumerate(zip(members, sorted_members, strict=True)):
        cells = np.searchsorted(key, keys[m])
        start[cells, m], stop[cells, m] = boxes.start[:-1] + first[m], boxes.start[1:] + first[m]
        member.score.take(boxes.row, out=score[first[m] : first[m + 1]], mode="clip")
        member.box_xyxy.take(boxes.row, axis=0, out=box[first[m] : first[m + 1]], mode="clip")
    return Cells(
        image=key // classes,
        class_index=key % classes,
        start=start,
        stop=stop,
        place=np.concatenate([[0], np.cumsum((stop - start).sum(axis=1))]),
        score=score,
        box=box,
        slack=max(float(box.max(initial=1.0)), -float(box.min(initial=-1.0))) * 2.0**-21,
    )


def fused_predictions(columns: MemberColumns, fused: Fused, name: str) -> Predictions:
    """The results of one fusion as predictions, by image, class and falling score."""
    cells = columns.cells
    first = np.concatenate([[0], np.cumsum(fused.size)])
    rows = np.arange(first[-1]) + np.repeat(cells.place[:-1] - first[:-1], fused.size)
    image_id, class_index = (np.repeat(c, fused.size) for c in (columns.image_id[cells.image], cells.class_index))
    score, box = fused.score[rows], fused.box[rows]
    freeze((image_id, class_index, score, box))
    return Predictions(image_id, class_index, score, box, columns.image_id, name)
