"""Small pictures of photos: read without decoding every pixel where the format allows, and put into pages as data."""

import base64
import io
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image

from bunri.photos import Photo, opened
from bunri.pixels import pixels_of


def read_small(path: str | PathLike[str], max_side: int) -> Photo:
    """Read a photo as :func:`bunri.photos.read_photo` does, with its longer side at most ``max_side`` pixels.

    A JPEG is decoded at an eighth, a quarter or half of its size where that is enough, which takes a fraction of the
    time (libjpeg's scaled DCT; Pillow's draft mode). Smaller photos stay as they are.

    Returns:
        ``(H, W, 3)`` uint8 RGB.

    Raises:
        DataError: As :func:`bunri.photos.read_photo`.
    """
    with opened(Path(path)) as image:
        image.draft(None, _fitted(image.size, max_side))
        small = Image.fromarray(pixels_of(image))
        small.thumbnail((max_side, max_side))
        return np.array(small)


def _fitted(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    factor = min(max_side / max(size), 1.0)
    return max(round(size[0] * factor), 1), max(round(size[1] * factor), 1)


def data_uri(photo: Photo, max_side: int | None = None, quality: int = 72) -> str:
    """A photo ``(H, W, 3)`` as WebP in a data URI, its longer side at most ``max_side`` pixels."""
    picture = Image.fromarray(photo)
    if max_side is not None:
        picture.thumbnail((max_side, max_side))
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=quality)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
