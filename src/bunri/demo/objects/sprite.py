"""What draws an object, and how a drawn object is laid on the ground: turned, foreshortened, in perspective."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from bunri.boxes import FloatArray
from bunri.demo.pen import Pen

Sketch = Callable[[Pen], None]
"""Draws one object with a pen."""


def sprite(sketch: Sketch, random: np.random.Generator, long_side: float) -> Image.Image:
    """An object as an RGBA picture, cut to its silhouette; ``long_side`` in pixels before it is laid down."""
    pen = Pen(random, max(12, round(long_side)))
    sketch(pen)
    laid = _laid_down(pen.finished(), random)
    return laid.crop(laid.getchannel("A").point(lambda alpha: 255 * (alpha > 30)).getbbox())


def _laid_down(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    side = picture.width
    corners = _laid_corners(random) * side
    corners -= corners.min(axis=0)
    width, height = (int(np.ceil(extent)) + 1 for extent in corners.max(axis=0))
    coefficients = perspective_coefficients(corners, np.array([(0, 0), (side, 0), (side, side), (0, side)], float))
    return picture.transform(
        (width, height), Image.Transform.PERSPECTIVE, coefficients, resample=Image.Resampling.BILINEAR
    )


def _laid_corners(random: np.random.Generator) -> FloatArray:
    """Corners ``(4, 2)`` of the unit square after a turn, a foreshortening of the depth, and a little perspective."""
    angle = np.deg2rad(random.uniform(0, 360))
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]) @ turn.T
    corners[:, 1] *= random.uniform(0.7, 1.0)
    return np.asarray(corners * (1 + random.uniform(0, 0.25) * corners[:, 1:]))


def perspective_coefficients(to: FloatArray, origin: FloatArray) -> list[float]:
    """The eight coefficients with which Pillow finds, for each corner in ``to`` ``(4, 2)``, its pixel in ``origin``."""
    rows = []
    for (x, y), (u, v) in zip(to, origin, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return [float(value) for value in np.linalg.solve(np.array(rows), origin.reshape(8))]
