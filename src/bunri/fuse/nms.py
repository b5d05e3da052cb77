"""Non-maximum suppression over the boxes of all members: of boxes that overlap, the one of the highest score stays."""

from bunri.compiled import compiled
from bunri.fuse.kernels import (
    Cells,
    Fused,
    Rule,
    Votes,
    best_overlap,
    empty_queue,
    empty_shelf,
    merge_runs,
    put,
    room_of,
    store,
)


@compiled
def fuse_cells(cells: Cells, first: int, last: int, rule: Rule, votes: Votes, fused: Fused) -> None:
    """Fuse the cells ``first`` to ``last``; a box goes when its IoU with a kept one is above the threshold."""
    room = room_of(cells, first, last)
    queue, kept = empty_queue(room, len(rule.scale)), empty_shelf(room)
    for cell in range(first, last):
        count = 0
        for k in range(merge_runs(cells, cell, rule, queue)):
            box = cells.box[queue.row[k]]
            if best_overlap(kept, count, box, rule.iou, cells.slack) < 0:
                put(kept, count, box[0], box[1], box[2], box[3])
                store(fused, cells.place[cell], count, min(queue.score[k], 1.0), box)
                count += 1
        fused.size[cell] = count
