"""Photos on the page: small WebP pictures as data URIs, and boxes to be drawn over them as SVG."""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from bunri.photos import read_photo
from bunri.report.facts import Panel, PhotoFacts, ShownBox

MAX_SIDE = 400
"""Pixels of a thumbnail's long side."""

MAX_BYTES = 4_000_000
"""Of all thumbnails of a page together."""


@dataclass(frozen=True)
class DrawnBox:
    """A box in units of the photo, and what is written on it."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    text: str
    text_at_end: bool

    @property
    def text_x(self) -> float:
        """Where the text begins, or ends near the right border."""
        return round(self.x + self.width - 2, 1) if self.text_at_end else self.x + 2

    @property
    def text_y(self) -> float:
        """At the top; at the foot for a missed object, as a wrong box's text is often at its top."""
        return round(self.y + self.height, 1) if self.kind == "missed" else self.y


@dataclass(frozen=True)
class DrawnPanel:
    """The photo with boxes, and the same in words."""

    title: str
    boxes: tuple[DrawnBox, ...]
    words: str


@dataclass(frozen=True)
class Picture:
    """A photo, inlined once, and its panels."""

    facts: PhotoFacts
    data_uri: str
    panels: tuple[DrawnPanel, ...]
    classes: tuple[str, ...]


def pictures_of(photos: Sequence[PhotoFacts]) -> tuple[Picture, ...]:
    """Pictures of the photos in their order, until the page would become too heavy.

    Raises:
        DataError: A photo cannot be read.
    """
    return tuple(_within_budget(photos))


def _within_budget(photos: Sequence[PhotoFacts]) -> Iterator[Picture]:
    spent = 0
    for photo in photos:
        uri = thumbnail(photo.path)
        spent += len(uri)
        if spent > MAX_BYTES:
            return
        classes = dict.fromkeys(box.label for panel in photo.panels for box in panel.boxes)
        yield Picture(photo, uri, tuple(_drawn(panel, photo.width) for panel in photo.panels), tuple(classes))


def thumbnail(path: str) -> str:
    """A small picture of a photo as a data URI.

    Raises:
        DataError: The photo cannot be read.
    """
    picture = Image.fromarray(read_photo(path))
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=72)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _drawn(panel: Panel, width: int) -> DrawnPanel:
    return DrawnPanel(panel.title, tuple(_drawn_box(box, width) for box in panel.boxes), in_words(panel))


def _drawn_box(box: ShownBox, width: int) -> DrawnBox:
    x_min, y_min, x_max, y_max = box.box_xyxy
    text = box.label if box.score is None else f"{box.label} {box.score:.2f}"
    return DrawnBox(x_min, y_min, round(x_max - x_min, 1), round(y_max - y_min, 1), box.kind, text, x_min > 0.6 * width)


def in_words(panel: Panel) -> str:
    """What a panel shows, for people who listen to the page."""
    if not panel.boxes:
        return f"{panel.title}: no boxes"
    words = {"truth": "", "hit": " (right)", "missed": " (missed)"}
    return f"{panel.title}: " + ", ".join(f"{box.label}{words.get(box.kind, ' (wrong)')}" for box in panel.boxes)
