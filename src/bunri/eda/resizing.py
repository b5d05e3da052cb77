"""How large objects are for the network, after a framework has resized the photo."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bunri.boxes import FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.eda.histograms import objects_of
from bunri.errors import UsageError

SMALL_SIDES = (8, 16, 32)
"""Pixels: strides of the finest feature maps. A box thinner than a stride can fall between its cells."""

Factors = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]
"""Of widths and heights ``(N,)`` of photos: what their widths and heights are multiplied with."""


@dataclass(frozen=True)
class Resize:
    """A way to resize photos, and its name on the page."""

    name: str
    factors: Factors


def longer_side(pixels: float) -> Resize:
    """As Ultralytics and many submissions do: the longer side becomes ``pixels``."""
    return Resize(f"{pixels:g}", lambda width, height: (pixels / np.maximum(width, height),) * 2)


def shorter_side(pixels: float, at_most: float) -> Resize:
    """As torchvision, Detectron2 and MMDetection do: the shorter side, unless the longer would pass ``at_most``."""

    def factors(width: FloatArray, height: FloatArray) -> tuple[FloatArray, FloatArray]:
        factor = np.minimum(pixels / np.minimum(width, height), at_most / np.maximum(width, height))
        return factor, factor

    return Resize(f"{pixels:g}x{at_most:g}", factors)


def into_frame(width: float, height: float) -> Resize:
    """As EfficientDet does: as large as fits in a frame."""
    return Resize(f"{width:g}×{height:g}", lambda w, h: (np.minimum(width / w, height / h),) * 2)


def stretched(width: float, height: float) -> Resize:
    """As SSD does: both sides to a size of their own."""
    return Resize(f"{width:g}×{height:g}", lambda w, h: (width / w, height / h))


USUAL = (longer_side(512), longer_side(640), longer_side(1024), shorter_side(800, 1333))
"""Where nothing is asked for."""

_SIZE = re.compile(r"(\d{2,5})(?:x(\d{2,5}))?")


def parse_resize(text: str) -> Resize:
    """``640``: the longer side; ``800x1333``: the shorter side, the longer at most.

    Raises:
        UsageError: It is neither.
    """
    found = _SIZE.fullmatch(text)
    if not found or 0 in (sides := [int(side) for side in found.groups() if side]):
        raise UsageError(f"--size must be the longer side (640) or the shorter and longer one (800x1333), got {text!r}")
    return longer_side(sides[0]) if len(sides) == 1 else shorter_side(*sorted(sides))


@dataclass(frozen=True)
class ResizedSizes:
    """What a way of resizing makes of the boxes.

    Attributes:
        name: Of the way.
        median_sides: Medians of the root of width x height in pixels of the network's input, of all objects and then of
            each class; None where there are none.
        below: ``(1 + C, len(SMALL_SIDES))`` boxes whose thinner side is below 8, 16 and 32 pixels, all classes first.
    """

    name: str
    median_sides: tuple[float | None, ...]
    below: IntArray


def sizes_after(dataset: Dataset, resizes: Sequence[Resize]) -> tuple[ResizedSizes, ...]:
    """Sizes of all objects after each way of resizing."""
    return tuple(_sizes_after(dataset, resize) for resize in resizes)


def _sizes_after(dataset: Dataset, resize: Resize) -> ResizedSizes:
    sides = resized_sides(dataset, resize)
    class_index = dataset.annotations.class_index[objects_of(dataset)]
    thin = sides.min(axis=1, initial=np.inf)[:, None] < np.array(SMALL_SIDES)
    below = np.zeros((len(dataset.class_names), len(SMALL_SIDES)), np.int64)
    np.add.at(below, class_index, thin)
    roots = np.sqrt(sides.prod(axis=1))
    medians = [_median(roots), *(_median(roots[class_index == c]) for c in range(len(below)))]
    return ResizedSizes(resize.name, tuple(medians), np.concatenate([below.sum(axis=0, keepdims=True), below]))


def _median(values: FloatArray) -> float | None:
    return float(np.median(values)) if len(values) else None


def resized_sides(dataset: Dataset, resize: Resize) -> FloatArray:
    """Width and height ``(N, 2)`` of each object in pixels of the network's input."""
    rows = objects_of(dataset)
    image = dataset.rows_of(dataset.annotations.image_id[rows])
    width, height = (getattr(dataset.images, side)[image].astype(np.float64) for side in ("width", "height"))
    box = dataset.annotations.box_xyxy[rows]
    return np.maximum(box[:, 2:] - box[:, :2], 0.0) * np.stack(resize.factors(width, height), axis=1)


def native_resize(engine: str, values: Mapping[str, Any]) -> Resize | None:
    """What a native config says of its input, read from its plain values; None where they do not say it alone.

    Only keys are read whose meaning does not depend on the rest of the config. Configs in Python are not run.
    """
    reader = _READERS.get(engine)
    return reader(values) if reader else None


def _torchvision(values: Mapping[str, Any]) -> Resize:
    arguments = values.get("arguments") or {}
    if "size" in arguments:
        return stretched(*arguments["size"])
    shorter = arguments.get("min_size", 800)
    return shorter_side(shorter[-1] if isinstance(shorter, Sequence) else shorter, arguments.get("max_size", 1333))


def _ultralytics(values: Mapping[str, Any]) -> Resize:
    size = values.get("imgsz", 640)
    return longer_side(max(size) if isinstance(size, Sequence) else size)


def _effdet(values: Mapping[str, Any]) -> Resize | None:
    height, width = values.get("image_size") or (None, None)
    return into_frame(width, height) if width and height else None


def _detectron2(values: Mapping[str, Any]) -> Resize | None:
    sizes = values.get("INPUT") or {}
    keys = ("MIN_SIZE_TEST", "MAX_SIZE_TEST")
    return shorter_side(*(sizes[key] for key in keys)) if all(key in sizes for key in keys) else None


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Resize | None]] = {
    "torchvision": _torchvision,
    "ultralytics": _ultralytics,
    "effdet": _effdet,
    "detectron2": _detectron2,
}
