"""Photos with boxes over them, as pages draw them: a small picture and boxes in the pixels of the photo."""

from collections.abc import Sequence
from dataclasses import dataclass

from bunri.boxes import FloatArray
from bunri.photos import Photo
from bunri.thumbnails import data_uri

SHOWN_SIDE = 360
"""Pixels of a picture's longer side on a page."""


@dataclass(frozen=True)
class BoxOnPhoto:
    """A box in pixels of the photo it is drawn on."""

    label: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class PhotoWithBoxes:
    """A picture as a data URI, its size in the pixels of the boxes, and the boxes."""

    uri: str
    width: int
    height: int
    boxes: tuple[BoxOnPhoto, ...]

    @property
    def words(self) -> str:
        """The labels, for people who listen to the page."""
        return ", ".join(box.label for box in self.boxes) or "no boxes"


def with_boxes(
    photo: Photo, box_xyxy: FloatArray, labels: Sequence[str], size: tuple[int, int] | None = None
) -> PhotoWithBoxes:
    """A photo ``(H, W, 3)`` with boxes ``(N, 4)`` to be drawn.

    Args:
        photo: The pixels.
        box_xyxy: In the photo's own pixels, or in those of ``size``.
        labels: N texts.
        size: Width and height the boxes are measured in, where the photo was read smaller.
    """
    width, height = size or (photo.shape[1], photo.shape[0])
    boxes = tuple(
        BoxOnPhoto(label, x, y, round(x_max - x, 1), round(y_max - y, 1))
        for label, (x, y, x_max, y_max) in zip(labels, box_xyxy.round(1).tolist(), strict=True)
    )
    return PhotoWithBoxes(data_uri(photo, SHOWN_SIDE), width, height, boxes)
