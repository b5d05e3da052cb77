"""Non-maximum weighted (Zhou et al., CAD, ICCV Workshops 2017)."""

import numpy as np

from bunri.boxes import FloatArray
from bunri.compiled import compiled
from bunri.fuse.kernels import (
    Cells,
    Fused,
    Rule,
    Votes,
    best_overlap,
    empty_queue,
    empty_shelf,
    iou_of,
    merge_runs,
    put,
    room_of,
    store,
)


@compiled
def fuse_cells(cells: Cells, first: int, last: int, rule: Rule, votes: Votes, fused: Fused) -> None:
    """Fuse the cells ``first`` to ``last``.

    Boxes gather around the boxes NMS would keep, each at the one it overlaps most. The score is that of the kept box;
    the box is the mean of the gathered ones, weighted by score times IoU with the kept one.
    """
    room = room_of(cells, first, last)
    queue, kept, sums = empty_queue(room, len(rule.scale)), empty_shelf(room), np.empty((room, 5), np.float64)
    for cell in range(first, last):
        count, place = 0, cells.place[cell]
        for k in range(merge_runs(cells, cell, rule, queue)):
            box = cells.box[queue.row[k]]
            c = best_overlap(kept, count, box, rule.iou, cells.slack)
            if c < 0:
                c, count = count, count + 1
                sums[c] = 0.0
                put(kept, c, box[0], box[1], box[2], box[3])
                store(fused, place, c, min(queue.score[k], 1.0), box)
            _gather(sums[c], box, queue.score[k] * iou_of(kept.box[c], box))
        for c in range(count):
            if sums[c, 4] > 0:
                fused.box[place + c] = sums[c, :4] / sums[c, 4]
        fused.size[cell] = count


@compiled
def _gather(sums: FloatArray, box: FloatArray, weight: float) -> None:
    for side in range(4):
        sums[side] += weight * box[side]
    sums[4] += weight
