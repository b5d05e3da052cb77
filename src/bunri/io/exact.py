"""Numbers that survive a file: sides of boxes that give back the same corners."""

import numpy as np

from bunri.boxes import BoolArray, FloatArray

_DECIMALS = range(7)


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
