"""The page: facts put into one HTML file that opens without a network, in English and Korean."""

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from bunri import pages
from bunri.boxes import FloatArray
from bunri.eda.facts import EdaFacts
from bunri.eda.histograms import Histogram
from bunri.eda.resizing import SMALL_SIDES
from bunri.files import write_text
from bunri.pages import Assets, read_words

MAP_COLOUR = (0, 114, 178)
"""Okabe and Ito's blue: seen on light and on dark."""


def write_eda(facts: EdaFacts, out: Path) -> None:
    """Write the page of a data set as one HTML file.

    Raises:
        OutputError: ``out`` cannot be written.
    """
    write_text(out, render(facts))


def render(facts: EdaFacts) -> str:
    """The page of some facts."""
    return pages.render(
        "eda.html",
        Assets("bunri.eda", ("eda.css", "eda.js")),
        read_words("bunri.pages") | read_words("bunri.eda"),
        facts=facts,
        labels=facts.labels,
        histograms=histograms_of(facts),
        maps=[map_uri(grid) for grid in facts.labels.positions],
        small_sides=SMALL_SIDES,
        percent=percent,
    )


def percent(part: float, whole: float, digits: int = 1) -> str:
    """A share for people; a dash of nothing."""
    return f"{100 * part / whole:.{digits}f}%" if whole else "–"


def histograms_of(facts: EdaFacts) -> dict[str, Histogram]:
    """The bar tables of the page by name."""
    labels = facts.labels
    shown = {"per_image": labels.per_image, "coco_sizes": labels.coco_sizes, "sides": labels.sides}
    shown |= {"shares": labels.shares, "aspects": labels.aspects}
    if facts.photos is not None:
        photos = facts.photos
        shown |= {"brightness": photos.brightness, "contrast": photos.contrast, "colourfulness": photos.colourfulness}
    return {name: histogram.trimmed() for name, histogram in shown.items()}


def map_uri(grid: FloatArray) -> str:
    """Shares ``(G, G)`` as a small PNG in a data URI, clear where nothing is: right on light and on dark."""
    alpha = np.rint(255 * grid / max(float(grid.max(initial=0.0)), 1e-12)).astype(np.uint8)
    colour = np.broadcast_to(np.array(MAP_COLOUR, np.uint8), (*grid.shape, 3))
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([colour, alpha])).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
