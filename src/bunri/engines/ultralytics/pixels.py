"""From a photo to what a network sees, in Ultralytics' own way: the same in validation and prediction."""

import math
import random
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics.data.augment import LetterBox
from ultralytics.utils.ops import scale_boxes

from bunri.engines.feeding import seed_of
from bunri.engines.predicting import Found

Pixels = NDArray[np.uint8]
Size = tuple[int, int]
"""Height and width."""


def seed_everything(*parts: int) -> None:
    """Set Python's, numpy's and torch's generators."""
    seed = seed_of(*parts)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def seed_augmentation(seed: int) -> None:
    """Set the generators Ultralytics' augmentation draws from.

    Not torch's: wherever its seed is another, Ultralytics seeds Albumentations anew, which takes longer than all the
    rest. The trainer sets it once a batch.
    """
    random.seed(seed)
    np.random.seed(seed)


def fitted(photo: Pixels, imgsz: int, stretch: bool) -> Pixels:
    """A photo ``(H, W, 3)`` with its longer side ``imgsz`` pixels, or stretched to a square of them, as for RT-DETR."""
    height, width = photo.shape[:2]
    ratio = imgsz / max(height, width)
    size = (min(math.ceil(width * ratio), imgsz), min(math.ceil(height * ratio), imgsz))
    size = (imgsz, imgsz) if stretch else size
    if size == (width, height):
        return np.ascontiguousarray(photo)
    return np.asarray(cv2.resize(np.ascontiguousarray(photo), size, interpolation=cv2.INTER_LINEAR), np.uint8)


def padded_size(height: int, width: int, imgsz: int, stride: int, stretch: bool) -> Size:
    """Height and width a photo is padded to: what Ultralytics' validation makes of a batch of such photos alone.

    It depends on the photo only, so that a photo's boxes do not depend on the others in its batch.
    """
    if stretch:
        return imgsz, imgsz
    longer = max(height, width)
    return tuple(math.ceil(side / longer * imgsz / stride + 0.5) * stride for side in (height, width))  # type: ignore[return-value]


class NetworkInput:
    """A photo as the network sees it, and the way back of the boxes found on it."""

    def __init__(self, photo: Pixels, imgsz: int, stride: int, stretch: bool) -> None:
        """Fit and pad an RGB photo ``(H, W, 3)``."""
        height, width = photo.shape[:2]
        small = fitted(photo, imgsz, stretch)
        labels: dict[str, Any] = {
            "img": small,
            "ratio_pad": (small.shape[0] / height, small.shape[1] / width),
            "rect_shape": padded_size(height, width, imgsz, stride, stretch),
        }
        labels = LetterBox(scaleup=False)(labels)
        self.photo_size: Size = (height, width)
        self.ratio_pad = labels["ratio_pad"]
        self.tensor = torch.from_numpy(np.ascontiguousarray(labels["img"].transpose(2, 0, 1)))

    @property
    def size(self) -> Size:
        """Height and width of what the network sees."""
        return self.tensor.shape[1], self.tensor.shape[2]


def found_in_photo(prediction: dict[str, Any], size: Size, photo_size: Size, ratio_pad: Any) -> Found:
    """What Ultralytics found on an input of ``size``, in the pixels of the photo."""
    boxes = scale_boxes(size, prediction["bboxes"].clone(), photo_size, ratio_pad=ratio_pad)
    return Found(
        box_xyxy=boxes.float().cpu().numpy().astype(np.float64),
        class_index=prediction["cls"].cpu().numpy().astype(np.int64),
        score=prediction["conf"].float().cpu().numpy().astype(np.float64),
    )
