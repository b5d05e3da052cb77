"""Compiled loop that makes a photo a network's input."""

import numpy as np
from numpy.typing import NDArray

from bunri.compiled import compiled, compiled_part

Float32Array = NDArray[np.float32]


@compiled_part
def _place(scale: np.float32, position: int, sides: int) -> tuple[int, int, np.float32]:
    """The two cells an output cell lies between, and how far beyond the first."""
    exact = np.float64(scale) * np.float64(np.float32(position) + np.float32(0.5)) - 0.5  # rounded once, as FMA does
    place = max(np.float32(exact), np.float32(0))
    first = min(int(place), sides - 1)
    beyond = min(max(place - np.float32(first), np.float32(0)), np.float32(1))
    return first, min(first + 1, sides - 1), beyond


@compiled_part
def _fused(a: np.float32, b: np.float32, c: np.float32) -> np.float32:
    """``a * b + c`` rounded once: float64 holds the product of two float32 exactly."""
    return np.float32(np.float64(a) * np.float64(b) + np.float64(c))


@compiled
def resize_into(photo: NDArray[np.uint8], values: Float32Array, height: int, width: int, out: Float32Array) -> None:
    """Write a photo ``(H, W, 3)``, normalised and resized bilinearly, into the corner of ``out`` ``(3, >=h, >=w)``.

    ``values`` ``(3, 256)`` has the normalised value of each byte. Every operation is rounded as in torch's
    ``interpolate`` in one thread of a CPU with fused multiplication and addition, so that pixels are equal to the bit.
    """
    rows, columns = photo.shape[0], photo.shape[1]
    scale_y, scale_x = np.float32(rows) / np.float32(height), np.float32(columns) / np.float32(width)
    for y in range(height):
        top, bottom, down = _place(scale_y, y, rows)
        up = np.float32(1) - down
        for x in range(width):
            left, right, across = _place(scale_x, x, columns)
            back = np.float32(1) - across
            for c in range(3):
                value = (up * across) * values[c, photo[top, right, c]]
                value = _fused(up * back, values[c, photo[top, left, c]], value)
                value = _fused(down * back, values[c, photo[bottom, left, c]], value)
                out[c, y, x] = _fused(down * across, values[c, photo[bottom, right, c]], value)
