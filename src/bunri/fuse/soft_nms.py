"""Soft-NMS (Bodla et al., arXiv:1704.04503): boxes that overlap a kept one lose score instead of going."""

import math

from bunri.compiled import compiled, compiled_part
from bunri.fuse.kernels import BLOCK, Cells, Fused, Rule, Scratch, Votes, iou_of, mark_overlaps, merge_runs, put, store
from bunri.sorting_kernels import ZERO

LINEAR, GAUSSIAN = range(2)

GONE = -math.inf
"""Value of a box that was kept: no box stands behind it."""


@compiled
def fuse_cells(cells: Cells, first: int, last: int, rule: Rule, votes: Votes, scratch: Scratch, fused: Fused) -> None:
    """Fuse the cells ``first`` to ``last``; scores are the decayed ones.

    Gaussian decays (the paper's equation 3) are subtracted from the logarithm of the score, so that a decay takes no
    exponential function; linear ones (equation 1) are multiplied.
    """
    for cell in range(first, last):
        waiting, count, start = merge_runs(cells, cell, rule, scratch), ZERO, ZERO
        _line_up(cells, waiting, rule, scratch)
        while start < waiting:
            best, highest = start, scratch.final[start]
            for k in range(start + 1, waiting):
                if scratch.final[k] > highest:
                    best, highest = k, scratch.final[k]
            score = _score(scratch, best, rule)
            if not score > rule.lowest:
                break
            store(fused, cells.place[cell] + count, score, scratch.box, best)
            count += 1
            _decay(cells, scratch, best, start, waiting, rule)
            scratch.final[best] = GONE
            while start < waiting and scratch.final[start] == GONE:
                start += 1
        fused.size[cell] = count


@compiled_part
def _line_up(cells: Cells, waiting: int, rule: Rule, scratch: Scratch) -> None:
    """Lay the boxes of the line on the shelf, and what they are ranked by into ``final``."""
    box = cells.box
    for k in range(waiting):
        row, score = scratch.row[k], scratch.score[k]
        put(scratch, k, box[row, 0], box[row, 1], box[row, 2], box[row, 3])
        scratch.final[k] = score if rule.kind == LINEAR else math.log(score)


@compiled_part
def _score(scratch: Scratch, k: int, rule: Rule) -> float:
    """The decayed score of box ``k``; one that never met another has its own, to the last bit."""
    own, value = scratch.score[k], scratch.final[k]
    return float(value if rule.kind == LINEAR or own <= 0 else own * math.exp(value - math.log(own)))


@compiled_part
def _decay(cells: Cells, scratch: Scratch, best: int, start: int, waiting: int, rule: Rule) -> None:
    """Take from the boxes of the line, from ``start`` on, what overlapping box ``best`` costs them."""
    linear = rule.kind == LINEAR
    iou, sharpness, final = rule.iou if linear else 0.0, 1 / rule.sigma, scratch.final
    mark_overlaps(scratch, waiting, cells, scratch.row[best], iou)
    for block in range(start // BLOCK, (waiting + BLOCK - 1) // BLOCK):
        if scratch.hits[block] != 0:
            for k in range(max(BLOCK * block, start), min(BLOCK * (block + 1), waiting)):
                if scratch.hit[k]:
                    overlap = iou_of(scratch.box, k, scratch.box, best)
                    if not linear:
                        final[k] -= overlap * overlap * sharpness
                    elif overlap > iou:
                        final[k] *= 1 - overlap
