"""What trash lies on: asphalt, paving stones, grass, sand and floors, as fields of colour ``(H, W, 3)`` in [0, 255]."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bunri.demo.colours import Colour, from_hsv
from bunri.demo.fields import Field, layered_noise, smooth_noise

Ground = Callable[[np.random.Generator, int, int], Field]


def any_ground(random: np.random.Generator, width: int, height: int) -> Field:
    """One of the grounds."""
    return GROUNDS[int(random.integers(0, len(GROUNDS)))](random, width, height)


def asphalt(random: np.random.Generator, width: int, height: int) -> Field:
    """Dark grains, patches, and sometimes a crack or a painted line."""
    grain = smooth_noise(random, width, height, 1.1) * 14 + layered_noise(random, width, height, (45, 6)) * 9
    ground = _tinted(random.uniform(70, 135) + grain, from_hsv(random.random(), random.uniform(0, 0.08), 1.0))
    marks = _Marks(width, height)
    if random.random() < 0.35:
        marks.band(random, (225, 220, 205), random.uniform(0.06, 0.16))
    if random.random() < 0.5:
        marks.crack(random, (38, 36, 36))
    return marks.over(ground)


def paving(random: np.random.Generator, width: int, height: int) -> Field:
    """Stones in rows with joints, each stone of its own shade."""
    shift, skew = random.choice((0.0, 0.5)), random.uniform(-0.3, 0.3)
    stones = _bricks(random, width, height, random.uniform(20, 55), random.uniform(14, 35), shift, 9, skew)
    light = random.uniform(120, 180) + stones + smooth_noise(random, width, height, 1.5) * 7
    return _tinted(light, from_hsv(random.uniform(0.02, 0.15), random.uniform(0.02, 0.3), 1.0))


def grass(random: np.random.Generator, width: int, height: int) -> Field:
    """Blades in all greens over earth."""
    base = _tinted(
        95 + layered_noise(random, width, height, (35, 4, 1.5)) * 22, from_hsv(random.uniform(0.16, 0.3), 0.5, 1)
    )
    marks = _Marks(width, height)
    for _ in range(700):
        x, y = random.random(2) * (width, height)
        lean, reach = random.normal(0, 3.5), random.uniform(4, 12)
        blade = from_hsv(random.uniform(0.14, 0.33), random.uniform(0.35, 0.7), random.uniform(0.25, 0.7))
        marks.draw.line([(x, y), (x + lean, y - reach)], fill=(*blade, 200))
    return marks.over(base)


def sand(random: np.random.Generator, width: int, height: int) -> Field:
    """Fine grains and soft ripples."""
    ripples = np.sin(layered_noise(random, width, height, (80, 30)) * 6) * random.uniform(2, 12)
    light = random.uniform(165, 205) + ripples + smooth_noise(random, width, height, 1) * 11
    return _tinted(light, from_hsv(random.uniform(0.08, 0.13), random.uniform(0.15, 0.4), 1.0))


def tiles(random: np.random.Generator, width: int, height: int) -> Field:
    """A smooth tiled floor."""
    side = random.uniform(45, 85)
    light = random.uniform(125, 205) + _bricks(random, width, height, side, side, shift=0.0, spread=3)
    return _tinted(light + smooth_noise(random, width, height, 30) * 3, (255, 252, 246))


def planks(random: np.random.Generator, width: int, height: int) -> Field:
    """A wooden floor with its grain."""
    wide = random.uniform(18, 35)
    light = random.uniform(125, 205) + _bricks(random, width, height, wide * 6, wide, shift=0.37, spread=10)
    grain = np.repeat(layered_noise(random, width // 13 + 2, height, (7, 1)) * 10, 13, axis=1)[:, :width]
    return _tinted(light + grain, from_hsv(random.uniform(0.05, 0.1), random.uniform(0.35, 0.6), 1.0))


GROUNDS: tuple[Ground, ...] = (asphalt, asphalt, paving, paving, grass, sand, tiles, planks)
"""Streets and pavements are the most frequent."""


class _Marks:
    """Drawn marks that are laid over a ground."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.layer = Image.new("RGBA", (width, height))
        self.draw = ImageDraw.Draw(self.layer)

    def band(self, random: np.random.Generator, colour: Colour, thickness: float) -> None:
        """A painted line across the photo."""
        start, end = random.uniform(0, self.height, 2)
        points = [(-20, start), (self.width + 20, end)]
        self.draw.line(points, fill=(*colour, 190), width=round(thickness * self.height))

    def crack(self, random: np.random.Generator, colour: Colour) -> None:
        """A thin ragged line."""
        steps = np.cumsum(random.normal(0, 5, 24)) + random.uniform(0, self.height)
        points = list(zip(np.linspace(0, self.width, 24).tolist(), steps.tolist(), strict=True))
        self.draw.line(points, fill=(*colour, 230), width=2)

    def over(self, ground: Field) -> Field:
        """The ground with the marks on it."""
        marks = np.asarray(self.layer, dtype=np.float32)
        share = marks[..., 3:] / 255
        return np.asarray(ground * (1 - share) + marks[..., :3] * share, dtype=np.float32)


def _bricks(
    random: np.random.Generator,
    width: int,
    height: int,
    long: float,
    wide: float,
    shift: float,
    spread: float,
    skew: float = 0.0,
) -> Field:
    """Light of rows of bricks, each row moved by ``shift`` of a brick; ``spread`` grey levels between bricks."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    row = (y - skew * x) / wide + 50
    column = (x + skew * y) / long + shift * np.floor(row) + 50
    joint = np.minimum((column % 1) * long, (row % 1) * wide) < random.uniform(1.2, 2.6)
    shades = random.normal(0, spread, (64, 64)).astype(np.float32)
    return np.asarray(shades[np.int32(row) % 64, np.int32(column) % 64] - joint * random.uniform(25, 55), np.float32)


def _tinted(light: NDArray[np.floating], colour: Colour) -> Field:
    return np.asarray(light[..., None] * (np.array(colour, dtype=np.float32) / 255), dtype=np.float32)
