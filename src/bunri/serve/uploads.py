"""Photos of strangers: measured before they are read, read in memory, never stored."""

import base64
import io

import numpy as np
from fastapi import UploadFile
from PIL import Image

from bunri.photos import Photo, TooManyPixels, UnreadablePhoto, photo_from_bytes
from bunri.serve.errors import Refusal
from bunri.serve.settings import ServeSettings

PREVIEW_SIDE = 1600
"""Longer side of a preview in pixels."""


async def bytes_of(upload: UploadFile, settings: ServeSettings) -> bytes:
    """The content of an uploaded file.

    Raises:
        Refusal: It has too many bytes.
    """
    content = await upload.read(settings.max_photo_bytes + 1)
    if len(content) > settings.max_photo_bytes:
        most = settings.max_photo_bytes
        raise Refusal(413, "too_many_bytes", f"a photo must have at most {most} bytes, but has more")
    return content


def photo_of(content: bytes, settings: ServeSettings) -> Photo:
    """The photo, upright.

    Raises:
        Refusal: It has too many pixels, or is no whole photo.
    """
    try:
        return photo_from_bytes(content, settings.max_photo_pixels)
    except TooManyPixels as error:
        most = settings.max_photo_pixels
        raise Refusal(413, "too_many_pixels", f"a photo must have at most {most} pixels: {error.reason}") from error
    except UnreadablePhoto as error:
        raise Refusal(422, "not_a_photo", f"the file must be a whole photo: {error.reason}") from error


def preview_of(photo: Photo) -> str:
    """The photo as a small JPEG in a ``data:`` URL; browsers do not show all that we read."""
    image = Image.fromarray(photo)
    image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    return "data:image/jpeg;base64," + base64.b64encode(jpeg_of(np.asarray(image), quality=85)).decode()


def jpeg_of(photo: Photo, quality: int) -> bytes:
    """A photo as JPEG with pixels and nothing else: no EXIF, no place, no time."""
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()
