"""Soft things: plastic bags and clothing."""

import numpy as np

from bunri.demo.colours import Colour, any_colour, bright_colour, contrast, from_hsv, lit
from bunri.demo.fields import facets, folds
from bunri.demo.pen import Pen
from bunri.demo.shapes import blob, ellipse, jittered, rectangle, torn


def plastic_bag(pen: Pen) -> None:
    """A carrier bag with two handles, or a tied one with its ears; thin, shining, half transparent."""
    random = pen.random
    colour = any_colour(random)
    clear = int(random.integers(150, 250))
    (_carrier if random.random() < 0.5 else _tied)(pen, colour, clear)
    pen.shade(folds(random, pen.side, random.uniform(3, 6)), 0.38)
    pen.shade(np.clip(folds(random, pen.side, random.uniform(4, 8)) - 0.55, 0, 1), 1.6)


def clothing(pen: Pen) -> None:
    """A shirt with sleeves, or trousers, with soft wrinkles."""
    random, colour = pen.random, any_colour(pen.random)
    (_shirt if random.random() < 0.65 else _trousers)(pen, colour)
    pen.shade(folds(random, pen.side, random.uniform(1.5, 3)), 0.25)
    pen.shade(facets(random, pen.side, 7), 0.1)


def _carrier(pen: Pen, colour: Colour, clear: int) -> None:
    random = pen.random
    corners = [(0.16, 0.34), (0.2, 0.06), (0.36, 0.05), (0.38, 0.32), (0.62, 0.32), (0.64, 0.05), (0.8, 0.06)]
    corners += [(0.84, 0.34), (0.9, 0.8), (0.8, 0.95), (0.5, 0.97), (0.2, 0.95), (0.1, 0.8)]
    pen.body(torn(random, jittered(random, np.array(corners), 0.02), 0.008, 4), colour, clear)
    for x in (0.28, 0.72):
        pen.hole(ellipse(x, 0.17, 0.035, 0.08))
    if random.random() < 0.6:
        pen.print_on(0.3, 0.5, 0.7, 0.8, colour)


def _tied(pen: Pen, colour: Colour, clear: int) -> None:
    random = pen.random
    outline = blob(random, 0.36, 0.07, 36) + np.array([0, 0.1])
    for side in (-1, 1):
        ear = np.array([(0.5, 0.3), (0.5 + side * 0.2, 0.04), (0.5 + side * 0.06, 0.02)])
        pen.body(jittered(random, ear, 0.03), lit(colour, 0.9), clear)
    pen.body(np.clip(outline, 0.02, 0.98), colour, clear)
    knot = np.array([0.5, 0.2])
    pen.body(ellipse(0.5, 0.2, 0.07, 0.05), lit(colour, 0.75), clear)
    for angle in np.deg2rad(random.uniform(20, 160, 9)):
        end = knot + np.array([np.cos(angle), np.sin(angle)]) * random.uniform(0.25, 0.6)
        pen.stroke(np.stack([knot, end]), lit(colour, random.choice((0.6, 1.5))), 0.018, 0.7)


def _shirt(pen: Pen, colour: Colour) -> None:
    random, sleeve = pen.random, pen.random.uniform(0.32, 0.6)
    half = [(0.42, 0.1), (0.3, 0.13), (0.04, sleeve - 0.06), (0.15, sleeve + 0.04), (0.28, 0.36), (0.27, 0.94)]
    outline = np.array(half + [(1 - x, y) for x, y in reversed(half)])
    pen.body(torn(random, jittered(random, outline, 0.018), 0.005, 4), colour)
    _pattern(pen, colour)
    pen.detail(ellipse(0.5, 0.1, 0.09, 0.06), lit(colour, 0.45))
    pen.stroke(np.array([(0.28, 0.36), (0.3, 0.14)]), lit(colour, 0.6), 0.015)
    pen.stroke(np.array([(0.72, 0.36), (0.7, 0.14)]), lit(colour, 0.6), 0.015)


def _trousers(pen: Pen, colour: Colour) -> None:
    spread = pen.random.uniform(0.0, 0.1)
    left = [(0.3, 0.06), (0.25 - spread, 0.95), (0.43 - spread, 0.95), (0.5, 0.36)]
    outline = np.array([*left, (0.57 + spread, 0.95), (0.75 + spread, 0.95), (0.7, 0.06)])
    pen.body(torn(pen.random, jittered(pen.random, outline, 0.018), 0.005, 4), colour)
    pen.detail(rectangle(0.2, 0.05, 0.8, 0.12), lit(colour, 0.65))
    pen.stroke(np.array([(0.5, 0.12), (0.5, 0.36)]), lit(colour, 0.6), 0.015)


def _pattern(pen: Pen, colour: Colour) -> None:
    random, kind = pen.random, pen.random.integers(0, 3)
    if kind == 0:
        stripe = contrast(random, colour)
        for y in np.arange(0.2, 0.95, random.uniform(0.08, 0.14)):
            pen.detail(rectangle(0.0, y, 1.0, y + 0.035), stripe)
    elif kind == 1:
        pen.detail(ellipse(0.5, 0.42, 0.13, 0.12), bright_colour(random))
    else:
        pen.detail(rectangle(0.28, 0.55, 0.72, 0.6), from_hsv(random.random(), 0.2, 0.8), 0.4)
