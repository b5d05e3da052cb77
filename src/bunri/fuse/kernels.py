"""Compiled loops all fusing methods share: merging runs and finding the overlapping box.

The layout: the boxes of a member are sorted once by image, class and falling score. A *run* is the boxes of one member
in one image and class; a *cell* is the runs of all members in one image and class. Methods work cell by cell, walk the
runs of a cell as one merge from the highest score down, and never sort the boxes again.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bunri.boxes import FloatArray, IntArray
from bunri.compiled import compiled_part
from bunri.sorting_kernels import ZERO

Float32Array = NDArray[np.float32]
Int32Array = NDArray[np.int32]
ByteArray = NDArray[np.uint8]
WordArray = NDArray[np.uint64]

BLOCK = 8
"""Boxes looked at together: as many bytes as the largest number has."""


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


class Scratch(NamedTuple):
    """Room for the work on one cell; each thread has its own."""

    row: IntArray
    """``(room,)`` the boxes of the cell, highest weighted score first."""
    member: IntArray
    """``(room,)`` their members."""
    score: FloatArray
    """``(room,)`` their weighted scores."""
    owner: IntArray
    """``(room,)`` members in the order of the runs."""
    value: FloatArray
    """``(room,)`` weighted scores in the order of the runs."""
    rank: Int32Array
    """``(room,)`` their places among all of the cell."""
    box: FloatArray
    """``(room, 4)`` the shelf: boxes to look for overlaps in."""
    rough: Float32Array
    """``(5, room)`` corners and area of the shelf in float32."""
    hit: ByteArray
    """``(room,)`` which of the shelf may overlap."""
    hits: WordArray
    """``(room / BLOCK,)`` the same memory, a block in one number: 0 where none may."""
    sums: FloatArray
    """``(room, 9)`` of the boxes that came together."""
    joined: FloatArray
    """``(room, M)`` 1 where the member has a box among them, else 0."""
    order: IntArray
    """``(room,)``"""
    final: FloatArray
    """``(room,)`` scores of the results."""
    final_bits: IntArray
    """``(room,)`` the same memory as integers."""
    corners: FloatArray
    """``(4, room)`` corners of boxes that wait."""


def scratch_for(cells: Cells, members: int) -> Scratch:
    """Room for the largest cell, in whole blocks."""
    room = -(-int(np.diff(cells.place).max(initial=0)) // BLOCK) * BLOCK
    hit, final = np.zeros(room, np.uint8), np.empty(room)
    return Scratch(
        row=np.empty(room, np.int64),
        member=np.empty(room, np.int64),
        score=np.empty(room),
        owner=np.empty(room, np.int64),
        value=np.empty(room),
        rank=np.empty(room, np.int32),
        box=np.empty((room, 4)),
        rough=np.zeros((5, room), np.float32),
        hit=hit,
        hits=hit.view(np.uint64),
        sums=np.empty((room, 9)),
        joined=np.empty((room, members)),
        order=np.empty(room, np.int64),
        final=final,
        final_bits=final.view(np.int64),
        corners=np.zeros((4, room)),
    )


@compiled_part
def merge_runs(cells: Cells, cell: int, rule: Rule, scratch: Scratch) -> int:
    """Line up a cell's boxes from the highest weighted score down.

    Of equal weighted scores the earlier member comes first, of one member the earlier row of its file. Members of
    scale 0 and boxes whose own score is below their member's floor are left out.

    Returns:
        The number of boxes.
    """
    count = ZERO
    for m in range(len(rule.scale)):
        row, scale, floor = cells.start[cell, m], rule.scale[m], rule.floor[m]
        while row < cells.stop[cell, m] and scale > 0 and cells.score[row] >= floor:
            scratch.order[count], scratch.owner[count], scratch.value[count] = row, m, cells.score[row] * scale
            scratch.rank[count] = 0
            row += 1
            count += 1
    _rank(scratch, count)
    for k in range(count):
        place = scratch.rank[k]
        scratch.row[place], scratch.member[place] = scratch.order[k], scratch.owner[k]
        scratch.score[place] = scratch.value[k]
    return count


@compiled_part
def _rank(scratch: Scratch, count: int) -> None:
    """Add to the ranks of the first ``count`` values how many others come before each.

    Every pair is compared, without branches: for the hundred boxes of a cell vector instructions do so in a quarter of
    the time a merge takes, which guesses wrong at every other step.
    """
    value, rank = scratch.value, scratch.rank
    for k in range(count):
        own, lower = value[k], np.int32(0)
        for earlier in range(k):
            is_higher = np.int32(own > value[earlier])
            rank[earlier] += is_higher
            lower = np.int32(lower + is_higher)
        rank[k] = k - lower


@compiled_part
def put(scratch: Scratch, k: int, x1: float, y1: float, x2: float, y2: float) -> None:
    """Lay a box on place ``k`` of the shelf."""
    scratch.box[k, 0], scratch.box[k, 1], scratch.box[k, 2], scratch.box[k, 3] = x1, y1, x2, y2
    scratch.rough[0, k], scratch.rough[1, k] = x1, y1
    scratch.rough[2, k], scratch.rough[3, k] = x2, y2
    scratch.rough[4, k] = (x2 - x1) * (y2 - y1)


@compiled_part
def best_overlap(scratch: Scratch, count: int, cells: Cells, row: int, iou: float) -> int:
    """The first of the ``count`` boxes on the shelf whose IoU with a box is highest and above ``iou``, or -1."""
    mark_overlaps(scratch, count, cells, row, iou)
    best, best_iou = -1, iou
    for block in range((count + BLOCK - 1) // BLOCK):
        if scratch.hits[block] != 0:
            for k in range(BLOCK * block, BLOCK * (block + 1)):
                if scratch.hit[k] != 0 and k < count:
                    overlap = iou_of(scratch.box, k, cells.box, row)
                    if overlap > best_iou:
                        best, best_iou = k, overlap
    return best


@compiled_part
def mark_overlaps(scratch: Scratch, count: int, cells: Cells, row: int, iou: float) -> None:
    """Mark which of the ``count`` boxes on the shelf may have an IoU above ``iou`` with a box.

    In float32 and free of branches, so that it compiles to vector instructions; it errs only towards marking. It works
    in whole blocks and may mark what lies beyond the last box. It begins at the first: from a box that is not known
    beforehand, numba must look whether the index is negative, which takes twice the time.
    """
    x1, y1, x2, y2 = cells.box[row, 0], cells.box[row, 1], cells.box[row, 2], cells.box[row, 3]
    left, top, right, bottom = np.float32(x1), np.float32(y1), np.float32(x2), np.float32(y2)
    # inter / (a + b - inter) > t  <=>  inter > t / (1 + t) * (a + b)
    ratio, loose = np.float32(iou / (1 + iou) * 0.99999), np.float32(cells.slack)
    own, zero = np.float32((x2 - x1) * (y2 - y1)), np.float32(0)
    lefts, tops, rights, bottoms = scratch.rough[0], scratch.rough[1], scratch.rough[2], scratch.rough[3]
    areas, hit = scratch.rough[4], scratch.hit
    for k in range((count + BLOCK - 1) // BLOCK * BLOCK):
        width = (rights[k] if rights[k] < right else right) - (lefts[k] if lefts[k] > left else left) + loose
        height = (bottoms[k] if bottoms[k] < bottom else bottom) - (tops[k] if tops[k] > top else top) + loose
        inter = (width if width > zero else zero) * (height if height > zero else zero)
        hit[k] = inter > ratio * (areas[k] + own)


@compiled_part
def iou_of(some: FloatArray, a: int, others: FloatArray, b: int) -> float:
    """Intersection over union of box ``a`` of ``some`` and box ``b`` of ``others``, both with area."""
    x1, y1, x2, y2 = some[a, 0], some[a, 1], some[a, 2], some[a, 3]
    left, top, right, bottom = others[b, 0], others[b, 1], others[b, 2], others[b, 3]
    width = (x2 if x2 < right else right) - (x1 if x1 > left else left)
    height = (y2 if y2 < bottom else bottom) - (y1 if y1 > top else top)
    if width <= 0 or height <= 0:
        return 0.0
    inter, area, other_area = width * height, (x2 - x1) * (y2 - y1), (right - left) * (bottom - top)
    return float(inter / (area + other_area - inter))


@compiled_part
def store(fused: Fused, place: int, score: float, boxes: FloatArray, k: int) -> None:
    """Write box ``k`` of ``boxes`` as a result; a score is cut at 1, above which uneven weights could lift it."""
    fused.score[place] = min(score, 1.0)
    for side in range(4):
        fused.box[place, side] = boxes[k, side]
