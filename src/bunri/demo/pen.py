"""The pen: draws one object on a transparent square in unit coordinates."""

import numpy as np
from PIL import Image, ImageDraw

from bunri.boxes import FloatArray
from bunri.demo.colours import Colour, contrast
from bunri.demo.fields import Field
from bunri.demo.shapes import ellipse, rectangle


class Pen:
    """Colours and opacity of one object; bodies are drawn on both, details on the colours only.

    Attributes:
        random: Where the object's variation comes from.
        side: Pixels of the square.
    """

    def __init__(self, random: np.random.Generator, side: int) -> None:
        self.random = random
        self.side = side
        self._colours = Image.new("RGB", (side, side))
        self._opacity = Image.new("L", (side, side))

    def body(self, outline: FloatArray, colour: Colour, opacity: int = 255) -> None:
        """Fill an outline; it belongs to the object's silhouette."""
        ImageDraw.Draw(self._colours).polygon(self._pixels(outline), fill=colour)
        ImageDraw.Draw(self._opacity).polygon(self._pixels(outline), fill=opacity)

    def limb(self, path: FloatArray, colour: Colour, width: float) -> None:
        """A thick line that belongs to the silhouette: a handle, a straw, a lace."""
        pixels = max(1, round(width * self.side))
        ImageDraw.Draw(self._colours).line(self._pixels(path), fill=colour, width=pixels, joint="curve")
        ImageDraw.Draw(self._opacity).line(self._pixels(path), fill=255, width=pixels, joint="curve")

    def hole(self, outline: FloatArray) -> None:
        """Cut an outline out of the silhouette."""
        ImageDraw.Draw(self._opacity).polygon(self._pixels(outline), fill=0)

    def detail(self, outline: FloatArray, colour: Colour, strength: float = 1.0) -> None:
        """Paint over the colours within the silhouette."""
        fill = (*colour, int(255 * strength))
        ImageDraw.Draw(self._colours, "RGBA").polygon(self._pixels(outline), fill=fill)

    def stroke(self, path: FloatArray, colour: Colour, width: float = 0.015, strength: float = 1.0) -> None:
        """A line on the colours within the silhouette."""
        pixels = max(1, round(width * self.side))
        fill = (*colour, int(255 * strength))
        ImageDraw.Draw(self._colours, "RGBA").line(self._pixels(path), fill=fill, width=pixels)

    def shade(self, light: Field, strength: float = 1.0) -> None:
        """Multiply the colours by ``1 + strength * light``, light ``(side, side)`` around 0."""
        colours = np.asarray(self._colours, dtype=np.float32) * (1.0 + strength * light)[..., None]
        self._colours = Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8))

    def print_on(self, left: float, top: float, right: float, bottom: float, ground: Colour) -> None:
        """A random print as on packages: bands, a disc, a block or lines of text."""
        random, width, height = self.random, right - left, bottom - top
        kind, colour = random.integers(0, 4), contrast(random, ground)
        if kind == 0:
            for y in np.linspace(top, bottom, int(random.integers(3, 7)))[:-1]:
                self.detail(rectangle(left, y, right, y + 0.3 * height / 4), colour)
        elif kind == 1:
            self.detail(ellipse((left + right) / 2, (top + bottom) / 2, 0.32 * width, 0.32 * height), colour)
        elif kind == 2:
            self.detail(rectangle(left, top + random.uniform(0, 0.5) * height, right, bottom), colour)
        self.text_on(left + 0.15 * width, top + 0.2 * height, right - 0.15 * width, bottom - 0.2 * height, ground)

    def text_on(self, left: float, top: float, right: float, bottom: float, ground: Colour) -> None:
        """Lines that look like text from afar."""
        colour = (45, 45, 50) if sum(ground) > 330 else (225, 225, 220)
        for y in np.arange(top, bottom, 0.055):
            end = left + (right - left) * self.random.uniform(0.5, 1.0)
            self.stroke(np.array([(left, y), (end, y)]), colour, 0.018, 0.7)

    def finished(self) -> Image.Image:
        """The object as an RGBA picture of ``side`` pixels."""
        self._colours.putalpha(self._opacity)
        return self._colours

    def _pixels(self, outline: FloatArray) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in outline * self.side]
