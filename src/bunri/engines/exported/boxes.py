"""Boxes of a network's outputs, in float32 as the framework computes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bunri.engines.exported.box_kernels import suppressed
from bunri.engines.exported.detectors import LARGEST_LOG, CellAnchors, DefaultBoxes, Four, Suppression
from bunri.fuse import fuse
from bunri.predictions import Predictions

Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int64]
Grid = tuple[int, int]
"""Rows and columns of a level's cells."""


@dataclass(frozen=True)
class Candidates:
    """Boxes before suppression.

    Attributes:
        box: ``(N, 4)`` in pixels of the input.
        label: ``(N,)`` class, 0 the background; or the level of a proposal.
        score: ``(N,)``
    """

    box: Float32Array
    label: IntArray
    score: Float32Array

    def __getitem__(self, rows: Any) -> "Candidates":
        """Those of some rows, by number or by a mark for each."""
        return Candidates(self.box[rows], self.label[rows], self.score[rows])

    def by_score(self) -> "Candidates":
        """The best first; equal ones in their order."""
        return self[np.argsort(-self.score, kind="stable")]

    def suppressed(self, rule: Suppression) -> "Candidates":
        """What stays, the best first."""
        if rule.sigma is not None:
            return self._decayed(rule)
        ordered = self.by_score()
        group = np.zeros_like(ordered.label) if rule.across_classes else ordered.label
        box = ordered.box + ((ordered.label - 1) * np.float32(rule.shift)).astype(np.float32)[:, None]
        return ordered[suppressed(box, group, np.float32(rule.iou), rule.max_boxes)]

    def _decayed(self, rule: Suppression) -> "Candidates":
        """Boxes without area, of which effdet gives some, overlap none."""
        has_area = ((self.box[:, 2:] - self.box[:, :2]) > 0).all(axis=1) & np.isfinite(self.box).all(axis=1)
        real = self[has_area]
        score, box = real.score.astype(np.float64), real.box.astype(np.float64)
        found = Predictions(np.zeros(len(score), np.int64), real.label, score, box)
        kept = fuse([found], "soft_nms", sigma=float(rule.sigma or 0), soft_min_score=rule.min_score)
        decayed = Candidates(kept.box_xyxy.astype(np.float32), kept.class_index, kept.score.astype(np.float32))
        alone = self[~has_area & (self.score > np.float32(rule.min_score))]
        return joined([decayed, alone]).by_score()[: rule.max_boxes]

    def clipped(self, size: IntArray) -> "Candidates":
        """All, cut at the borders of a photo of ``size`` height and width."""
        return Candidates(clipped(self.box, size), self.label, self.score)

    def of_size(self, side: float) -> "Candidates":
        """Those with both sides at least ``side`` pixels."""
        return self[((self.box[:, 2:] - self.box[:, :2]) >= np.float32(side)).all(axis=1)]


def joined(parts: Sequence[Candidates]) -> Candidates:
    """All in one."""
    return Candidates(
        np.concatenate([part.box for part in parts]),
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.score for part in parts]),
    )


def anchors_of(
    anchors: CellAnchors | DefaultBoxes, grids: Sequence[Grid], height: int, width: int
) -> list[Float32Array]:
    """By level, the anchors ``(rows * columns * A, 4)`` of an input, row by row, those of a cell together."""
    if isinstance(anchors, CellAnchors):
        strides = anchors.strides or [(width // columns, height // rows) for rows, columns in grids]
        return [_around_cells(*level) for level in zip(anchors.boxes, grids, strides, strict=True)]
    return [_default_boxes(anchors, level, grid, height, width) for level, grid in enumerate(grids)]


def _around_cells(cell: Sequence[Four], grid: Grid, stride: tuple[float, float]) -> Float32Array:
    y, x = np.meshgrid(
        np.arange(grid[0], dtype=np.float32) * np.float32(stride[1]),
        np.arange(grid[1], dtype=np.float32) * np.float32(stride[0]),
        indexing="ij",
    )
    shift = np.stack([x, y, x, y], axis=-1).reshape(-1, 1, 4)
    found: Float32Array = (shift + np.array(cell, np.float32)).reshape(-1, 4)
    return found


def _default_boxes(boxes: DefaultBoxes, level: int, grid: Grid, height: int, width: int) -> Float32Array:
    rows, columns = (height / boxes.steps[level], width / boxes.steps[level]) if boxes.steps else grid
    y, x = np.meshgrid(
        ((np.arange(grid[0], dtype=np.float32) + np.float32(0.5)) / np.float32(rows)),
        ((np.arange(grid[1], dtype=np.float32) + np.float32(0.5)) / np.float32(columns)),
        indexing="ij",
    )
    half = np.float32(0.5) * np.array(boxes.sides[level], np.float32)
    centre = np.stack([x, y], axis=-1).reshape(-1, 1, 2)
    input_side = np.array([width, height], np.float32)
    found: Float32Array = np.concatenate([(centre - half) * input_side, (centre + half) * input_side], axis=-1)
    return found.reshape(-1, 4)


def from_offsets(
    offsets: Float32Array,
    anchors: Float32Array,
    weights: Four,
    largest_log: float | None = LARGEST_LOG,
    smallest_log: float | None = None,
) -> Float32Array:
    """Boxes of offsets ``(..., 4)`` from anchors of the same shape: centre in sides, size in logarithms.

    Source: R. Girshick et al., arXiv:1311.2524, appendix C; weights and the cut at ``largest_log`` as in Fast R-CNN's
    code.
    """
    size = anchors[..., 2:] - anchors[..., :2]
    centre = anchors[..., :2] + np.float32(0.5) * size
    scaled = offsets / np.array(weights, np.float32)
    middle = scaled[..., :2] * size + centre
    logs = scaled[..., 2:] if largest_log is None else np.minimum(scaled[..., 2:], np.float32(largest_log))
    logs = logs if smallest_log is None else np.maximum(logs, np.float32(smallest_log))
    half = np.float32(0.5) * (np.exp(logs) * size)
    return np.concatenate([middle - half, middle + half], axis=-1)


def from_sides(distances: Float32Array, anchors: Float32Array) -> Float32Array:
    """Boxes of distances ``(N, 4)`` from the anchors' centres to left, top, right and bottom, in the anchors' sides.

    Source: Z. Tian et al., arXiv:1904.01355.
    """
    size = anchors[:, 2:] - anchors[:, :2]
    centre = np.float32(0.5) * (anchors[:, :2] + anchors[:, 2:])
    return np.concatenate([centre - distances[:, :2] * size, centre + distances[:, 2:] * size], axis=-1)


def clipped(box: Float32Array, size: NDArray[np.int64]) -> Float32Array:
    """Boxes cut at the borders of a photo of ``size`` height and width."""
    height, width = size.tolist()
    return np.clip(box, np.float32(0), np.array([width, height, width, height], np.float32))


def best(score: Float32Array, at_most: int) -> IntArray:
    """Rows of the highest scores, the best first; of equal ones the earlier."""
    return np.argsort(-score, kind="stable")[:at_most]


def sigmoid(value: Float32Array) -> Float32Array:
    """From logits to shares."""
    with np.errstate(over="ignore"):  # exp of a large number is inf, and the share 0
        share: Float32Array = np.float32(1) / (np.float32(1) + np.exp(-value))
    return share


def softmax(value: Float32Array) -> Float32Array:
    """From logits ``(..., C)`` to shares that add up to one."""
    raised = np.exp(value - value.max(axis=-1, keepdims=True))
    share: Float32Array = raised / raised.sum(axis=-1, keepdims=True)
    return share
