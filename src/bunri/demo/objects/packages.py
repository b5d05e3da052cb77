"""Sheets and boxes: general trash, paper, paper packs and foam."""

import numpy as np

from bunri.demo.colours import Colour, any_colour, bright_colour, from_hsv, lit
from bunri.demo.fields import cells, facets, folds, profile
from bunri.demo.pen import Pen
from bunri.demo.shapes import blob, ellipse, jittered, rectangle, torn, turned, zigzag


def general_trash(pen: Pen) -> None:
    """A snack wrapper, a used cup, a dirty tissue or a mask."""
    (_wrapper, _wrapper, _cup, _cup, _mask)[int(pen.random.integers(0, 5))](pen)


def paper(pen: Pen) -> None:
    """A crumpled ball, a sheet of text, or a flattened cardboard."""
    (_ball, _ball, _sheet, _cardboard)[int(pen.random.integers(0, 4))](pen)


def paper_pack(pen: Pen) -> None:
    """A milk carton with its gable, or a small carton with a straw."""
    random, colour = pen.random, any_colour(pen.random)
    left, right, depth = 0.2, random.uniform(0.5, 0.62), random.uniform(0.14, 0.24)
    roof = random.uniform(0.24, 0.36)
    _two_faces(pen, left, right, depth, roof, colour)
    pen.print_on(left + 0.03, roof + 0.08, right - 0.03, 0.92, colour)
    (_gable if random.random() < 0.75 else _straw_top)(pen, left, right, depth, roof, colour)
    pen.shade(facets(random, pen.side, 6), 0.12)


def styrofoam(pen: Pen) -> None:
    """A foam box, a tray, or a broken piece, full of small beads."""
    random = pen.random
    colour = from_hsv(random.random(), random.uniform(0, 0.08), random.uniform(0.75, 0.98))
    colour = any_colour(random) if random.random() < 0.35 else colour
    (_foam_box, _foam_box, _foam_piece, _tray)[int(random.integers(0, 4))](pen, colour)
    pen.shade(cells(random, pen.side, max(2.5, pen.side * 0.035)), 0.22)


def _wrapper(pen: Pen) -> None:
    random, colour = pen.random, any_colour(pen.random)
    top, bottom = random.uniform(0.1, 0.25), random.uniform(0.75, 0.9)
    teeth = int(random.integers(5, 9))
    outline = np.concatenate([zigzag(0.2, 0.8, top, 0.05, teeth), zigzag(0.2, 0.8, bottom, 0.05, teeth)[::-1]])
    pen.body(outline, colour)
    pen.print_on(0.22, top + 0.14, 0.78, bottom - 0.12, colour)
    for y in (top + 0.09, bottom - 0.06):
        pen.stroke(np.array([(0.2, y), (0.8, y)]), lit(colour, 0.6), 0.025)
    pen.shade(folds(random, pen.side, 2.5), 0.3)


def _cup(pen: Pen) -> None:
    random, colour = pen.random, any_colour(pen.random)
    top, foot = random.uniform(0.26, 0.34), random.uniform(0.17, 0.22)
    pen.body(turned((0.16, 0.9), (top, foot)), colour)
    pen.body(ellipse(0.5, 0.9, foot, 0.05), lit(colour, 0.9))
    pen.print_on(0.3, 0.35, 0.7, 0.75, colour)
    pen.shade(profile((-0.3, 0.15, 0.1, -0.1, -0.4), pen.side))
    inside = lit(colour, 0.55) if random.random() < 0.6 else bright_colour(random)
    pen.body(ellipse(0.5, 0.16, top, 0.1), lit(colour, 1.15))
    pen.detail(ellipse(0.5, 0.165, top * 0.86, 0.075), inside)


def _mask(pen: Pen) -> None:
    random, colour = pen.random, any_colour(pen.random)
    for side in (-1, 1):
        loop = ellipse(0.5 + side * 0.34, 0.5, 0.13, 0.17)
        pen.limb(np.concatenate([loop, loop[:1]]), lit(colour, 1.1), 0.02)
    pen.body(jittered(random, rectangle(0.18, 0.3, 0.82, 0.7), 0.02), colour)
    for y in (0.4, 0.48, 0.56, 0.63):
        pen.stroke(np.array([(0.18, y), (0.82, y)]), lit(colour, 0.7), 0.015)
    pen.shade(folds(random, pen.side, 1.5), 0.18)


def _ball(pen: Pen) -> None:
    random, colour = pen.random, any_colour(pen.random)
    outline = torn(random, blob(random, random.uniform(0.36, 0.44), 0.12, 14), 0.012, 3)
    pen.body(outline, colour)
    if random.random() < 0.3:
        pen.text_on(0.2, 0.25, 0.8, 0.75, colour)
    pen.shade(facets(random, pen.side, int(random.integers(12, 26))), 0.42)


