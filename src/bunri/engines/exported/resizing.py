"""Photos resized by the libraries that frameworks resize them with; what the framework sees is so by construction."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from bunri.photos import Photo

Bytes = NDArray[np.uint8]


def by_opencv(photo: Photo, height: int, width: int) -> Bytes:
    """A photo ``(H, W, 3)`` resized bilinearly by OpenCV, in whole numbers and so the same on every machine."""
    import cv2

    return np.asarray(
        cv2.resize(np.ascontiguousarray(photo), (width, height), interpolation=cv2.INTER_LINEAR), np.uint8
    )


def by_pillow(photo: Photo, height: int, width: int, filter_: str = "bilinear") -> Bytes:
    """A photo ``(H, W, 3)`` resized by Pillow, whose filters look at all pixels where they make a photo smaller."""
    from PIL import Image

    return np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling[filter_.upper()]))


RESIZED: Mapping[str, Callable[..., Bytes]] = {"opencv": by_opencv, "pillow": by_pillow}
"""By the name of the library; Pillow's takes the name of a filter."""
