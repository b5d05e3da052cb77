"""Boxes of a dense head: RetinaNet, FCOS, SSD."""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import numpy as np

from bunri.engines.exported.boxes import (
    Candidates,
    Float32Array,
    IntArray,
    anchors_of,
    best,
    from_offsets,
    from_sides,
    sigmoid,
    softmax,
)
from bunri.engines.exported.detectors import OneStage
from bunri.engines.exported.networks import Arrays, Network
from bunri.engines.exported.pixels import Batch
from bunri.errors import DataError

Block = tuple[slice, slice]
"""Anchors and columns of scores among which the best candidates are taken."""


def find_one_stage(network: Network, batch: Batch, detector: OneStage, score_floor: float) -> list[Candidates]:
    """What is found on each photo, the best first, in pixels of the input.

    Raises:
        DataError: The network gives other outputs than the export says.
    """
    outputs = network({"images": batch.images})
    height, width = batch.images.shape[2:]
    grids = [outputs[f"level_{level}"].shape[-2:] for level in range(detector.levels)]
    anchors = anchors_of(detector.anchors, grids, height, width)
    every_anchor, score = np.concatenate(anchors), _scores(outputs, detector)
    if score.shape[:2] != (len(batch.images), len(every_anchor)):
        raise DataError(f"the network must score {len(every_anchor)} anchors, but its scores are {score.shape}")
    blocks = list(_blocks([len(level) for level in anchors], score.shape[2], detector))
    found = []
    for row, size in enumerate(batch.borders):
        anchor, column, value = _best_of_blocks(score[row], blocks, detector.candidates, score_floor)
        if detector.scores == "sigmoid_then_centerness":
            value = value * sigmoid(outputs["centerness"][row, anchor, 0])
        box = _decoded(outputs["boxes"][row][anchor], every_anchor[anchor], detector)
        found.append(_suppressed(Candidates(box, column + detector.first_label, value), size, detector))
    return found


def _suppressed(candidates: Candidates, size: IntArray, detector: OneStage) -> Candidates:
    if detector.clip_first:
        return candidates.clipped(size).of_size(detector.min_side).suppressed(detector.suppression)
    return candidates.suppressed(detector.suppression).clipped(size).of_size(detector.min_side)


def _scores(outputs: Arrays, detector: OneStage) -> Float32Array:
    if detector.scores == "softmax":
        return softmax(outputs["scores"])
    score = sigmoid(outputs["scores"])
    if detector.scores == "sigmoid_with_centerness":
        rooted: Float32Array = np.sqrt(score * sigmoid(outputs["centerness"]))
        return rooted
    return score


def _blocks(lengths: Sequence[int], labels: int, detector: OneStage) -> Iterator[Block]:
    if detector.candidates_of == "class":
        first = 1 - detector.first_label  # not the background
        return ((slice(0, sum(lengths)), slice(column, column + 1)) for column in range(first, labels))
    if detector.candidates_of == "photo":
        return iter([(slice(0, sum(lengths)), slice(0, labels))])
    return ((slice(start, stop), slice(0, labels)) for start, stop in pairwise(accumulate(lengths, initial=0)))


def _best_of_blocks(
    score: Float32Array, blocks: Sequence[Block], at_most: int, score_floor: float
) -> tuple[IntArray, IntArray, Float32Array]:
    """Anchor, column and score of the best candidates of each block above the floor."""
    anchors, found = [], []
    for rows, columns in blocks:
        block = score[rows, columns]
        flat = block.ravel()
        above = np.flatnonzero(flat > np.float32(score_floor))
        anchor, column = np.divmod(above[best(flat[above], at_most)], block.shape[1])
        anchors.append(rows.start + anchor)
        found.append(columns.start + column)
    anchor, column = np.concatenate(anchors), np.concatenate(found)
    return anchor, column, score[anchor, column]


def _decoded(values: Float32Array, anchors: Float32Array, detector: OneStage) -> Float32Array:
    if detector.boxes == "sides":
        return from_sides(values, anchors)
    return from_offsets(values, anchors, detector.weights, detector.largest_log, detector.smallest_log)
