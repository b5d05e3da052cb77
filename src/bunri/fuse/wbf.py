"""Weighted boxes fusion (Solovyev, Wang, Gabruseva; arXiv:1910.13302)."""

import numpy as np

from bunri.boxes import FloatArray
from bunri.compiled import compiled, compiled_part
from bunri.fuse.kernels import Cells, Fused, Rule, Scratch, Votes, best_overlap, merge_runs, put, store
from bunri.sorting_kernels import sort_falling

AVG, MAX, BOX_AND_MODEL_AVG, ABSENT_MODEL_AWARE_AVG = range(4)

SCORE, WEIGHT, MEMBER_WEIGHT, BOXES, HIGHEST, X1, Y1, X2, Y2 = range(9)
"""Columns of the sums of a cluster: of weighted scores, of the weights of its boxes, of the weights of its members, the
number of boxes, the highest weighted score, and the corners times weighted score."""


@compiled
def fuse_cells(cells: Cells, first: int, last: int, rule: Rule, votes: Votes, scratch: Scratch, fused: Fused) -> None:
    """Fuse the cells ``first`` to ``last``.

    From the highest score down, a box joins the cluster whose present box overlaps it most, or founds one. The box of a
    cluster is the mean of its boxes weighted by score; it moves as boxes join, at the cost of one addition.
    """
    for cell in range(first, last):
        fused.size[cell] = 0
        for k in range(merge_runs(cells, cell, rule, scratch)):
            c = best_overlap(scratch, fused.size[cell], cells, scratch.row[k], rule.iou)
            if c < 0:
                c = fused.size[cell]
                fused.size[cell] += 1
                for column in range(9):
                    scratch.sums[c, column] = 0.0
                for m in range(len(rule.scale)):
                    scratch.joined[c, m] = False
                scratch.sums[c, HIGHEST] = scratch.score[k]
            _join(cells, scratch, c, k, rule)
        for c in range(fused.size[cell]):
            scratch.order[c] = c
            scratch.final[c] = confidence(scratch.sums, c, rule.kind, votes, cells.image[cell])
        # np.int64, not the literal 0: numba would compile the sort once more for it
        sort_falling(scratch.order, scratch.final, np.int64(0), fused.size[cell])
        for k in range(fused.size[cell]):
            c = scratch.order[k]
            store(fused, cells.place[cell] + k, scratch.final[c], scratch.box, c)


@compiled_part
def _join(cells: Cells, scratch: Scratch, c: int, k: int, rule: Rule) -> None:
    """Let box ``k`` of the line join cluster ``c`` and move it; boxes of score 0 move nothing."""
    row, m, score, sums = scratch.row[k], scratch.member[k], scratch.score[k], scratch.sums
    sums[c, SCORE] += score
    sums[c, WEIGHT] += rule.scale[m]
    sums[c, BOXES] += 1
    if not scratch.joined[c, m]:
        scratch.joined[c, m] = True
        sums[c, MEMBER_WEIGHT] += rule.scale[m]
    for side in range(4):
        sums[c, X1 + side] += score * cells.box[row, side]
    if sums[c, BOXES] == 1:
        put(scratch, c, cells.box[row, 0], cells.box[row, 1], cells.box[row, 2], cells.box[row, 3])
    elif score > 0:
        total = sums[c, SCORE]
        put(scratch, c, sums[c, X1] / total, sums[c, Y1] / total, sums[c, X2] / total, sums[c, Y2] / total)


@compiled_part
def confidence(sums: FloatArray, c: int, kind: int, votes: Votes, image: int) -> float:
    """Score of cluster ``c`` on an image."""
    if kind == MAX:
        return float(sums[c, HIGHEST] / votes.weight_max[image])
    if kind == BOX_AND_MODEL_AVG:
        return float(sums[c, SCORE] / sums[c, WEIGHT] * sums[c, MEMBER_WEIGHT] / votes.weight_sum[image])
    if kind == ABSENT_MODEL_AWARE_AVG:
        return float(sums[c, SCORE] / (sums[c, WEIGHT] + votes.weight_sum[image] - sums[c, MEMBER_WEIGHT]))
    voters = min(votes.members[image], sums[c, BOXES])
    return float(sums[c, SCORE] / sums[c, BOXES] * voters / votes.weight_sum[image])
