"""Non-maximum suppression over the boxes of all members: of boxes that overlap, the one of the highest score stays."""

from bunri.compiled import compiled
from bunri.fuse.kernels import Cells, Fused, Rule, Scratch, Votes, best_overlap, merge_runs, put, store
from bunri.sorting_kernels import ZERO


@compiled
def fuse_cells(cells: Cells, first: int, last: int, rule: Rule, votes: Votes, scratch: Scratch, fused: Fused) -> None:
    """Fuse the cells ``first`` to ``last``; a box goes when its IoU with a kept one is above the threshold."""
    box = cells.box
    for cell in range(first, last):
        count = ZERO
        for k in range(merge_runs(cells, cell, rule, scratch)):
            row = scratch.row[k]
            if best_overlap(scratch, count, cells, row, rule.iou) < 0:
                put(scratch, count, box[row, 0], box[row, 1], box[row, 2], box[row, 3])
                store(fused, cells.place[cell] + count, scratch.score[k], box, row)
                count += 1
        fused.size[cell] = count