def _sheet(pen: Pen) -> None:
    random, colour = pen.random, any_colour(pen.random)
    margin = random.uniform(0.12, 0.24)
    pen.body(torn(random, jittered(random, rectangle(margin, 0.08, 1 - margin, 0.92), 0.03), 0.006), colour)
    if random.random() < 0.4:
        pen.print_on(margin + 0.06, 0.14, 0.94 - margin, 0.4, colour)
    pen.text_on(margin + 0.08, 0.2, 0.92 - margin, 0.86, colour)
    pen.shade(facets(random, pen.side, int(random.integers(3, 8))), 0.22)


def _cardboard(pen: Pen) -> None:
    random, colour = pen.random, any_colour(pen.random)
    pen.body(torn(random, rectangle(0.08, 0.3, 0.92, 0.72), 0.006), colour)
    for left, right in ((0.1, 0.36), (0.4, 0.66), (0.7, 0.9)):
        for edge, flap in ((0.3, 0.3 - random.uniform(0.08, 0.2)), (0.72, 0.72 + random.uniform(0.08, 0.2))):
            pen.body(
                jittered(random, rectangle(left, min(edge, flap), right, max(edge, flap)), 0.012), lit(colour, 0.86)
            )
    for x in (0.38, 0.68):
        pen.stroke(np.array([(x, 0.3), (x, 0.72)]), lit(colour, 0.6), 0.015)
    pen.shade(facets(random, pen.side, 4), 0.14)


def _two_faces(pen: Pen, left: float, right: float, depth: float, top: float, colour: Colour) -> None:
    pen.body(rectangle(left, top, right, 0.95), colour)
    side = np.array([(right, top), (right + depth, top - depth * 0.35), (right + depth, 0.95 - depth * 0.35)])
    pen.body(np.concatenate([side, [(right, 0.95)]]), lit(colour, 0.66))


def _gable(pen: Pen, left: float, right: float, depth: float, roof: float, colour: Colour) -> None:
    ridge = roof - 0.18
    back = depth * 0.5
    pen.body(np.array([(left, roof), (left + back, ridge), (right + back, ridge), (right, roof)]), lit(colour, 1.15))
    pen.body(np.array([(right, roof), (right + back, ridge), (right + depth, roof - depth * 0.35)]), lit(colour, 0.5))
    pen.body(rectangle(left + back, ridge - 0.07, right + back, ridge), lit(colour, 0.9))
    pen.stroke(np.array([(left + back, ridge), (right + back, ridge)]), lit(colour, 0.5), 0.02)


def _straw_top(pen: Pen, left: float, right: float, depth: float, roof: float, colour: Colour) -> None:
    lid = [(left, roof), (left + depth, roof - depth * 0.35), (right + depth, roof - depth * 0.35), (right, roof)]
    pen.body(np.array(lid), lit(colour, 1.15))
    x = (left + right) / 2
    pen.limb(np.array([(x, roof - 0.03), (x + 0.03, 0.1), (x + 0.16, 0.05)]), bright_colour(pen.random), 0.035)


def _foam_box(pen: Pen, colour: Colour) -> None:
    rise, back = pen.random.uniform(0.1, 0.2), pen.random.uniform(0.14, 0.24)
    front, right = 0.5 - rise / 2, 0.92 - back
    pen.body(rectangle(0.06, front, right, 0.85), lit(colour, 0.9))
    pen.body(
        np.array([(right, front), (right + back, front - rise), (right + back, 0.85 - rise), (right, 0.85)]),
        lit(colour, 0.7),
    )
    top = np.array([(0.06, front), (0.06 + back, front - rise), (right + back, front - rise), (right, front)])
    pen.body(top, lit(colour, 1.1))
    if pen.random.random() < 0.6:
        middle = top.mean(axis=0)
        pen.detail(middle + (top - middle) * 0.78, lit(colour, 0.55))
    pen.stroke(np.array([(0.06, front + 0.1), (right, front + 0.1)]), lit(colour, 0.6), 0.02)


def _foam_piece(pen: Pen, colour: Colour) -> None:
    random = pen.random
    outline = torn(random, jittered(random, rectangle(0.15, 0.2, 0.85, 0.75), 0.08), 0.02, 8)
    pen.body(np.clip(outline + np.array([0.05, 0.09]), 0, 1), lit(colour, 0.62))
    pen.body(outline, colour)


def _tray(pen: Pen, colour: Colour) -> None:
    pen.body(torn(pen.random, rectangle(0.08, 0.24, 0.92, 0.78), 0.004, 5), colour)
    pen.detail(rectangle(0.15, 0.31, 0.85, 0.71), lit(colour, 0.72))
    pen.detail(rectangle(0.18, 0.36, 0.85, 0.71), lit(colour, 0.9))
    for x in np.linspace(0.26, 0.78, 6):
        pen.stroke(np.array([(x, 0.4), (x, 0.67)]), lit(colour, 0.7), 0.02)
