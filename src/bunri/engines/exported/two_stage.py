"""Boxes of Faster R-CNN: proposals of the first network, looked at by the second, and in a cascade by further ones."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from bunri.engines.exported.boxes import (
    Candidates,
    Float32Array,
    IntArray,
    anchors_of,
    best,
    clipped,
    from_offsets,
    joined,
    sigmoid,
    softmax,
)
from bunri.engines.exported.detectors import Regions, TwoStage
from bunri.engines.exported.networks import Arrays, Network
from bunri.engines.exported.pixels import Batch
from bunri.errors import DataError

OUT_OF_THE_WAY = np.array([[0, 0, 0, 16, 16]], np.float32)
"""What a level without proposals looks at in place of them: with an area, as pooling none gives NaN in OpenVINO, which
the measuring of ranges for int8 would take up."""


def find_two_stage(
    network: Network, regions: Sequence[Network], batch: Batch, detector: TwoStage, score_floor: float
) -> list[Candidates]:
    """What is found on each photo, the best first, in pixels of the input.

    Raises:
        DataError: A network gives other outputs than the export says.
    """
    outputs = network({"images": batch.images})
    rule, proposals, scored = detector.regions, _proposals(outputs, batch, detector), []
    stages = [rule.model_copy(update={"weights": weights}) for weights in (rule.weights, *rule.refined_by)]
    for look, stage in zip(regions, stages, strict=True):
        logits, offsets = _looked_at(look, outputs, proposals, stage)
        scored.append(softmax(logits) if rule.mean_of == "shares" else logits)
        if stage is not stages[-1]:
            proposals = _refined(proposals, offsets, stage, batch)
    mean: Float32Array = np.sum(scored, axis=0) * np.float32(1 / len(scored))
    scores = mean if rule.mean_of == "shares" else softmax(mean)
    parts = zip(_by_photo(scores, proposals), _by_photo(offsets, proposals), proposals, batch.borders, strict=True)
    return [_boxes(*part, stages[-1], score_floor) for part in parts]


def _by_photo(rows: Float32Array, proposals: Sequence[Float32Array]) -> list[Float32Array]:
    return np.split(rows, list(accumulate(map(len, proposals)))[:-1])


def _refined(
    proposals: Sequence[Float32Array], offsets: Float32Array, rule: Regions, batch: Batch
) -> list[Float32Array]:
    """The boxes of a stage, none left out, as proposals of the next; any class has the same."""
    parts = zip(_by_photo(offsets[:, :4], proposals), proposals, batch.borders, strict=True)
    return [clipped(_decoded(values, box, rule), size) for values, box, size in parts]


def _decoded(offsets: Float32Array, proposals: Float32Array, rule: Regions) -> Float32Array:
    return from_offsets(offsets, proposals, rule.weights, smallest_log=rule.smallest_log)


def _proposals(outputs: Arrays, batch: Batch, detector: TwoStage) -> list[Float32Array]:
    """For each photo the boxes ``(P, 4)`` that may hold something, the best first."""
    levels = range(detector.levels)
    objectness = [_flat(outputs[f"objectness_{level}"], 1) for level in levels]
    offsets = [_flat(outputs[f"offsets_{level}"], 4) for level in levels]
    height, width = batch.images.shape[2:]
    grids = [outputs[f"objectness_{level}"].shape[-2:] for level in levels]
    anchors = anchors_of(detector.anchors, grids, height, width)
    if [level.shape[1] for level in objectness] != [len(level) for level in anchors]:
        raise DataError("the network must score every anchor of every level once, but does not. Export the run again.")
    found = []
    for row, size in enumerate(batch.borders):
        raw = [(objectness[level][row, :, 0], offsets[level][row], anchors[level]) for level in levels]
        parts = [_of_level(level, *values, size, detector) for level, values in enumerate(raw)]
        candidates = joined(parts).of_size(detector.proposals.min_side)
        found.append(candidates.suppressed(detector.proposals.suppression).box)
    return found


def _of_level(
    level: int, objectness: Float32Array, offsets: Float32Array, anchors: Float32Array, size: IntArray, rule: TwoStage
) -> Candidates:
    """The best proposals of a level; their label is the level, as it is within levels that they suppress others."""
    least = rule.proposals.min_score
    chosen = best(objectness, rule.proposals.candidates)
    box = from_offsets(offsets[chosen], anchors[chosen], rule.weights, smallest_log=rule.smallest_log)
    score = objectness[chosen] if least is None else sigmoid(objectness[chosen])
    found = Candidates(box, np.full(len(chosen), level), score).clipped(size)
    return found if least is None else found[found.score >= np.float32(least)]


def _flat(maps: Float32Array, values: int) -> Float32Array:
    """``(B, A * values, H, W)`` as ``(B, H * W * A, values)``: cell by cell, the anchors of a cell together."""
    batch, channels, height, width = maps.shape
    split = maps.reshape(batch, channels // values, values, height, width)
    return split.transpose(0, 3, 4, 1, 2).reshape(batch, -1, values)


def _looked_at(
    regions: Network, outputs: Arrays, proposals: Sequence[Float32Array], rule: Regions
) -> tuple[Float32Array, Float32Array]:
    """Scores ``(R, C)`` and offsets ``(R, 4 C)`` of the proposals of all photos, in their order."""
    photo = np.repeat(np.arange(len(proposals), dtype=np.float32), [len(box) for box in proposals])
    rois = np.column_stack([photo, np.concatenate(proposals)]).astype(np.float32)
    level = levels_of(rois[:, 1:], rule)
    inputs, order = {}, []
    for number in range(rule.coarsest - rule.finest + 1):
        rows = np.flatnonzero(level == number)
        inputs[f"features_{number}"] = outputs[f"features_{number}"]
        inputs[f"proposals_{number}"] = rois[rows] if len(rows) else OUT_OF_THE_WAY
        order.append(rows if len(rows) else np.array([-1]))  # no runtime likes an empty input
    found = regions(inputs)
    place = np.concatenate(order)
    back = np.argsort(place, kind="stable")[np.count_nonzero(place < 0) :]
    return found["scores"][back], found["offsets"][back]


def levels_of(box: Float32Array, rule: Regions) -> IntArray:
    """Which feature level each proposal ``(R, 4)`` is looked at on, 0 the finest: by its size.

    Source: T.-Y. Lin et al., Feature Pyramid Networks, arXiv:1612.03144, equation 1.
    """
    side = np.sqrt((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]))
    with np.errstate(divide="ignore"):  # an empty proposal belongs to the finest level
        ratio = side / np.float32(rule.canonical_side) + np.float32(rule.ratio_slack)
        exact = np.float32(rule.canonical_level) + np.log2(ratio) + np.float32(rule.level_slack)
    level = np.clip(np.floor(exact), rule.finest, rule.coarsest)
    found: IntArray = level.astype(np.int64) - rule.finest
    return found


def _boxes(
    score: Float32Array, offsets: Float32Array, proposals: Float32Array, size: IntArray, rule: Regions, floor: float
) -> Candidates:
    """The second stage's boxes of one photo: every class of every proposal is a candidate but the background."""
    row, label = np.nonzero(score[:, 1:] > np.float32(floor))
    label = label + 1
    chosen = offsets.reshape(len(offsets), -1, 4)[row, label]
    box = _decoded(chosen, proposals[row], rule)
    found = Candidates(box, label, score[row, label]).clipped(size)
    return found.of_size(rule.min_side).suppressed(rule.suppression)
