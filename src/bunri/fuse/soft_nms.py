"""Soft-NMS (Bodla et al., arXiv:1704.04503): boxes that overlap a kept one lose score instead of going."""

import math

from bunri.boxes import FloatArray, IntArray
from bunri.compiled import compiled, compiled_part
from bunri.fuse.kernels import BLOCK, Cells, Fused, Rule, Scratch, Votes, merge_runs, store
from bunri.sorting_kernels import ZERO

LINEAR, GAUSSIAN = range(2)

KEPT_BETWEEN = 16
"""After so many kept boxes those that can no longer be kept leave the line."""

STEEPEST = 1e300
"""Most a full overlap takes from a logarithm: finite, so that no overlap takes nothing."""

ROUNDING = 1e-9
"""How far a box must be beyond the lowest score, in its logarithm, to leave the line early."""


@compiled
def fuse_cells(cells: Cells, first: int, last: int, rule: Rule, votes: Votes, scratch: Scratch, fused: Fused) -> None:
    """Fuse the cells ``first`` to ``last``; scores are the decayed ones.

    The boxes that wait stand in a line, each with a *standing* in ``final``: its score where decays are linear
    (equation 1 of the paper); where they are Gaussian (equation 3) the negative logarithm of it, to which a decay is
    added, so that it takes no exponential function. A kept box decays the whole line in one loop without branches.
    """
    for cell in range(first, last):
        waiting, count, place = merge_runs(cells, cell, rule, scratch), ZERO, cells.place[cell]
        _line_up(cells, waiting, rule, scratch)
        while waiting > 0:
            k = _best(scratch.final_bits, waiting, rule.kind)
            own, standing = scratch.order[k], scratch.final[k]
            scratch.final[k] = 0.0 if rule.kind == LINEAR else math.inf
            row, score = scratch.row[own], _score(scratch, own, standing, rule)
            if not score > rule.lowest:
                break
            _decay(cells.box, row, waiting, rule, scratch.corners, scratch.final)
            store(fused, place + count, score, cells.box, row)
            count += 1
            if count % KEPT_BETWEEN == 0:
                waiting = _close_up(scratch, waiting, rule)
        fused.size[cell] = count


@compiled_part
def _line_up(cells: Cells, waiting: int, rule: Rule, scratch: Scratch) -> None:
    """Let the boxes of the cell wait in the order of their scores."""
    box, corners = cells.box, scratch.corners
    for k in range(waiting):
        row, score = scratch.row[k], scratch.score[k]
        for side in range(4):
            corners[side, k] = box[row, side]
        scratch.order[k] = k
        scratch.final[k] = score if rule.kind == LINEAR else 0.0 - math.log(score)
        scratch.value[k] = scratch.final[k]
    _fill_up(scratch, waiting, rule)


@compiled_part
def _fill_up(scratch: Scratch, waiting: int, rule: Rule) -> None:
    """Let what stands behind the line, to the end of its block, never be kept."""
    for k in range(waiting, (waiting + BLOCK - 1) // BLOCK * BLOCK):
        scratch.final[k] = 0.0 if rule.kind == LINEAR else math.inf


@compiled_part
def _best(bits: IntArray, waiting: int, kind: int) -> int:
    """The first box of the line whose standing is best.

    Standings are not negative, and such numbers are ordered as their bits are; the highest of integers is found with
    vector instructions, of floats, with which NaN must be thought of, it is not.
    """
    best = bits[0]
    if kind == LINEAR:
        for k in range((waiting + BLOCK - 1) // BLOCK * BLOCK):
            best = bits[k] if bits[k] > best else best
    else:
        for k in range((waiting + BLOCK - 1) // BLOCK * BLOCK):
            best = bits[k] if bits[k] < best else best
    place = ZERO
    while bits[place] != best:
        place += 1
    return place


@compiled_part
def _score(scratch: Scratch, own: int, standing: float, rule: Rule) -> float:
    """The decayed score of box ``own`` of the cell; one that never met another has its own, to the last bit."""
    if rule.kind == LINEAR:
        return float(standing)
    decay = standing - scratch.value[own]
    return float(scratch.score[own] * math.exp(-decay)) if decay > 0 else float(scratch.score[own])


@compiled_part
def _decay(box: FloatArray, row: int, waiting: int, rule: Rule, corners: FloatArray, final: FloatArray) -> None:
    """Take from the boxes of the line what overlapping box ``row`` costs them."""
    x1, y1, x2, y2 = box[row, 0], box[row, 1], box[row, 2], box[row, 3]
    lefts, tops, rights, bottoms = corners[0], corners[1], corners[2], corners[3]
    area, linear, sharpness = (x2 - x1) * (y2 - y1), rule.kind == LINEAR, min(1 / rule.sigma, STEEPEST)
    for k in range((waiting + BLOCK - 1) // BLOCK * BLOCK):
        left, top, right, bottom = lefts[k], tops[k], rights[k], bottoms[k]
        width = (right if right < x2 else x2) - (left if left > x1 else x1)
        height = (bottom if bottom < y2 else y2) - (top if top > y1 else y1)
        inter = (width if width > 0 else 0.0) * (height if height > 0 else 0.0)
        overlap = inter / ((right - left) * (bottom - top) + area - inter)
        if linear:
            final[k] *= 1 - (overlap if overlap > rule.iou else 0.0)
        else:
            final[k] += overlap * overlap * sharpness if overlap > 0 else 0.0  # nor where areas are infinite


@compiled_part
def _close_up(scratch: Scratch, waiting: int, rule: Rule) -> int:
    """Send away the boxes that can no longer be kept; the others keep their order. Returns their number."""
    linear, final, corners, kept = rule.kind == LINEAR, scratch.final, scratch.corners, ZERO
    least = rule.lowest if linear else ROUNDING - math.log(rule.lowest)
    for k in range(waiting):
        if (final[k] > least) if linear else (final[k] < least):
            final[kept], scratch.order[kept] = final[k], scratch.order[k]
            for side in range(4):
                corners[side, kept] = corners[side, k]
            kept += 1
    _fill_up(scratch, kept, rule)
    return int(kept)
