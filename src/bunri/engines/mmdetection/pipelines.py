"""Pipelines of transforms as data: what loads goes, what resizes and packs stays, what is random stays or gives way."""

from collections.abc import Mapping, Sequence
from typing import Any

Transforms = list[dict[str, Any]]

LOADERS = ("LoadImageFromFile", "LoadImageFromNDArray", "LoadImageFromWebcam", "InferencerLoader")
"""The photo is there already."""

RESIZING = ("Resize", "FixScaleResize", "FixShapeResize", "Pad")
"""Transforms that fit a photo to the network, without chance."""

FORMATTING = ("LoadAnnotations", "FilterAnnotations", "PackDetInputs", "Normalize", "ToTensor", "BGR2RGB")
"""Transforms that neither move nor recolour anything by chance."""

SIZES = ("scale", "size", "width", "height")
"""Arguments in pixels of transforms that fit a photo to the network."""


def kind(transform: Mapping[str, Any]) -> str:
    """The class of a transform, without its module."""
    return str(transform["type"]).rpartition(".")[2]


def without_loading(pipeline: Sequence[Mapping[str, Any]]) -> Transforms:
    """The pipeline from the loaded photo on, with boxes but no masks and maps."""
    kept = [dict(transform) for transform in pipeline if kind(transform) not in LOADERS]
    for transform in kept:
        if kind(transform) == "LoadAnnotations":
            transform |= {"with_bbox": True, "with_mask": False, "with_seg": False}
        if kind(transform) == "FilterAnnotations":
            transform["by_mask"] = False
    return kept


def without_chance(
    train: Sequence[Mapping[str, Any]], test: Sequence[Mapping[str, Any]]
) -> tuple[Transforms, list[str]]:
    """The training pipeline without what is random, and the names of what went.

    Where nothing that resizes stays, the transforms of the test pipeline that do come after the boxes are loaded.
    """
    steady = (*RESIZING, *FORMATTING, *LOADERS)
    kept = [dict(transform) for transform in train if kind(transform) in steady]
    gone = [kind(transform) for transform in train if kind(transform) not in steady]
    if not any(kind(transform) in RESIZING[:3] for transform in kept):
        fitting = [dict(transform) for transform in test if kind(transform) in RESIZING]
        kept = [transform for transform in kept if kind(transform) not in RESIZING]
        place = max((i for i, t in enumerate(kept) if kind(t) in ("LoadAnnotations", *LOADERS)), default=-1) + 1
        kept[place:place] = fitting
    return kept, gone


def for_prediction(test: Sequence[Mapping[str, Any]], scale: float) -> Transforms:
    """The test pipeline from the loaded photo on, without boxes, the size the network sees times ``scale``."""
    kept = [t for t in without_loading(test) if kind(t) not in ("LoadAnnotations", "FilterAnnotations")]
    return [_scaled(transform, scale) for transform in kept]


def _scaled(transform: dict[str, Any], scale: float) -> dict[str, Any]:
    if kind(transform) not in RESIZING or scale == 1.0:
        return transform
    scaled = {**transform, **{key: _times(transform[key], scale) for key in SIZES if transform.get(key) is not None}}
    if transform.get("scale_factor") is not None:
        factor = transform["scale_factor"]
        scaled["scale_factor"] = tuple(f * scale for f in factor) if isinstance(factor, Sequence) else factor * scale
    return scaled


def _times(value: Any, scale: float) -> Any:
    """Pixels times a factor, one or several."""
    if isinstance(value, Sequence):
        return tuple(_times(entry, scale) for entry in value)
    return max(round(value * scale), 1)
