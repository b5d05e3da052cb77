"""From photos to a network's input, with the sizes and values the framework gives it while training."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bunri.engines.exported.pixel_kernels import Float32Array, resize_into
from bunri.engines.exported.pixel_rules import Pixels
from bunri.engines.exported.resizing import RESIZED
from bunri.errors import DataError
from bunri.photos import Photo

Size = tuple[int, int]
"""Height and width."""


@dataclass(frozen=True)
class Batch:
    """Photos side by side.

    Attributes:
        images: ``(B, 3, H, W)``, each photo with its border.
        sizes: ``(B, 2)`` height and width of each photo in it.
        originals: ``(B, 2)`` height and width before.
        corners: ``(B, 2)`` row and column of each photo's first pixel.
        cut_at: Whose borders boxes are cut at.
    """

    images: Float32Array
    sizes: NDArray[np.int64]
    originals: NDArray[np.int64]
    corners: NDArray[np.int64]
    cut_at: Literal["photo", "input"] = "photo"

    @property
    def borders(self) -> NDArray[np.int64]:
        """``(B, 2)`` height and width at which boxes are cut."""
        return self.sizes if self.cut_at == "photo" else np.full_like(self.sizes, self.images.shape[2:])


def batch_of(photos: Sequence[Photo], pixels: Pixels, scale: float) -> Batch:
    """The input of photos ``(H, W, 3)``; ``scale`` is a factor on the sizes.

    Raises:
        DataError: The frame is too small for a resized photo.
    """
    originals = [(photo.shape[0], photo.shape[1]) for photo in photos]
    sizes = [size_of(*original, pixels, scale) for original in originals]
    inputs = [input_size_of(*original, pixels, scale) for original in originals]
    height, width = (max(sides) for sides in zip(*inputs, strict=True))
    values = byte_values(pixels)
    border = np.zeros(3, np.float32) if pixels.border is None else values[np.arange(3), list(pixels.border)]
    images = np.empty((len(photos), 3, height, width), np.float32)
    images[:] = border[:, None, None]
    if any(size[0] > height or size[1] > width for size in sizes):
        raise DataError(
            f"the frame of an export must hold its photos, but is {width} x {height}. Export the run again."
        )
    corners = [_corner(size, (height, width), pixels) for size in sizes]
    for photo, size, (top, left), image in zip(photos, sizes, corners, images, strict=True):
        ordered = photo if pixels.channels == "rgb" else np.ascontiguousarray(photo[..., ::-1])
        _write(ordered, values, size, pixels, image[:, top:, left:])
    pairs = [np.array(each, np.int64) for each in (sizes, originals, corners)]
    return Batch(images, pairs[0], pairs[1], pairs[2], pixels.cut_at)


def byte_values(pixels: Pixels) -> Float32Array:
    """``(3, 256)``: the normalised value of each byte of each channel."""
    value = np.arange(256, dtype=np.float32) / np.float32(255 / pixels.highest)
    mean, std = (np.array(three, np.float32)[:, None] for three in (pixels.mean, pixels.std))
    values: Float32Array = (value - mean) / std
    return values


def _write(photo: Photo, values: Float32Array, size: Size, pixels: Pixels, out: Float32Array) -> None:
    """Resize a photo into the upper left of ``out`` ``(3, >=h, >=w)``."""
    if pixels.resize == "torch":
        resize_into(photo, values, *size, out)
        return
    filters = (pixels.filter,) if pixels.resize == "pillow" else ()
    small = photo if photo.shape[:2] == size else RESIZED[pixels.resize](photo, *size, *filters)
    for channel in range(3):
        out[channel, : size[0], : size[1]] = values[channel].take(small[..., channel])


def _corner(size: Size, frame: Size, pixels: Pixels) -> Size:
    if pixels.place == "corner":
        return 0, 0
    return (frame[0] - size[0]) // 2, (frame[1] - size[1]) // 2


def size_of(height: int, width: int, pixels: Pixels, scale: float) -> Size:
    """Height and width a photo is resized to."""
    if pixels.fixed is not None:
        return _scaled(pixels.fixed[1], pixels, scale), _scaled(pixels.fixed[0], pixels, scale)
    if pixels.rounding == "step_by_step":
        return _step_by_step(height, width, pixels, scale)
    whole, most = WHOLE[pixels.rounding], _scaled(pixels.max_side, pixels, scale)
    factor = min(_scaled(pixels.min_side, pixels, scale) / min(height, width), most / max(height, width))
    if pixels.fit == "frame":
        tall, wide = input_size_of(height, width, pixels, scale)
        factor = min(tall / height, wide / width)
    sides = [max(min(whole(side * factor), most), 1) for side in (height, width)]
    return sides[0], sides[1]


def _step_by_step(height: int, width: int, pixels: Pixels, scale: float) -> Size:
    """Each step is rounded as Detectron2's ``ResizeShortestEdge`` rounds it, so that halves fall alike."""
    factor, least = pixels.min_side / min(height, width), float(pixels.min_side)
    sides = (least, factor * width) if height < width else (factor * height, least)
    if max(sides) > pixels.max_side:
        factor = pixels.max_side / max(sides)
        sides = (sides[0] * factor, sides[1] * factor)
    tall, wide = (int(side + 0.5) for side in sides)
    return (tall, wide) if scale == 1 else (max(round(tall * scale), 1), max(round(wide * scale), 1))


WHOLE: Mapping[str, Callable[[float], int]] = {
    "down": math.floor,
    "nearest": lambda side: math.floor(side + 0.5),
    "up": math.ceil,
}
"""How sides become whole."""


def _scaled(side: int, pixels: Pixels, scale: float) -> int:
    return max(round(side * scale / pixels.step), 1) * pixels.step


def input_size_of(height: int, width: int, pixels: Pixels, scale: float) -> Size:
    """Height and width of the input of a photo alone."""
    if pixels.frame is not None:
        return _scaled(pixels.frame[1], pixels, scale), _scaled(pixels.frame[0], pixels, scale)
    sides: Sequence[float] = size_of(height, width, pixels, scale)
    if pixels.margin:
        longer, longest = max(height, width), _scaled(pixels.max_side, pixels, scale)
        sides = (height / longer * longest, width / longer * longest)
    rounded = [math.ceil(side / pixels.divisible + pixels.margin) * pixels.divisible for side in sides]
    return rounded[0], rounded[1]
