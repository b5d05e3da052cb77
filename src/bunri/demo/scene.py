"""One scene: a ground, objects and clutter laid on it one over another, and what of each object stays visible."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from bunri.boxes import IntArray
from bunri.demo.classes import CLASS_NAMES
from bunri.demo.clutter import CLUTTER
from bunri.demo.ground import any_ground
from bunri.demo.light import photograph
from bunri.demo.objects import LONG_SIDE, SKETCHES
from bunri.demo.objects.sprite import sprite

WIDTH, HEIGHT = 256, 192
"""Pixels of a photo."""

SUPERSAMPLING = 2
"""Scenes are painted this many times larger, so that edges are smooth."""

MIN_VISIBLE = 0.4
"""Objects of which less is seen are not annotated, as an annotator would not see what they are."""

MIN_SIDE = 6
"""Pixels: visible parts narrower than this are not annotated."""

NOT_TRASH = -1


@dataclass(frozen=True)
class Label:
    """What an annotator would mark: a class and the tight box of the visible pixels, ``(x, y, width, height)``."""

    class_index: int
    box_xywh: tuple[float, float, float, float]


@dataclass(frozen=True)
class _Thing:
    class_index: int
    picture: Image.Image


class _Table:
    """The scene while things are laid on it; remembers which thing each pixel shows."""

    def __init__(self, ground: NDArray[np.float32]) -> None:
        self.picture = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))
        self.shown: IntArray = np.full(ground.shape[:2], NOT_TRASH)

    def lay(self, number: int, picture: Image.Image, x: int, y: int, shadow: tuple[int, int]) -> None:
        """Put a picture with its upper left corner at ``(x, y)``, and its shadow beside it."""
        opacity = picture.getchannel("A")
        soft = opacity.filter(ImageFilter.BoxBlur(4)).point(lambda alpha: alpha * 0.5)
        self.picture.paste((12, 12, 18), (x + shadow[0], y + shadow[1]), soft)
        self.picture.paste(picture.convert("RGB"), (x, y), opacity)
        height, width = self.shown.shape[0], self.shown.shape[1]
        left, top = max(0, -x), max(0, -y)
        mask = np.asarray(opacity)[top : height - y, left : width - x] > 90
        self.shown[y + top :, x + left :][: mask.shape[0], : mask.shape[1]][mask] = number


def render_scene(random: np.random.Generator, class_indices: IntArray) -> tuple[Image.Image, list[Label]]:
    """A photo with objects of the classes asked for, in random places, and the labels of those that can be seen."""
    width, height = WIDTH * SUPERSAMPLING, HEIGHT * SUPERSAMPLING
    table = _Table(any_ground(random, WIDTH, HEIGHT).repeat(SUPERSAMPLING, axis=0).repeat(SUPERSAMPLING, axis=1))
    things = _things(random, class_indices)
    shadow = int(random.integers(-7, 8)), int(random.integers(2, 9))
    for number, thing in enumerate(things):
        x, y = _place(random, thing.picture, width, height, table.shown)
        table.lay(number, thing.picture, x, y, shadow)
    labels = [label for number, thing in enumerate(things) if (label := _label(table.shown, number, thing))]
    return photograph(table.picture, random, WIDTH, HEIGHT), labels


def _things(random: np.random.Generator, class_indices: IntArray) -> list[_Thing]:
    """Trash and clutter in the order they are laid down."""
    trash = [_trash(random, int(index)) for index in class_indices]
    clutter = [_clutter(random) for _ in range(int(random.integers(1, 5)))]
    return [(trash + clutter)[row] for row in random.permutation(len(trash) + len(clutter))]


def _trash(random: np.random.Generator, class_index: int) -> _Thing:
    name = CLASS_NAMES[class_index]
    return _Thing(class_index, sprite(SKETCHES[name], random, _long_side(random, *LONG_SIDE[name])))


def _clutter(random: np.random.Generator) -> _Thing:
    sketch, (low, high) = CLUTTER[int(random.integers(0, len(CLUTTER)))]
    return _Thing(NOT_TRASH, sprite(sketch, random, _long_side(random, low, high)))


def _long_side(random: np.random.Generator, low: float, high: float) -> float:
    return SUPERSAMPLING * float(np.exp(random.uniform(np.log(low), np.log(high))))


def _place(
    random: np.random.Generator, picture: Image.Image, width: int, height: int, shown: IntArray
) -> tuple[int, int]:
    """The least covered of a few random places; things overlap where the scene is full, and may pass the border."""
    places = random.uniform(-0.1, 1.1, (5, 2)) * (width - picture.width, height - picture.height)
    corners = np.clip(places, (-picture.width // 4, -picture.height // 4), (width, height)).astype(int)
    covered = [
        np.count_nonzero(shown[max(0, y) : y + picture.height, max(0, x) : x + picture.width] != NOT_TRASH)
        for x, y in corners
    ]
    x, y = corners[int(np.argmin(covered))]
    return int(x), int(y)


def _label(shown: IntArray, number: int, thing: _Thing) -> Label | None:
    """The label of a thing, or None where it is not trash or too little of it is seen."""
    if thing.class_index == NOT_TRASH:
        return None
    visible = shown == number
    whole = np.count_nonzero(np.asarray(thing.picture.getchannel("A")) > 90)
    if np.count_nonzero(visible) < MIN_VISIBLE * whole:
        return None
    x, y = np.flatnonzero(visible.any(axis=0)), np.flatnonzero(visible.any(axis=1))
    box = np.array([x[0], y[0], x[-1] + 1 - x[0], y[-1] + 1 - y[0]]) / SUPERSAMPLING
    if min(box[2:]) < MIN_SIDE:
        return None
    left, top, box_width, box_height = (float(value) for value in box)
    return Label(thing.class_index, (left, top, box_width, box_height))
