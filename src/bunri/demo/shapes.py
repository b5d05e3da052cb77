"""Outlines as points ``(N, 2)`` in unit coordinates: x to the right, y down, the object within [0, 1]."""

from collections.abc import Sequence

import numpy as np

from bunri.boxes import FloatArray


def rectangle(left: float, top: float, right: float, bottom: float) -> FloatArray:
    """Four corners."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def ellipse(x: float, y: float, radius_x: float, radius_y: float, points: int = 28) -> FloatArray:
    """An ellipse around ``(x, y)``."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([x + radius_x * np.cos(angle), y + radius_y * np.sin(angle)], axis=1)


def blob(random: np.random.Generator, radius: float, roughness: float, points: int = 40) -> FloatArray:
    """An irregular closed outline around the middle; ``roughness`` 0 is a circle, 0.4 is torn."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    waves = sum(random.normal(0, roughness / k) * np.cos(k * angle + random.uniform(0, 2 * np.pi)) for k in range(2, 7))
    reach = np.clip(radius * (1 + waves), 0.1, 0.49)
    return np.stack([0.5 + reach * np.cos(angle), 0.5 + reach * np.sin(angle)], axis=1)


def torn(random: np.random.Generator, outline: FloatArray, depth: float, steps: int = 9) -> FloatArray:
    """The outline with ragged edges: points put between its corners and moved by about ``depth``."""
    along = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    dense = (outline[:, None] * (1 - along) + np.roll(outline, -1, axis=0)[:, None] * along).reshape(-1, 2)
    return np.clip(dense + random.normal(0, depth, dense.shape), 0.01, 0.99)


def jittered(random: np.random.Generator, outline: FloatArray, depth: float) -> FloatArray:
    """The outline with its corners moved by about ``depth``."""
    return np.clip(outline + random.normal(0, depth, outline.shape), 0.01, 0.99)


def turned(heights: Sequence[float], radii: Sequence[float], x: float = 0.5) -> FloatArray:
    """A vessel's outline: radii at heights from top to bottom, mirrored at the axis ``x``."""
    right = np.stack([x + np.array(radii), np.array(heights)], axis=1)
    left = np.stack([x - np.array(radii), np.array(heights)], axis=1)
    return np.concatenate([right, left[::-1]])


def zigzag(left: float, right: float, y: float, depth: float, teeth: int) -> FloatArray:
    """A toothed edge from left to right."""
    x = np.linspace(left, right, 2 * teeth + 1)
    return np.stack([x, y + depth * (np.arange(2 * teeth + 1) % 2)], axis=1)


def arc(x: float, y: float, radius_x: float, radius_y: float, start: float, end: float) -> FloatArray:
    """A part of an ellipse between two angles in degrees, clockwise from the right."""
    angle = np.deg2rad(np.linspace(start, end, 16))
    return np.stack([x + radius_x * np.cos(angle), y + radius_y * np.sin(angle)], axis=1)
