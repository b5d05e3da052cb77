"""Predictions of several members as the cells the kernels fuse, and back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.fuse.kernels import Cells, Fused, Votes, order_of_runs, ranks_of
from bunri.predictions import Predictions


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
    classes = 1 + max((int(member.class_index.max()) for member in members if len(member)), default=0)
    runs = [_runs(member, image_id, classes) for member in members]
    return MemberColumns(image_id, seen, _cells(runs, classes))


@dataclass(frozen=True, eq=False)
class _Runs:
    cell: IntArray  # (R,) image rank * classes + class
    start: IntArray  # (R + 1,)
    score: FloatArray  # (N,)
    box: FloatArray  # (N, 4)


def _runs(member: Predictions, image_id: IntArray, classes: int) -> _Runs:
    sides = member.box_xyxy[:, 2:] - member.box_xyxy[:, :2]
    has_area = np.asarray((sides > 0).all(axis=1))
    if not has_area.all():
        member = member[has_area]
    rank = np.empty(len(member), np.int64)
    if len(member):
        ranks_of(image_id, member.image_id, rank)
    order, cell, start = order_of_runs(rank, member.class_index, member.score, len(image_id), classes)
    return _Runs(cell, start, member.score[order], member.box_xyxy[order])


def _cells(runs: Sequence[_Runs], classes: int) -> Cells:
    cell = np.unique(np.concatenate([run.cell for run in runs]))
    start, stop = np.zeros((2, len(cell), len(runs)), np.int64)
    before = 0
    for m, run in enumerate(runs):
        rows = np.searchsorted(cell, run.cell)
        start[rows, m], stop[rows, m] = run.start[:-1] + before, run.start[1:] + before
        before += len(run.score)
    box = np.concatenate([run.box for run in runs])
    return Cells(
        image=cell // classes,
        class_index=cell % classes,
        start=start,
        stop=stop,
        place=np.concatenate([[0], np.cumsum((stop - start).sum(axis=1))]),
        score=np.concatenate([run.score for run in runs]),
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
