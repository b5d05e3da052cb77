"""Box arithmetic on arrays. A box is ``(x_min, y_min, x_max, y_max)`` in pixels unless a name says otherwise."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def xywh_to_xyxy(xywh: FloatArray) -> FloatArray:
    """COCO's ``(x, y, width, height)`` boxes ``(N, 4)`` as corners ``(N, 4)``."""
    xyxy = xywh.copy()
    xyxy[:, 2:] += xywh[:, :2]
    return xyxy


LARGEST_COORDINATE = 1e9
"""Pixels; a coordinate beyond is a mistake, and its square would leave the range in which areas are exact."""


def xyxy_to_xywh(xyxy: FloatArray) -> FloatArray:
    """Corners ``(N, 4)`` as COCO's ``(x, y, width, height)`` boxes ``(N, 4)``."""
    xywh = xyxy.copy()
    xywh[:, 2:] -= xyxy[:, :2]
    return xywh


def area(xyxy: FloatArray) -> FloatArray:
    """Areas ``(N,)`` of boxes ``(N, 4)``; a box of negative width or height has area 0."""
    sides = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0.0)
    return np.asarray(sides[:, 0] * sides[:, 1])


def clip_xyxy(xyxy: FloatArray, width: Any, height: Any) -> FloatArray:
    """Boxes ``(N, 4)`` cut at the border of their image; width and height are scalars or ``(N,)``."""
    clipped = np.empty_like(xyxy)
    clipped[:, 0::2] = np.clip(xyxy[:, 0::2], 0.0, np.expand_dims(width, -1))
    clipped[:, 1::2] = np.clip(xyxy[:, 1::2], 0.0, np.expand_dims(height, -1))
    return clipped


def iou_matrix(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union ``(N, M)`` of boxes ``(N, 4)`` and ``(M, 4)``; 0 where both boxes are empty."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.maximum(high - low, 0.0)
    intersection = sides[..., 0] * sides[..., 1]
    union = area(a)[:, None] + area(b)[None, :] - intersection
    return np.asarray(np.divide(intersection, union, out=np.zeros_like(union), where=union > 0))
