"""Random fields: grey-scale textures ``(H, W)`` that ground, light and objects are made of."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float32]


def stretched(values: NDArray[np.float64], width: int, height: int, resample: Image.Resampling) -> Field:
    """Values of a small grid as a field ``(height, width)``."""
    image = Image.fromarray(values.astype(np.float32))
    return np.asarray(image.resize((width, height), resample), dtype=np.float32)


def smooth_noise(random: np.random.Generator, width: int, height: int, cell: float) -> Field:
    """Smooth noise of standard deviation near 1, whose hills are ``cell`` pixels wide."""
    shape = max(2, round(height / cell) + 1), max(2, round(width / cell) + 1)
    return stretched(random.normal(size=shape), width, height, Image.Resampling.BICUBIC)


def layered_noise(random: np.random.Generator, width: int, height: int, cells: tuple[float, ...]) -> Field:
    """Sum of smooth noises of several cell sizes in pixels, the coarse ones strongest."""
    layers = [smooth_noise(random, width, height, cell) * (cell / max(cells)) ** 0.5 for cell in cells]
    return np.asarray(np.sum(layers, axis=0), dtype=np.float32)


def ramp(width: int, height: int, degrees: float) -> Field:
    """A plane from -1 to 1 that rises in a direction."""
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    angle = np.deg2rad(degrees)
    return np.asarray(np.cos(angle) * x[None, :] + np.sin(angle) * y[:, None], dtype=np.float32)


def facets(random: np.random.Generator, side: int, count: int) -> Field:
    """Flat facets of differing light, like a crumpled sheet, in about [-1, 1], ``(side, side)``."""
    small = max(8, side // 2)
    y, x = np.mgrid[0:small, 0:small].astype(np.float32) / small
    centre = random.random((count, 2)).astype(np.float32)
    nearest = np.argmin((x[..., None] - centre[:, 0]) ** 2 + (y[..., None] - centre[:, 1]) ** 2, axis=-1)
    slope, level = random.normal(0, 1.6, (count, 2)), random.uniform(-0.7, 0.7, count)
    dx, dy = x - centre[nearest, 0], y - centre[nearest, 1]
    light = level[nearest] + slope[nearest, 0] * dx + slope[nearest, 1] * dy
    return stretched(light, side, side, Image.Resampling.BILINEAR)


def folds(random: np.random.Generator, side: int, count: float) -> Field:
    """Soft bent folds, like thin film or cloth, in about [-1, 1], ``(side, side)``."""
    bend = smooth_noise(random, side, side, side / 3) * 0.9
    phase = ramp(side, side, random.uniform(0, 360)) * np.pi * count + bend * 2.0
    return np.asarray(np.sin(phase) * (0.5 + 0.5 * np.sin(phase * 0.37 + 1.0)), dtype=np.float32)


def cells(random: np.random.Generator, side: int, cell: float) -> Field:
    """Fine beads, like expanded foam, in about [-1, 1], ``(side, side)``."""
    noise = smooth_noise(random, side, side, cell)
    return np.asarray(np.clip(np.abs(noise) - 0.7, -0.7, 0.9), dtype=np.float32)


def profile(values: tuple[float, ...], side: int, lean: float = 0.0) -> Field:
    """A field ``(side, side)`` that follows ``values`` from left to right, as light does on a cylinder."""
    x = np.linspace(0, 1, side) + lean
    row = np.interp(x, np.linspace(0, 1, len(values)), values)
    return np.broadcast_to(row.astype(np.float32), (side, side))
