"""Non-maximum weighted (Zhou et al., CAD, ICCV Workshops 2017)."""

from bunri.compiled import compiled
from bunri.fuse.kernels import Cells, Fused, Rule, Scratch, Votes, best_overlap, iou_of, merge_runs, put, store
from bunri.sorting_kernels import ZERO


@compiled
def fuse_cells(cells: Cells, first: int, last: int, rule: Rule, votes: Votes, scratch: Scratch, fused: Fused) -> None:
    """Fuse the cells ``first`` to ``last``.

    Boxes gather around the boxes NMS would keep, each at the one it overlaps most. The score is that of the kept box;
    the box is the mean of the gathered ones, weighted by score times IoU with the kept one.
    """
    box, sums = cells.box, scratch.sums
    for cell in range(first, last):
        count, place = ZERO, cells.place[cell]
        for k in range(merge_runs(cells, cell, rule, scratch)):
            row = scratch.row[k]
            c, score = best_overlap(scratch, count, cells, row, rule.iou), scratch.score[k]
            if c < 0:
                put(scratch, count, box[row, 0], box[row, 1], box[row, 2], box[row, 3])
                store(fused, place + count, score, box, row)
                for side in range(4):
                    sums[count, side] = score * box[row, side]
                sums[count, 4] = score
                count += 1
            else:
                weight = score * iou_of(scratch.box, c, box, row)
                for side in range(4):
                    sums[c, side] += weight * box[row, side]
                sums[c, 4] += weight
        for c in range(count):
            if sums[c, 4] > 0:
                for side in range(4):
                    fused.box[place + c, side] = sums[c, side] / sums[c, 4]
        fused.size[cell] = count
