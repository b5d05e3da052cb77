"""Things turned on a lathe: cans, bottles, cups and batteries."""

import numpy as np

from bunri.demo.colours import Colour, any_colour, bright_colour, contrast, from_hsv, lit
from bunri.demo.fields import facets, profile
from bunri.demo.pen import Pen
from bunri.demo.shapes import ellipse, rectangle, turned

_GLOSS = (-0.55, -0.1, 0.9, 0.1, -0.15, -0.35, 0.35, -0.6)
_METAL = (-0.6, 0.35, -0.25, 0.55, 0.1, -0.35, 0.25, -0.65)


def metal(pen: Pen) -> None:
    """A can, standing or crushed, or a flat tin."""
    (_can, _can, _crushed_can, _tin)[int(pen.random.integers(0, 4))](pen)


def glass(pen: Pen) -> None:
    """A bottle with a long smooth neck, half transparent, with one hard reflection."""
    random = pen.random
    colour, clear = _liquid_colour(random), int(random.integers(120, 215))
    body, neck = random.uniform(0.14, 0.2), random.uniform(0.045, 0.06)
    shoulder = random.uniform(0.36, 0.5)
    heights = (0.03, 0.22, shoulder - 0.06, shoulder, shoulder + 0.08, 0.95, 0.98)
    pen.body(turned(heights, (neck, neck, neck + 0.03, body * 0.8, body, body, body - 0.03)), colour, clear)
    pen.body(rectangle(0.5 - neck - 0.015, 0.03, 0.5 + neck + 0.015, 0.075), lit(colour, 0.8), 235)
    _label(pen, body, shoulder + 0.14, random.uniform(0.76, 0.88), chance=0.65)
    pen.shade(profile((-0.3, 0.0, -0.1, -0.3), pen.side))
    gleam = 0.5 - body * 0.55
    pen.detail(rectangle(gleam, shoulder + 0.06, gleam + 0.035, 0.9), (255, 255, 255), 0.85)
    pen.detail(rectangle(0.5 - neck * 0.6, 0.1, 0.5 - neck * 0.1, shoulder - 0.1), (255, 255, 255), 0.7)


def plastic(pen: Pen) -> None:
    """A bottle with cap, ribs and label, or a clear cup with a lid."""
    (_pet_bottle, _pet_bottle, _clear_cup)[int(pen.random.integers(0, 3))](pen)


def battery(pen: Pen) -> None:
    """A small cell: a long jacket in two colours and a pole."""
    random, radius = pen.random, pen.random.uniform(0.13, 0.19)
    jacket, band = any_colour(random), any_colour(random)
    split = random.uniform(0.24, 0.5)
    pen.body(rectangle(0.5 - radius, 0.1, 0.5 + radius, 0.95), jacket)
    pen.detail(rectangle(0, 0.1, 1, split), band)
    pen.body(ellipse(0.5, 0.95, radius, 0.035), lit(jacket, 0.8))
    pen.body(rectangle(0.5 - radius * 0.38, 0.02, 0.5 + radius * 0.38, 0.11), (205, 205, 210))
    pen.detail(rectangle(0.3, 0.1, 0.7, 0.13), (200, 200, 205))
    pen.detail(rectangle(0.3, 0.91, 0.7, 1.0), (190, 190, 195))
    plus = contrast(random, band)
    pen.stroke(np.array([(0.44, 0.2), (0.56, 0.2)]), plus, 0.03)
    pen.stroke(np.array([(0.5, 0.15), (0.5, 0.25)]), plus, 0.03)
    pen.shade(_narrow(_GLOSS, radius, pen.side))


def _can(pen: Pen, squeeze: float = 0.0) -> None:
    random, colour, radius = pen.random, any_colour(pen.random), pen.random.uniform(0.2, 0.27)
    heights = (0.12, 0.18, 0.5, 0.86, 0.93)
    pen.body(turned(heights, (radius * 0.88, radius, radius * (1 - squeeze), radius, radius * 0.86)), colour)
    pen.body(ellipse(0.5, 0.92, radius * 0.86, 0.05), (150, 150, 155))
    pen.print_on(0.5 - radius, 0.28, 0.5 + radius, 0.8, colour)
    pen.shade(_narrow(_METAL, radius, pen.side))
    _lid(pen, 0.13, radius * 0.9, random.random() < 0.75)


def _crushed_can(pen: Pen) -> None:
    _can(pen, squeeze=pen.random.uniform(0.25, 0.5))
    pen.shade(facets(pen.random, pen.side, 10), 0.4)


