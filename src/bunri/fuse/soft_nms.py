"""Soft-NMS (Bodla et al., arXiv:1704.04503): boxes that overlap a kept one lose score instead of going."""

import math

from bunri.boxes import FloatArray, IntArray
from bunri.compiled import compiled, compiled_part
from bunri.fuse.kernels import Cells, Fused, Rule, Scratch, Votes, iou_of, merge_runs, put, store

LINEAR, GAUSSIAN = range(2)


@compiled
def fuse_cells(cells: Cells, first: int, last: int, rule: Rule, votes: Votes, scratch: Scratch, fused: Fused) -> None:
    """Fuse the cells ``first`` to ``last``; scores are the decayed ones (the paper's, equation 3).

    A box is decayed by the kept ones only when it is about to be kept itself: scores only fall, so a box whose
    outdated score is below another's true one can wait. The order of decays, and so every bit, is the paper's.
    """
    heap, met, box = scratch.order, scratch.member, cells.box
    for cell in range(first, last):
        waiting = merge_runs(cells, cell, rule, scratch)
        fused.size[cell] = 0
        for k in range(waiting):
            heap[k] = k
            met[k] = 0
        while waiting > 0 and scratch.score[heap[0]] > rule.lowest:
            k, count = heap[0], fused.size[cell]
            row = scratch.row[k]
            if met[k] == count:
                put(scratch, count, box[row, 0], box[row, 1], box[row, 2], box[row, 3])
                store(fused, cells.place[cell] + count, scratch.score[k], box, row)
                fused.size[cell] += 1
                waiting -= 1
                heap[0] = heap[waiting]
            else:
                scratch.score[k] = _decayed(scratch, k, count, box, rule)
                met[k] = count
            _sift_down(heap, waiting, scratch.score)


@compiled_part
def _decayed(scratch: Scratch, k: int, count: int, box: FloatArray, rule: Rule) -> float:
    """The score of box ``k`` of the line after the decays by the kept boxes it has not met yet."""
    score, row = scratch.score[k], scratch.row[k]
    for j in range(scratch.member[k], count):
        overlap = iou_of(scratch.box, j, box, row)
        if rule.kind == GAUSSIAN:
            if overlap > 0:
                score *= math.exp(-overlap * overlap / rule.sigma)
        elif overlap > rule.iou:
            score *= 1 - overlap
    return float(score)


@compiled_part
def _sift_down(heap: IntArray, waiting: int, score: FloatArray) -> None:
    """Let the first entry of a heap sink to its place; the highest score is on top, the smaller entry of equal ones."""
    place, sinking = 0, heap[0]
    while 2 * place + 1 < waiting:
        child = 2 * place + 1
        if child + 1 < waiting:
            a, b = heap[child], heap[child + 1]
            if score[b] > score[a] or (score[b] == score[a] and b < a):
                child += 1
        upper = heap[child]
        if score[sinking] > score[upper] or (score[sinking] == score[upper] and sinking < upper):
            break
        heap[place] = upper
        place = child
    heap[place] = sinking
