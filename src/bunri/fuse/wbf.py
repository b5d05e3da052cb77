"""Weighted boxes fusion (Solovyev, Wang, Gabruseva; arXiv:1910.13302)."""

import numpy as np

from bunri.boxes import BoolArray, FloatArray
from bunri.compiled import compiled
from bunri.fuse.kernels import (
    Cells,
    Fused,
    Rule,
    Shelf,
    Votes,
    best_overlap,
    empty_queue,
    empty_shelf,
    merge_runs,
    put,
    room_of,
    sort_falling,
    store,
)

AVG, MAX, BOX_AND_MODEL_AVG, ABSENT_MODEL_AWARE_AVG = range(4)

SCORE, WEIGHT, MEMBER_WEIGHT, BOXES, HIGHEST, X1, Y1, X2, Y2 = range(9)
"""Columns of the sums of a cluster: of weighted scores, of the weights of its boxes, of the weights of its members, the
number of boxes, the highest weighted score, and the corners times weighted score."""


@compiled
def fuse_cells(cells: Cells, first: int, last: int, rule: Rule, votes: Votes, fused: Fused) -> None:
    """Fuse the cells ``first`` to ``last``.

    From the highest score down, a box joins the cluster whose present box overlaps it most, or founds one. The box of a
    cluster is the mean of its boxes weighted by score; it moves as boxes join, at the cost of one addition.
    """
    members, room = len(rule.scale), room_of(cells, first, last)
    queue, clusters = empty_queue(room, members), empty_shelf(room)
    sums, joined = np.empty((room, 9), np.float64), np.empty((room, members), np.bool_)
    order, scratch, score = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.float64)
    for cell in range(first, last):
        count = 0
        for k in range(merge_runs(cells, cell, rule, queue)):
            box, m = cells.box[queue.row[k]], queue.member[k]
            c = best_overlap(clusters, count, box, rule.iou, cells.slack)
            if c < 0:
                c, count = count, count + 1
                sums[c] = 0.0
                joined[c] = False
                sums[c, HIGHEST] = queue.score[k]
                put(clusters, c, box[0], box[1], box[2], box[3])
                _join(sums[c], joined[c], box, queue.score[k], rule.scale[m], m)
            else:
                _join(sums[c], joined[c], box, queue.score[k], rule.scale[m], m)
                _move(clusters, c, sums[c])
        for c in range(count):
            order[c], score[c] = c, confidence(sums[c], rule.kind, votes, cells.image[cell])
        sort_falling(order, score, 0, count, scratch)
        for k in range(count):
            store(fused, cells.place[cell], k, score[order[k]], clusters.box[order[k]])
        fused.size[cell] = count


@compiled
def _join(sums: FloatArray, joined: BoolArray, box: FloatArray, score: float, weight: float, m: int) -> None:
    sums[SCORE] += score
    sums[WEIGHT] += weight
    sums[BOXES] += 1
    for side in range(4):
        sums[X1 + side] += score * box[side]
    if not joined[m]:
        joined[m] = True
        sums[MEMBER_WEIGHT] += weight


@compiled
def _move(clusters: Shelf, c: int, sums: FloatArray) -> None:
    """Put the cluster's box where its sums say; boxes of score 0 do not move it."""
    total = sums[SCORE]
    if total > 0:
        put(clusters, c, sums[X1] / total, sums[Y1] / total, sums[X2] / total, sums[Y2] / total)


@compiled
def confidence(sums: FloatArray, kind: int, votes: Votes, image: int) -> float:
    """Score of a cluster, cut at 1: uneven weights could otherwise lift it above."""
    if kind == MAX:
        value = sums[HIGHEST] / votes.weight_max[image]
    elif kind == BOX_AND_MODEL_AVG:
        value = sums[SCORE] / sums[WEIGHT] * sums[MEMBER_WEIGHT] / votes.weight_sum[image]
    elif kind == ABSENT_MODEL_AWARE_AVG:
        value = sums[SCORE] / (sums[WEIGHT] + votes.weight_sum[image] - sums[MEMBER_WEIGHT])
    else:
        value = sums[SCORE] / sums[BOXES] * min(votes.members[image], sums[BOXES]) / votes.weight_sum[image]
    return float(min(value, 1.0))
