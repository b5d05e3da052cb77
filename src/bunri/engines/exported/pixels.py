"""From photos to a network's input, with the sizes and values the framework gives it while training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bunri.engines.exported.pixel_kernels import Float32Array, resize_into
from bunri.engines.exported.spec import Pixels
from bunri.photos import Photo


@dataclass(frozen=True)
class Batch:
    """Photos side by side.

    Attributes:
        images: ``(B, 3, H, W)``, each photo in the upper left corner, zeros around it.
        sizes: ``(B, 2)`` height and width of each photo in it.
        originals: ``(B, 2)`` height and width before.
    """

    images: Float32Array
    sizes: NDArray[np.int64]
    originals: NDArray[np.int64]


def batch_of(photos: Sequence[Photo], pixels: Pixels, scale: float) -> Batch:
    """The input of photos ``(H, W, 3)``; ``scale`` is a factor on the sizes."""
    originals = np.array([photo.shape[:2] for photo in photos], np.int64)
    sizes = np.array([size_of(int(height), int(width), pixels, scale) for height, width in originals], np.int64)
    height, width = (-(-sizes.max(axis=0) // pixels.divisible) * pixels.divisible).tolist()
    images = np.zeros((len(photos), 3, height, width), np.float32)
    values = byte_values(pixels)
    for photo, size, image in zip(photos, sizes.tolist(), images, strict=True):
        resize_into(photo, values, size[0], size[1], image)
    return Batch(images, sizes, originals)


def byte_values(pixels: Pixels) -> Float32Array:
    """``(3, 256)``: the normalised value of each byte of each colour."""
    share = np.arange(256, dtype=np.float32) / np.float32(255)
    mean, std = (np.array(three, np.float32)[:, None] for three in (pixels.mean, pixels.std))
    values: Float32Array = (share - mean) / std
    return values


def size_of(height: int, width: int, pixels: Pixels, scale: float) -> tuple[int, int]:
    """Height and width a photo is resized to."""
    if pixels.fixed is not None:
        return round(pixels.fixed[1] * scale), round(pixels.fixed[0] * scale)
    least, most = round(pixels.min_side * scale), round(pixels.max_side * scale)
    factor = min(least / min(height, width), most / max(height, width))
    return max(math.floor(height * factor), 1), max(math.floor(width * factor), 1)
