"""What a model of Ultralytics sees on photos."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from bunri.engines.feeding import by_size
from bunri.engines.predicting import Found, Photo
from bunri.engines.ultralytics.pixels import NetworkInput, found_in_photo
from bunri.engines.ultralytics.validation import validator_class


class UltralyticsFinder:
    """A detector that predicts as Ultralytics' validation does; the scale of a view is a factor on ``imgsz``."""

    def __init__(
        self, model: Any, args: Mapping[str, Any], device: torch.device, is_transformer: bool, folder: Path
    ) -> None:
        """Take a model with its weights.

        Args:
            model: Of Ultralytics.
            args: Its arguments: ``imgsz``, ``iou``, ``conf``, ``max_det``, ``nms``.
            device: Where to compute.
            is_transformer: RT-DETR stretches its photos and needs no suppression.
            folder: For what its validator may write.
        """
        self._model, self._device, self._stretch = model.to(device).eval(), device, is_transformer
        self._stride = stride_of(model)
        self._imgsz = imgsz_of(args, self._stride)
        self._validator = validator_class(is_transformer)(save_dir=folder, args=dict(args))
        self._validator.device = device
        open_head(model, self._validator.args)
        self._validator.end2end = getattr(model, "end2end", False)

    @torch.inference_mode()
    def __call__(self, photos: Sequence[Photo], scale: float) -> list[Found]:
        """Boxes on each photo."""
        imgsz = max(round(self._imgsz * scale / self._stride), 1) * self._stride
        inputs = [NetworkInput(photo, imgsz, self._stride, self._stretch) for photo in photos]
        found: dict[int, Found] = {}
        for group in by_size([each.size for each in inputs], len(inputs)):
            found |= dict(zip(group, self._found([inputs[place] for place in group], imgsz), strict=True))
        return [found[place] for place in range(len(inputs))]

    def _found(self, inputs: Sequence[NetworkInput], imgsz: int) -> list[Found]:
        self._validator.args.imgsz = imgsz
        batch = self._validator.preprocess({"img": torch.stack([each.tensor for each in inputs])})
        predictions = self._validator.postprocess(self._model(batch["img"]))
        return [
            found_in_photo(prediction, each.size, each.photo_size, each.ratio_pad)
            for prediction, each in zip(predictions, inputs, strict=True)
        ]


def stride_of(model: Any) -> int:
    """Pixels that sides of inputs are multiples of."""
    return max(int(model.stride.max()), 32)


def imgsz_of(args: Mapping[str, Any], stride: int) -> int:
    """The longer side of inputs in pixels, rounded up to whole strides."""
    imgsz = args["imgsz"]
    return max(math.ceil((imgsz if isinstance(imgsz, int) else max(imgsz)) / stride), 1) * stride


def open_head(model: Any, args: Any) -> None:
    """Choose the head the config asks for, and let it give as many boxes as are dumped."""
    if hasattr(model, "end2end"):
        model.end2end = args.nms is False
    if getattr(model, "end2end", False):
        model.set_head_attr(max_det=args.max_det, agnostic_nms=args.agnostic_nms)