def _tin(pen: Pen) -> None:
    colour, radius = any_colour(pen.random), pen.random.uniform(0.36, 0.45)
    pen.body(rectangle(0.5 - radius, 0.35, 0.5 + radius, 0.72), colour)
    pen.body(ellipse(0.5, 0.72, radius, 0.14), colour)
    pen.shade(_narrow(_METAL, radius, pen.side))
    _lid(pen, 0.35, radius, True)
    for ring in (0.85, 0.6):
        loop = ellipse(0.5, 0.35, radius * ring, radius * ring * 0.42)
        pen.stroke(np.concatenate([loop, loop[:1]]), (120, 120, 125), 0.015)


def _lid(pen: Pen, y: float, radius: float, with_ring: bool) -> None:
    pen.body(ellipse(0.5, y, radius, radius * 0.42), (214, 214, 218))
    pen.detail(ellipse(0.5, y + 0.008, radius * 0.84, radius * 0.33), (150, 150, 156))
    pen.detail(ellipse(0.5, y + 0.016, radius * 0.78, radius * 0.28), (188, 188, 194))
    if with_ring:
        pen.detail(ellipse(0.5, y + 0.012, radius * 0.26, radius * 0.14), (90, 90, 95))
        pen.detail(ellipse(0.5, y + 0.012, radius * 0.14, radius * 0.06), (215, 215, 220))


def _pet_bottle(pen: Pen) -> None:
    random = pen.random
    colour, clear = _liquid_colour(random), int(random.integers(110, 210))
    body = random.uniform(0.15, 0.2)
    waist = body * random.uniform(0.8, 1.0)
    heights = (0.1, 0.16, 0.32, 0.55, 0.72, 0.93, 0.97)
    pen.body(turned(heights, (0.055, 0.06, body, waist, body, body, body - 0.04)), colour, clear)
    for y in np.arange(0.34, 0.94, random.uniform(0.05, 0.08)):
        pen.stroke(np.array([(0.5 - body, y), (0.5 + body, y)]), lit(colour, 0.6), 0.018, 0.8)
        pen.stroke(np.array([(0.5 - body, y + 0.02), (0.5 + body, y + 0.02)]), (255, 255, 255), 0.012, 0.6)
    _label(pen, body, 0.42, random.uniform(0.58, 0.68), chance=0.7)
    pen.shade(_narrow(_GLOSS, body, pen.side), 0.6)
    if random.random() < 0.85:
        _cap(pen, bright_colour(random) if random.random() < 0.6 else (235, 235, 235))


def _cap(pen: Pen, colour: Colour) -> None:
    pen.body(rectangle(0.43, 0.02, 0.57, 0.11), colour)
    for x in (0.46, 0.5, 0.54):
        pen.stroke(np.array([(x, 0.02), (x, 0.11)]), lit(colour, 0.7), 0.012)


def _clear_cup(pen: Pen) -> None:
    random, colour = pen.random, _liquid_colour(pen.random)
    pen.body(turned((0.3, 0.95), (0.27, 0.17)), colour, int(random.integers(110, 190)))
    for x in np.linspace(-0.2, 0.2, 7):
        pen.stroke(np.array([(0.5 + x, 0.34), (0.5 + x * 0.65, 0.93)]), (255, 255, 255), 0.012, 0.6)
    pen.body(ellipse(0.5, 0.28, 0.24, 0.15), lit(colour, 1.2), 150)
    pen.body(rectangle(0.21, 0.28, 0.79, 0.335), lit(colour, 1.1), 225)
    pen.limb(np.array([(0.52, 0.2), (0.58, 0.03)]), bright_colour(random), 0.035)
    pen.shade(profile((-0.4, 0.3, 0.0, -0.1, -0.4), pen.side), 0.7)


def _label(pen: Pen, radius: float, top: float, bottom: float, chance: float) -> None:
    if pen.random.random() < chance:
        colour = any_colour(pen.random)
        pen.body(rectangle(0.5 - radius, top, 0.5 + radius, bottom), colour)
        pen.print_on(0.5 - radius, top, 0.5 + radius, bottom, colour)


def _liquid_colour(random: np.random.Generator) -> Colour:
    """Clear, green, brown or any other."""
    if random.random() < 0.4:
        return from_hsv(random.uniform(0.3, 0.6), random.uniform(0.02, 0.15), random.uniform(0.6, 0.9))
    return any_colour(random)


def _narrow(values: tuple[float, ...], radius: float, side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Light of a cylinder that fills only ``radius`` at both sides of the middle."""
    x = (np.linspace(0, 1, side) - (0.5 - radius)) / (2 * radius)
    row = np.interp(x, np.linspace(0, 1, len(values)), values).astype(np.float32)
    return np.broadcast_to(row, (side, side))
