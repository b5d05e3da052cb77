"""The pixels of an image that Pillow has opened: upright, RGB, 8 bits, made strip by strip for the sake of memory."""

import struct

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

Pixels = NDArray[np.uint8]
"""``(H, W, 3)`` RGB."""

SIDEWAYS = frozenset({5, 6, 7, 8})
"""EXIF orientations that swap width and height."""

STRIP = 2**20
"""Pixels that are converted at once."""


def pixels_of(image: Image.Image) -> Pixels:
    """The pixels as they are to be seen, ``(H, W, 3)``.

    The EXIF orientation is applied, transparency is laid on white, 16-bit grey is scaled to 8 bits, and CMYK, palette
    and grey become RGB. Beside the decoded image memory holds the result and one strip.
    """
    image.load()  # of TIFF, Pillow turns it here
    width, height = image.size
    orientation = orientation_of(image)
    pixels = np.empty((width, height, 3) if orientation in SIDEWAYS else (height, width, 3), np.uint8)
    stored, rows = _as_stored(pixels, orientation), max(STRIP // width, 1)
    for top in range(0, height, rows):
        below = min(top + rows, height)
        stored[top:below] = np.asarray(as_rgb(image.crop((0, top, width, below))))
    return pixels


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright, also where there is none) to 8."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (SyntaxError, ValueError, TypeError, struct.error):
        return 1  # a photo with broken EXIF is still a photo


def _as_stored(pixels: Pixels, orientation: int) -> Pixels:
    """A view of upright pixels in the order in which the file has them (EXIF 2.3, tag 0x0112)."""
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return pixels.transpose(1, 0, 2) if orientation in SIDEWAYS else pixels


def as_rgb(image: Image.Image) -> Image.Image:
    """An image of any mode in 8-bit RGB."""
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I"):
        return _from_16_bit(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _from_16_bit(image: Image.Image) -> Image.Image:
    """Pillow's own conversion cuts 16-bit grey at 255; 65535 is white."""
    grey = np.clip(np.asarray(image).astype(np.int64), 0, 65535) / 257
    return Image.fromarray(np.rint(grey).astype(np.uint8)).convert("RGB")
