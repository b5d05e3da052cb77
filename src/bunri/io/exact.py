"""Numbers that survive a file: sides and centres of boxes that give back the same corners."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from bunri.boxes import BoolArray, FloatArray, IntArray

_DECIMALS = range(7)

_YOLO_DECIMALS = range(1, 9)
"""Label files have six as a rule."""

_STEPS = sorted(product(range(-6, 7), repeat=2), key=lambda steps: abs(steps[0]) + abs(steps[1]))
"""Small changes of centre and side, the smallest first."""


def xyxy_to_exact_xywh(xyxy: FloatArray) -> FloatArray:
    """Corners ``(N, 4)`` as ``(x, y, width, height)`` from which the same corners come back, bit for bit.

    ``x + (x_max - x)`` is not always ``x_max`` in floating point. Of the sides that do add up, the one with the fewest
    decimals is taken, so that 176.4 in a file stays 176.4. Corners that came from ``(x, y, width, height)`` always have
    such sides. For others there may be none; then the side is the rounded difference, and the corner moves once, by its
    last bit.
    """
    low, high = xyxy[:, :2].ravel(), xyxy[:, 2:].ravel()
    sides = _sides_that_add_up(low, high)
    return np.concatenate([xyxy[:, :2], sides.reshape(-1, 2)], axis=1)


def _sides_that_add_up(low: FloatArray, high: FloatArray) -> FloatArray:
    difference = high - low
    sides = difference.copy()
    open_: BoolArray = np.ones(len(low), np.bool_)
    for decimals in _DECIMALS:
        _take_exact(np.round(difference, decimals), low, high, sides, open_)
    for candidate in (difference, np.nextafter(difference, np.inf), np.nextafter(difference, -np.inf)):
        _take_exact(candidate, low, high, sides, open_)
    return sides


def _take_exact(candidate: FloatArray, low: FloatArray, high: FloatArray, sides: FloatArray, open_: BoolArray) -> None:
    """Settle in place the open sides for which the candidate adds up."""
    settled = open_ & (low + candidate == high)
    sides[settled] = candidate[settled]
    open_ &= ~settled


def cxcywh_to_xyxy(cxcywh: FloatArray, size: IntArray) -> FloatArray:
    """Centre and sides ``(N, 4)`` in parts of the image's width and height ``(N, 2)`` as corners in pixels."""
    low, high = _corners(cxcywh[:, :2], cxcywh[:, 2:], size)
    return np.concatenate([low, high], axis=1)


def _corners(centre: FloatArray, side: FloatArray, length: IntArray) -> tuple[FloatArray, FloatArray]:
    middle, half = centre * length, side * length / 2
    return middle - half, middle + half


def xyxy_to_exact_cxcywh(xyxy: FloatArray, size: IntArray) -> FloatArray:
    """Corners ``(N, 4)`` as centre and sides from which :func:`cxcywh_to_xyxy` gives the same corners, bit for bit.

    Of the numbers that do, those with the fewest decimals are taken: a label file of at most eight decimals is written
    as it was read. Corners that never were in such a file may have none; then they move once, by their last bits.
    """
    low, high, length = xyxy[:, :2].ravel(), xyxy[:, 2:].ravel(), size.ravel()
    found = np.stack([(low + high) / 2 / length, (high - low) / length])
    plain, open_ = found.copy(), np.arange(len(low))
    for centre, side in _near(plain):
        back = _corners(centre[open_], side[open_], length[open_])
        fits = (back[0] == low[open_]) & (back[1] == high[open_])
        found[:, open_[fits]] = centre[open_[fits]], side[open_[fits]]
        open_ = open_[~fits]
    return np.concatenate([part.reshape(-1, 2) for part in found], axis=1)


def _near(plain: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Centres and sides ``(2N,)`` beside the plain ones ``(2, 2N)``: rounded, then moved by quarters of a last bit."""
    centre, side = plain
    yield from ((np.round(centre, decimals), np.round(side, decimals)) for decimals in _YOLO_DECIMALS)
    bit = np.spacing(np.maximum(np.abs(centre), side)) / 4
    yield from ((centre + i * bit, side + j * bit) for i, j in _STEPS)
