"""Weighted boxes fusion (Solovyev, Wang, Gabruseva; arXiv:1910.13302)."""

from bunri.boxes import FloatArray
from bunri.compiled import compiled, compiled_part
from bunri.fuse.kernels import Cells, Fused, Rule, Scratch, Votes, best_overlap, merge_runs, put, store
from bunri.sorting_kernels import ZERO, sort_falling

AVG, MAX, BOX_AND_MODEL_AVG, ABSENT_MODEL_AWARE_AVG = range(4)

TINY = 2.0**-1000
"""Added to the score as weight of a box, so that a cluster of boxes of score 0 lies in their middle; exact in sums."""

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
        count = ZERO
        for k in range(merge_runs(cells, cell, rule, scratch)):
            c = best_overlap(scratch, count, cells, scratch.row[k], rule.iou)
            if c < 0:
                _found(cells, scratch, count, k, rule)
                count += 1
            else:
                _join(cells, scratch, c, k, rule)
        for c in range(count):
            scratch.order[c] = c
            scratch.final[c] = confidence(scratch.sums, c, rule.kind, votes, cells.image[cell])
        sort_falling(scratch.order, scratch.final, ZERO, count)
        for k in range(count):
            c = scratch.order[k]
            store(fused, cells.place[cell] + k, scratch.final[c], scratch.box, c)
        fused.size[cell] = count


@compiled_part
def _found(cells: Cells, scratch: Scratch, c: int, k: int, rule: Rule) -> None:
    """Let box ``k`` of the line found cluster ``c``."""
    row, own, score, sums = scratch.row[k], scratch.member[k], scratch.score[k], scratch.sums
    for m in range(len(rule.scale)):
        scratch.joined[c, m] = 0.0
    scratch.joined[c, own] = 1.0
    sums[c, SCORE], sums[c, HIGHEST], sums[c, BOXES] = score, score, 1.0
    sums[c, WEIGHT], sums[c, MEMBER_WEIGHT] = rule.scale[own], rule.scale[own]
    for side in range(4):
        sums[c, X1 + side] = (score + TINY) * cells.box[row, side]
    put(scratch, c, cells.box[row, 0], cells.box[row, 1], cells.box[row, 2], cells.box[row, 3])


@compiled_part
def _join(cells: Cells, scratch: Scratch, c: int, k: int, rule: Rule) -> None:
    """Let box ``k`` of the line join cluster ``c`` and move it."""
    row, m, score, sums = scratch.row[k], scratch.member[k], scratch.score[k], scratch.sums
    sums[c, SCORE] += score
    sums[c, WEIGHT] += rule.scale[m]
    sums[c, BOXES] += 1.0
    sums[c, MEMBER_WEIGHT] += rule.scale[m] * (1.0 - scratch.joined[c, m])
    scratch.joined[c, m] = 1.0
    for side in range(4):
        sums[c, X1 + side] += (score + TINY) * cells.box[row, side]
    total = sums[c, SCORE] + TINY * sums[c, BOXES]
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
