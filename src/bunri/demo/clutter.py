"""Things that lie about and are not trash: leaves, stones, cones, manhole covers, shoes, twigs, balls and flowers."""

import numpy as np

from bunri.demo.colours import any_colour, bright_colour, from_hsv, lit
from bunri.demo.fields import facets, profile, ramp
from bunri.demo.objects.sprite import Sketch
from bunri.demo.pen import Pen
from bunri.demo.shapes import arc, blob, ellipse, jittered, rectangle, turned


def leaf(pen: Pen) -> None:
    """A leaf with its ribs."""
    colour = from_hsv(pen.random.uniform(0.03, 0.33), pen.random.uniform(0.4, 0.9), pen.random.uniform(0.3, 0.8))
    t, wide = np.linspace(0, 1, 14), pen.random.uniform(0.16, 0.3)
    edge = wide * np.sin(np.pi * t) ** 0.8
    pen.body(np.concatenate([np.stack([0.5 + edge, t], 1), np.stack([0.5 - edge, t], 1)[::-1]]), colour)
    pen.stroke(np.array([(0.5, 0.0), (0.5, 1.0)]), lit(colour, 0.6), 0.03)
    for y in (0.3, 0.45, 0.6, 0.75):
        pen.stroke(np.array([(0.5 - wide, y - 0.15), (0.5, y), (0.5 + wide, y - 0.15)]), lit(colour, 0.75), 0.015)


def stone(pen: Pen) -> None:
    """A rounded stone."""
    colour = from_hsv(pen.random.uniform(0, 0.15), pen.random.uniform(0, 0.25), pen.random.uniform(0.35, 0.85))
    pen.body(blob(pen.random, 0.4, 0.06), colour)
    pen.shade(ramp(pen.side, pen.side, pen.random.uniform(0, 360)), 0.45)
    pen.shade(facets(pen.random, pen.side, 5), 0.1)


def cone(pen: Pen) -> None:
    """A traffic cone."""
    colour = bright_colour(pen.random)
    pen.body(rectangle(0.1, 0.82, 0.9, 0.95), lit(colour, 0.7))
    pen.body(turned((0.05, 0.85), (0.05, 0.3)), colour)
    for y in (0.3, 0.55):
        pen.detail(rectangle(0, y, 1, y + 0.12), (235, 235, 230))
    pen.shade(profile((-0.4, 0.2, 0.0, -0.4), pen.side))


def manhole(pen: Pen) -> None:
    """A round iron cover with a grid."""
    colour = from_hsv(pen.random.random(), 0.08, pen.random.uniform(0.25, 0.5))
    pen.body(ellipse(0.5, 0.5, 0.48, 0.48), colour)
    pen.detail(ellipse(0.5, 0.5, 0.43, 0.43), lit(colour, 0.6))
    pen.detail(ellipse(0.5, 0.5, 0.4, 0.4), lit(colour, 1.2))
    for x in np.linspace(0.15, 0.85, 8):
        pen.stroke(np.array([(x, 0.1), (x, 0.9)]), lit(colour, 0.7), 0.025)
        pen.stroke(np.array([(0.1, x), (0.9, x)]), lit(colour, 0.7), 0.025)


def shoe(pen: Pen) -> None:
    """A shoe from the side."""
    colour = any_colour(pen.random)
    upper = [(0.08, 0.35), (0.36, 0.3), (0.5, 0.5), (0.8, 0.58), (0.94, 0.7), (0.94, 0.78), (0.06, 0.78)]
    pen.body(jittered(pen.random, np.array(upper), 0.015), colour)
    pen.body(rectangle(0.05, 0.76, 0.95, 0.86), (230, 228, 220))
    for x in (0.42, 0.5, 0.58):
        pen.stroke(np.array([(x, 0.42), (x + 0.1, 0.52)]), (240, 240, 240), 0.025)


def twig(pen: Pen) -> None:
    """A forked twig."""
    colour = from_hsv(0.08, pen.random.uniform(0.3, 0.6), pen.random.uniform(0.2, 0.5))
    pen.limb(
        jittered(pen.random, np.array([(0.05, 0.5), (0.35, 0.52), (0.65, 0.46), (0.95, 0.5)]), 0.03), colour, 0.035
    )
    pen.limb(np.array([(0.45, 0.5), (0.7, 0.25)]), colour, 0.025)


def ball(pen: Pen) -> None:
    """A ball with seams."""
    colour = any_colour(pen.random)
    pen.body(ellipse(0.5, 0.5, 0.45, 0.45), colour)
    for x in (0.1, 0.9):
        pen.stroke(arc(x, 0.5, 0.35, 0.45, 0, 360), lit(colour, 0.5), 0.03)
    pen.shade(ramp(pen.side, pen.side, 60), -0.4)


def plant(pen: Pen) -> None:
    """A tuft of blades."""
    middle = np.array([0.5, 0.5])
    for _ in range(int(pen.random.integers(6, 12))):
        angle = pen.random.uniform(0, 2 * np.pi)
        tip = middle + 0.45 * np.array([np.cos(angle), np.sin(angle)])
        colour = from_hsv(pen.random.uniform(0.2, 0.36), pen.random.uniform(0.4, 0.8), pen.random.uniform(0.25, 0.65))
        side = np.array([-np.sin(angle), np.cos(angle)]) * 0.05
        pen.body(np.array([middle + side, tip, middle - side]), colour)


CLUTTER: tuple[tuple[Sketch, tuple[float, float]], ...] = (
    (leaf, (14, 48)),
    (leaf, (14, 48)),
    (stone, (10, 60)),
    (stone, (10, 60)),
    (cone, (40, 90)),
    (manhole, (60, 120)),
    (shoe, (40, 80)),
    (twig, (30, 90)),
    (ball, (24, 60)),
    (plant, (24, 80)),
)
"""What lies about, with the smallest and largest long side in pixels of the photo."""
