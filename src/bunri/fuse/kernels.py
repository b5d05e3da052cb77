"""Compiled loops all fusing methods share: sorting into runs, merging runs, and finding the overlapping box.

The layout: the boxes of a member are sorted once by image, class and falling score. A *run* is the boxes of one member
in one image and class; a *cell* is the runs of all members in one image and class. Methods work cell by cell, walk the
runs of a cell as one merge from the highest score down, and never sort again.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bunri.boxes import FloatArray, IntArray
from bunri.compiled import compiled

Float32Array = NDArray[np.float32]
ByteArray = NDArray[np.uint8]


class Cells(NamedTuple):
    """G cells of M members with N boxes, as compiled loops take them."""

    image: IntArray
    """``(G,)`` rank of the image, not falling."""
    class_index: IntArray
    """``(G,)``"""
    start: IntArray
    """``(G, M)`` first row of each run."""
    stop: IntArray
    """``(G, M)`` row after the last of each run."""
    place: IntArray
    """``(G + 1,)`` number of boxes in the cells before: where the results of a cell are written."""
    score: FloatArray
    """``(N,)`` falling within a run."""
    box: FloatArray
    """``(N, 4)``"""
    slack: float
    """What rounding a corner to float32 may take off the side of an intersection, in pixels."""


class Rule(NamedTuple):
    """How to fuse, in numbers."""

    scale: FloatArray
    """``(M,)`` factor on the scores of each member; 0 leaves it out."""
    floor: FloatArray
    """``(M,)`` boxes of a member with a lower score are left out."""
    iou: float
    """Boxes overlap when their IoU is above it."""
    kind: int
    """Which confidence (WBF) or which decay (Soft-NMS)."""
    sigma: float
    """Width of the Gaussian decay."""
    lowest: float
    """Decayed scores must be above it."""


class Votes(NamedTuple):
    """Per image, who could have voted: the members of a weight above 0 that looked at it."""

    members: FloatArray
    """``(images,)`` how many."""
    weight_sum: FloatArray
    """``(images,)``"""
    weight_max: FloatArray
    """``(images,)``"""


class Fused(NamedTuple):
    """Results, written from ``Cells.place`` of each cell on, by falling score."""

    score: FloatArray
    """``(N,)``"""
    box: FloatArray
    """``(N, 4)``"""
    size: IntArray
    """``(G,)`` number of results."""


class Queue(NamedTuple):
    """The boxes of one cell, highest weighted score first; room for the largest cell."""

    row: IntArray
    member: IntArray
    score: FloatArray
    """Weighted."""
    head: IntArray
    """``(M,)`` scratch."""
    value: FloatArray
    """``(M,)`` scratch."""


class Shelf(NamedTuple):
    """Boxes to look for overlaps in; room for the largest cell."""

    box: FloatArray
    """``(room, 4)``"""
    rough: Float32Array
    """``(5, room)`` corners and area in float32."""
    hit: ByteArray
    """``(room,)`` scratch; the room is a multiple of 8."""
    word: IntArray
    """``hit`` seen as ``(room / 8,)`` integers."""


@compiled
def ranks_of(sorted_ids: IntArray, ids: IntArray, rank: IntArray) -> None:
    """Write the position of each id ``(N,)`` in ``sorted_ids``; rows of one image usually stand together."""
    place = 0
    for row in range(len(ids)):
        if sorted_ids[place] != ids[row]:
            place = np.searchsorted(sorted_ids, ids[row])
        rank[row] = place


@compiled
def sort_falling(order: IntArray, score: FloatArray, low: int, high: int, scratch: IntArray) -> None:
    """Sort ``order[low:high]`` by falling ``score[order]``, stable: merge sort, one pass where sorted already."""
    for row in range(low + 1, high):
        if score[order[row]] > score[order[row - 1]]:
            break
    else:
        return
    width = 1
    while width < high - low:
        for left in range(low, high, 2 * width):
            middle, right = min(left + width, high), min(left + 2 * width, high)
            a, b = left, middle
            for place in range(left, right):
                if a < middle and (b >= right or score[order[a]] >= score[order[b]]):
                    scratch[place] = order[a]
                    a += 1
                else:
                    scratch[place] = order[b]
                    b += 1
        order[low:high] = scratch[low:high]
        width *= 2


@compiled
def order_of_runs(
    image: IntArray, class_index: IntArray, score: FloatArray, images: int, classes: int
) -> tuple[IntArray, IntArray, IntArray]:
    """Order rows by image, class and falling score; ties keep the order of the rows.

    Returns:
        The order ``(N,)``, the cell ``image * classes + class_index`` of each run ``(R,)``, and the starts of the runs
        in the order with the end as the last ``(R + 1,)``.
    """
    count = len(image)
    by_image, start = _placed_by_key(image, images)
    order, scratch = np.empty(count, np.int64), np.empty(count, np.int64)
    run_cell, run_start = np.empty(count, np.int64), np.empty(count + 1, np.int64)
    tally = np.zeros(classes + 1, np.int64)
    runs = 0
    for i in range(images):
        low, high = start[i], start[i + 1]
        if low == high:
            continue
        tally[:] = 0
        for place in range(low, high):
            tally[class_index[by_image[place]] + 1] += 1
        for c in range(classes):
            if tally[c + 1]:
                run_cell[runs], run_start[runs] = i * classes + c, low + tally[c]
                runs += 1
            tally[c + 1] += tally[c]
        for place in range(low, high):
            row = by_image[place]
            order[low + tally[class_index[row]]] = row
            tally[class_index[row]] += 1
    run_start[runs] = count
    for run in range(runs):
        sort_falling(order, score, run_start[run], run_start[run + 1], scratch)
    return order, run_cell[:runs].copy(), run_start[: runs + 1].copy()


@compiled
def _placed_by_key(key: IntArray, keys: int) -> tuple[IntArray, IntArray]:
    """Rows in order of their key (stable) and the start of each key ``(keys + 1,)``: a counting sort."""
    start = np.zeros(keys + 1, np.int64)
    for row in range(len(key)):
        start[key[row] + 1] += 1
    for k in range(keys):
        start[k + 1] += start[k]
    place, rows = start.copy(), np.empty(len(key), np.int64)
    for row in range(len(key)):
        rows[place[key[row]]] = row
        place[key[row]] += 1
    return rows, start


@compiled
def room_of(cells: Cells, first: int, last: int) -> int:
    """Boxes in the largest of some cells, rounded up to a multiple of 8."""
    room = 8
    for cell in range(first, last):
        room = max(room, cells.place[cell + 1] - cells.place[cell])
    return (room + 7) // 8 * 8


@compiled
def empty_queue(room: int, members: int) -> Queue:
    """A queue for one thread."""
    return Queue(
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.float64),
        np.empty(members, np.int64),
        np.empty(members, np.float64),
    )


@compiled
def empty_shelf(room: int) -> Shelf:
    """A shelf for one thread."""
    hit = np.zeros(room, np.uint8)
    return Shelf(np.empty((room, 4), np.float64), np.empty((5, room), np.float32), hit, hit.view(np.int64))


@compiled
def merge_runs(cells: Cells, cell: int, rule: Rule, queue: Queue) -> int:
    """Fill the queue with a cell's boxes from the highest weighted score down.

    Of equal weighted scores the earlier member comes first, of one member the earlier row of its file. Members of
    scale 0 and boxes whose own score is below their member's floor are left out.

    Returns:
        The number of boxes.
    """
    members, count = len(rule.scale), 0
    for m in range(members):
        queue.head[m] = cells.start[cell, m]
        queue.value[m] = _head_value(cells, cell, rule, m, queue.head[m])
    while True:
        best = 0
        for m in range(1, members):
            if queue.value[m] > queue.value[best]:
                best = m
        if queue.value[best] < 0:
            return count
        queue.row[count], queue.member[count], queue.score[count] = queue.head[best], best, queue.value[best]
        count += 1
        queue.head[best] += 1
        queue.value[best] = _head_value(cells, cell, rule, best, queue.head[best])


@compiled
def _head_value(cells: Cells, cell: int, rule: Rule, m: int, row: int) -> float:
    """Weighted score of the next box of a run, -1 when there is none."""
    if rule.scale[m] > 0 and row < cells.stop[cell, m] and cells.score[row] >= rule.floor[m]:
        return float(cells.score[row] * rule.scale[m])
    return -1.0


@compiled
def put(shelf: Shelf, k: int, x1: float, y1: float, x2: float, y2: float) -> None:
    """Lay a box on place ``k`` of the shelf."""
    shelf.box[k, 0], shelf.box[k, 1], shelf.box[k, 2], shelf.box[k, 3] = x1, y1, x2, y2
    shelf.rough[0, k], shelf.rough[1, k] = np.float32(x1), np.float32(y1)
    shelf.rough[2, k], shelf.rough[3, k] = np.float32(x2), np.float32(y2)
    shelf.rough[4, k] = np.float32((x2 - x1) * (y2 - y1))


@compiled
def best_overlap(shelf: Shelf, count: int, box: FloatArray, iou: float, slack: float) -> int:
    """The first of ``count`` boxes on the shelf whose IoU with ``box`` is highest and above ``iou``, or -1.

    A first pass in float32, free of branches, marks the boxes that may pass; it errs only towards marking. The exact
    IoU in float64 is computed for those alone.
    """
    x1, y1, x2, y2 = np.float32(box[0]), np.float32(box[1]), np.float32(box[2]), np.float32(box[3])
    # inter / (a + b - inter) > t  <=>  inter > t / (1 + t) * (a + b)
    ratio, loose, zero = np.float32(iou / (1 + iou) * 0.99999), np.float32(slack), np.float32(0)
    own = np.float32((box[2] - box[0]) * (box[3] - box[1]))
    x1s, y1s, x2s, y2s, areas = shelf.rough[0], shelf.rough[1], shelf.rough[2], shelf.rough[3], shelf.rough[4]
    for k in range(count):
        width = (x2s[k] if x2s[k] < x2 else x2) - (x1s[k] if x1s[k] > x1 else x1) + loose
        height = (y2s[k] if y2s[k] < y2 else y2) - (y1s[k] if y1s[k] > y1 else y1) + loose
        inter = (width if width > zero else zero) * (height if height > zero else zero)
        shelf.hit[k] = inter >= ratio * (areas[k] + own)
    return _best_of_marked(shelf, count, box, iou)


@compiled
def _best_of_marked(shelf: Shelf, count: int, box: FloatArray, iou: float) -> int:
    best, best_iou = -1, iou
    for word in range((count + 7) // 8):
        if shelf.word[word] == 0:
            continue
        for k in range(8 * word, min(8 * word + 8, count)):
            if shelf.hit[k]:
                overlap = iou_of(shelf.box[k], box)
                if overlap > best_iou:
                    best, best_iou = k, overlap
    return best


@compiled
def iou_of(a: FloatArray, b: FloatArray) -> float:
    """Intersection over union of two boxes ``(4,)`` with area."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    inter = width * height
    return float(inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter))


@compiled
def store(fused: Fused, place: int, k: int, score: float, box: FloatArray) -> None:
    """Write result ``k`` of the cell whose results start at ``place``."""
    fused.score[place + k] = score
    fused.box[place + k, 0], fused.box[place + k, 1] = box[0], box[1]
    fused.box[place + k, 2], fused.box[place + k, 3] = box[2], box[3]
