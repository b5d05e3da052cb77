"""Soft-NMS (Bodla et al., arXiv:1704.04503): boxes that overlap a kept one lose score instead of going."""

import math

import numpy as np

from bunri.boxes import FloatArray, IntArray
from bunri.compiled import compiled
from bunri.fuse.kernels import (
    Cells,
    Fused,
    Queue,
    Rule,
    Votes,
    empty_queue,
    iou_of,
    merge_runs,
    room_of,
    store,
)

LINEAR, GAUSSIAN = range(2)


@compiled
def fuse_cells(cells: Cells, first: int, last: int, rule: Rule, votes: Votes, fused: Fused) -> None:
    """Fuse the cells ``first`` to ``last``; scores are the decayed ones (the paper's, equation 3).

    A box is decayed by the kept ones only when it is about to be kept itself: scores only fall, so a box whose
    outdated score is below another's true one can wait. The order of decays, and so every bit, is the paper's.
    """
    room = room_of(cells, first, last)
    queue, heap = empty_queue(room, len(rule.scale)), np.empty(room, np.int64)
    met, kept = np.empty(room, np.int64), np.empty((room, 4), np.float64)
    for cell in range(first, last):
        waiting, count = merge_runs(cells, cell, rule, queue), 0
        for k in range(waiting):
            heap[k], met[k] = k, 0
        while waiting and queue.score[heap[0]] > rule.lowest:
            k = heap[0]
            box = cells.box[queue.row[k]]
            if met[k] == count:
                kept[count] = box
                store(fused, cells.place[cell], count, min(queue.score[k], 1.0), box)
                count, waiting = count + 1, waiting - 1
                heap[0] = heap[waiting]
            else:
                queue.score[k] = _decayed(queue.score[k], kept, met[k], count, box, rule)
                met[k] = count
            _sift_down(heap, waiting, queue)
        fused.size[cell] = count


@compiled
def _decayed(score: float, kept: FloatArray, first: int, last: int, box: FloatArray, rule: Rule) -> float:
    """The score after the decays by the kept boxes ``first`` to ``last``."""
    for j in range(first, last):
        overlap = iou_of(kept[j], box)
        if rule.kind == GAUSSIAN:
            if overlap > 0:
                score *= math.exp(-overlap * overlap / rule.sigma)
        elif overlap > rule.iou:
            score *= 1 - overlap
    return score


@compiled
def _sift_down(heap: IntArray, waiting: int, queue: Queue) -> None:
    """Let the first entry of a heap sink to its place; the highest score is on top, the earlier box of equal ones."""
    place = 0
    while 2 * place + 1 < waiting:
        child = 2 * place + 1
        if child + 1 < waiting and _before(heap[child + 1], heap[child], queue):
            child += 1
        if not _before(heap[child], heap[place], queue):
            return
        heap[place], heap[child] = heap[child], heap[place]
        place = child


@compiled
def _before(a: int, b: int, queue: Queue) -> bool:
    return bool(queue.score[a] > queue.score[b] or (queue.score[a] == queue.score[b] and a < b))
