"""Compiled sorting of boxes by image, class and falling score.

Kernels here and elsewhere are written for a short first call: plain loops and scalar indexing. Slices, ``searchsorted``
and allocation inside a kernel each cost numba up to a second of compilation.
"""

import numpy as np
from numpy.typing import NDArray

from bunri.boxes import FloatArray, IntArray
from bunri.compiled import compiled, compiled_part

Int32Array = NDArray[np.int32]

ZERO: int = np.int64(0)  # type: ignore[assignment]  # it is used as an int
"""What counters start from: numba would compile every part that takes one once more for the literal 0."""


@compiled
def ranks_of(sorted_ids: IntArray, ids: IntArray, rank: IntArray) -> None:
    """Write the position of each id ``(N,)`` in ``sorted_ids``; rows of one image usually stand together."""
    place = 0
    for row in range(len(ids)):
        if sorted_ids[place] != ids[row]:
            place, high = 0, len(sorted_ids)
            while place < high:
                middle = (place + high) // 2
                if sorted_ids[middle] < ids[row]:
                    place = middle + 1
                else:
                    high = middle
        rank[row] = place


@compiled_part
def sort_falling(order: IntArray, score: FloatArray, low: int | np.int64, high: int) -> None:
    """Sort ``order[low:high]`` by falling ``score[order]``, the smaller entry first of equal ones, in place.

    Shell's sort: linear where sorted already, as most predictions are.
    """
    gap = 1
    while 3 * gap < high - low:
        gap = 3 * gap + 1
    while gap > 0:
        for start in range(low + gap, high):
            entry, place = order[start], start
            value = score[entry]
            while place - gap >= low:
                other = order[place - gap]
                if score[other] > value or (score[other] == value and other < entry):
                    break
                order[place] = other
                place -= gap
            order[place] = entry
        gap //= 3


@compiled
def place_by_key(key: IntArray | Int32Array, start: IntArray, rows: IntArray | Int32Array) -> None:
    """Counting sort: write the rows in order of their key, stable, and the start of each of K keys ``(K + 1,)``.

    ``start`` comes as zeros.
    """
    keys = len(start) - 1
    for row in range(len(key)):
        start[key[row] + 1] += 1
    for k in range(keys):
        start[k + 1] += start[k]
    for row in range(len(key)):
        rows[start[key[row]]] = row
        start[key[row]] += 1
    for k in range(keys, 0, -1):
        start[k] = start[k - 1]
    start[0] = 0


@compiled
def order_runs(
    class_index: IntArray,
    score: FloatArray,
    image_start: IntArray,
    rows: IntArray,
    tally: IntArray,
    order: IntArray,
    run_cell: IntArray,
    run_start: IntArray,
) -> int:
    """Order rows that stand by image further by class and falling score; ties keep the order of the rows.

    Args:
        class_index: ``(N,)``
        score: ``(N,)``
        image_start: ``(I + 1,)`` start of each image in ``rows``.
        rows: ``(N,)`` by image.
        tally: ``(C + 1,)`` scratch.
        order: ``(N,)`` result.
        run_cell: ``(N,)`` result: image rank * C + class of each run.
        run_start: ``(N + 1,)`` result: start of each run in ``order``, with the end after the last.

    Returns:
        The number of runs.
    """
    classes, runs = len(tally) - 1, 0
    for i in range(len(image_start) - 1):
        low, high = image_start[i], image_start[i + 1]
        if low == high:
            continue
        for c in range(classes + 1):
            tally[c] = 0
        for place in range(low, high):
            tally[class_index[rows[place]] + 1] += 1
        for c in range(classes):
            if tally[c + 1] > 0:
                run_cell[runs], run_start[runs] = i * classes + c, low + tally[c]
                runs += 1
            tally[c + 1] += tally[c]
        for place in range(low, high):
            row = rows[place]
            order[low + tally[class_index[row]]] = row
            tally[class_index[row]] += 1
    run_start[runs] = len(order)
    for run in range(runs):
        sort_falling(order, score, run_start[run], run_start[run + 1])
    return runs
