"""What an export says of its pixels: how a photo becomes the network's input."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from bunri.settings import Settings

LARGEST_SIDE = 8192
"""Pixels of an input."""

Side = Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
"""Pixels; bounded, as a stranger's file must not take all memory."""

Byte = Annotated[int, Field(ge=0, le=255)]
Finite = Annotated[float, Field(ge=-1e6, le=1e6)]
Three = tuple[Finite, Finite, Finite]


class Pixels(Settings):
    """How a photo becomes the network's input: resized, normalised, set into a frame.

    Every framework resizes in its own way, and other pixels give other boxes; what differs is said here.
    """

    resize: Literal["torch", "opencv", "pillow"] = "torch"
    """Whose resizing: torch's of normalised values, OpenCV's or Pillow's of bytes."""
    filter: Literal["bilinear", "bicubic", "lanczos", "hamming"] = "bilinear"
    """Pillow's; the other two resize bilinearly."""
    min_side: Side
    """The shorter side is scaled to it ..."""
    max_side: Side
    """... unless the longer one would be more than this."""
    fixed: tuple[Side, Side] | None = None
    """Width and height every photo is resized to instead, whatever its shape."""
    step: Side = 1
    """Sides named here, times the scale of a view, are rounded to a multiple of it."""
    rounding: Literal["down", "nearest", "up", "step_by_step"] = "down"
    """How sides of resized photos become whole; ``nearest`` takes a half up. ``step_by_step`` does so too, but scales
    to ``min_side``, then to ``max_side``, then by a view's scale, as Detectron2 does."""
    channels: Literal["rgb", "bgr"] = "rgb"
    """Order of the input's channels."""
    highest: Literal[1, 255] = 1
    """What a byte of 255 counts as before it is normalised."""
    mean: Three
    """Of the channels in their order, for values from 0 to ``highest``."""
    std: Three
    """Values are divided by it after the mean is taken away."""
    divisible: Annotated[int, Field(ge=1, le=1024)] = 1
    """Sides of the input are rounded up to a multiple of it ..."""
    margin: Annotated[float, Field(ge=0, le=1)] = 0
    """... after this share of it is added to the exact side, the longer one being ``max_side``."""
    frame: tuple[Side, Side] | None = None
    """Width and height of the input instead; no photo may be resized to more."""
    fit: Literal["sides", "frame"] = "sides"
    """What photos are scaled to: the sides above, or as much as the frame holds."""
    place: Literal["corner", "centre"] = "corner"
    """Where in the input a photo lies: at its upper left, or in its middle."""
    border: tuple[Byte, Byte, Byte] | None = None
    """Colour around a photo, by channel and before it is normalised; null is 0 after it."""
    cut_at: Literal["photo", "input"] = "photo"
    """Whose borders boxes are cut at before they are suppressed."""
    together: bool = True
    """Whether photos of all sizes share an input of the largest; else only those whose inputs have one size do."""

    @field_validator("std")
    @classmethod
    def _not_zero(cls, std: Three) -> Three:
        if min(std) <= 0:
            raise ValueError("must be above 0")
        return std

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.filter != "bilinear" and self.resize != "pillow":
            raise ValueError("filters other than bilinear go with pillow only")
        if self.fit == "frame" and self.frame is None:
            raise ValueError("photos that are scaled to a frame need one")
        return self
