"""Photos as EfficientDet sees them: resized into a frame, aspect kept, from the upper left corner, the rest filled."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from bunri.boxes import FloatArray, IntArray
from bunri.engines.predicting import Photo

INTERPOLATIONS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "hamming": Image.Resampling.HAMMING,
}


@dataclass(frozen=True)
class Fitted:
    """A photo in its frame.

    Attributes:
        image: ``(3, H, W)`` bytes.
        size: Width and height of the photo in the frame.
        scale: ``(4,)`` factors on boxes xyxy of the photo; they are exact, as each side has its own after rounding.
    """

    image: NDArray[np.uint8]
    size: tuple[int, int]
    scale: FloatArray


@dataclass(frozen=True)
class Letterbox:
    """The frame.

    Attributes:
        height: Of the frame.
        width: Of the frame.
        interpolation: A name of ``INTERPOLATIONS``.
        fill_color: RGB of what the photo leaves free.
    """

    height: int
    width: int
    interpolation: str
    fill_color: tuple[int, int, int]

    def __call__(self, photo: Photo) -> Fitted:
        """A photo ``(H, W, 3)`` put into the frame; sides are rounded down as effdet does, but to no less than 1."""
        height, width = photo.shape[:2]
        factor = min(self.height / height, self.width / width)
        size = max(int(width * factor), 1), max(int(height * factor), 1)
        frame = Image.new("RGB", (self.width, self.height), self.fill_color)
        frame.paste(Image.fromarray(photo).resize(size, INTERPOLATIONS[self.interpolation]))
        scale = np.array([size[0] / width, size[1] / height] * 2)
        return Fitted(np.moveaxis(np.array(frame), 2, 0), size, scale)


@dataclass(frozen=True)
class SampleMaker:
    """Makes training samples as effdet's loss wants them.

    Attributes:
        letterbox: The frame.
    """

    letterbox: Letterbox

    def __call__(self, photo: Photo, box_xyxy: FloatArray, class_index: IntArray) -> dict[str, Any]:
        """Image ``(3, H, W)`` of bytes, boxes yxyx ``(K, 4)`` in pixels of the frame, classes from 1 ``(K,)``."""
        fitted = self.letterbox(photo)
        box_yxyx = (box_xyxy * fitted.scale)[:, [1, 0, 3, 2]]
        return {
            "image": torch.from_numpy(np.ascontiguousarray(fitted.image)),
            "bbox": torch.from_numpy(box_yxyx.astype(np.float32)),
            "cls": torch.from_numpy(class_index.astype(np.float32) + 1),
        }
