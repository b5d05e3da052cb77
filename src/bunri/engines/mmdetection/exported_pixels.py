"""What comes before MMDetection's networks, as data; what cannot be said exactly is refused by name."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

from mmdet.models.data_preprocessors import DetDataPreprocessor

from bunri.engines.exported import refusing
from bunri.engines.exported.pixel_rules import Pixels
from bunri.engines.exported.refusing import must_hold
from bunri.engines.mmdetection.pipelines import for_prediction, kind
from bunri.errors import ConfigError

must_be = partial(refusing.must_be, "MMDetection")
"""Refuses parts of other classes than MMDetection's own."""


def pixels_of(preprocessor: Any, test_pipeline: Sequence[Mapping[str, Any]]) -> Pixels:
    """What the test pipeline and the model's preprocessor do to a photo.

    Raises:
        ConfigError: They do more than one resizing by OpenCV's bilinear filter, normalising and padding with zeros.
    """
    must_be(preprocessor, DetDataPreprocessor)
    must_hold(vars(preprocessor), "data_preprocessor", pad_value=0)
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if preprocessor._enable_normalize:
        mean, std = (tuple(values.flatten().expand(3).tolist()) for values in (preprocessor.mean, preprocessor.std))
    channels: Literal["rgb", "bgr"] = "rgb" if preprocessor._channel_conversion else "bgr"  # photos are loaded as BGR
    fitting = _fitting(test_pipeline, channels)
    if "frame" in fitting:  # nothing may be put around it
        must_hold(vars(preprocessor), "data_preprocessor", pad_size_divisor=1)
    return Pixels(
        resize="opencv",
        **fitting,
        rounding="nearest",
        channels=channels,
        highest=255,
        mean=mean,
        std=std,
        divisible=max(int(preprocessor.pad_size_divisor), 1),
        together=False,
    )


def _fitting(test_pipeline: Sequence[Mapping[str, Any]], channels: str) -> dict[str, Any]:
    transforms = {kind(transform): transform for transform in for_prediction(test_pipeline, 1.0)}
    names = [kind(transform) for transform in for_prediction(test_pipeline, 1.0)]
    floats = any(transform.get("to_float32", False) for transform in test_pipeline)
    if floats or names not in (["Resize", "PackDetInputs"], ["Resize", "Pad", "PackDetInputs"]):
        raise ConfigError(
            "test photos must be resized once, as bytes, then padded at most, and packed to be exported, but the "
            f"validation's pipeline does {', '.join(names)}"
        )
    frame = _frame(transforms["Pad"], channels) if "Pad" in transforms else {}
    return _resizing(transforms["Resize"]) | frame


def _frame(pad: Mapping[str, Any], channels: str) -> dict[str, Any]:
    """Of what is padded MMDetection takes all for the photo."""
    must_hold(pad, "Pad", size_divisor=None, pad_to_square=False, padding_mode="constant")
    value = pad.get("pad_val", 0)
    value = value.get("img", 0) if isinstance(value, Mapping) else value
    bgr = [int(one) for one in value] if isinstance(value, Sequence) else [int(value)] * 3
    border = tuple(bgr if channels == "bgr" else bgr[::-1])
    return {"frame": tuple(int(side) for side in pad["size"]), "border": border, "cut_at": "input"}


def _resizing(resize: Mapping[str, Any]) -> dict[str, Any]:
    must_hold(resize, "Resize", backend="cv2", interpolation="bilinear", scale_factor=None)
    scale = resize["scale"]
    width, height = (int(side) for side in (scale if isinstance(scale, Sequence) else (scale, scale)))
    sides = {"min_side": min(width, height), "max_side": max(width, height)}
    return sides if resize.get("keep_ratio", False) else {**sides, "fixed": (width, height)}
