"""A detector of Ultralytics as a network that gives all its boxes; what comes before and after them is said as data."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from bunri.engines.base import ExportWish
from bunri.engines.exported.detectors import Decoded, Suppression
from bunri.engines.exported.pixel_rules import Pixels
from bunri.engines.exported.spec import ExportedNetworks
from bunri.engines.tracing import IMAGE_AXES, NetworkModule, images_to_try, write_network
from bunri.engines.ultralytics.inference import imgsz_of, open_head, stride_of
from bunri.recipe import Recipe

MOST_CANDIDATES = 30_000
"""Boxes that Ultralytics suppresses at most; of more it takes the best."""

CLASS_SHIFT = 7680
"""Pixels by which it moves boxes apart, times their class, so that one call suppresses within every class."""

BORDER = (114, 114, 114)
"""Its grey."""


class DecodedNetwork(nn.Module):
    """A detector whose head decodes its boxes; what it would choose of them is chosen outside."""

    def __init__(self, model: Any, is_transformer: bool) -> None:
        super().__init__()
        self.model, head = model, model.model[-1]
        head.export, head.dynamic = True, True  # boxes alone, and places of cells for every size
        self._rows_first = is_transformer or bool(head.end2end)
        if is_transformer:
            head.postprocess = _side_by_side
        elif head.end2end:
            head.postprocess = _as_they_are

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes ``(B, N, 4)`` and shares ``(B, N, C)``."""
        found = self.model(images)
        found = found if self._rows_first else found.transpose(1, 2)
        return found[..., :4], found[..., 4:]


def _as_they_are(found: Tensor) -> Tensor:
    return found


def _side_by_side(boxes: Tensor, shares: Tensor) -> Tensor:
    return torch.cat([boxes, shares], dim=-1)


def export_model(
    model: Any, args: Mapping[str, Any], is_transformer: bool, recipe: Recipe, wish: ExportWish
) -> ExportedNetworks:
    """Write the network of a trained model.

    Raises:
        ConfigError: It holds for one size of photos only.
    """
    open_head(model.eval(), SimpleNamespace(**args))
    pixels = pixels_of(imgsz_of(args, stride_of(model)), stride_of(model), is_transformer)
    detector = detector_of(model.model[-1], args, is_transformer)
    examples = [(images,) for images in images_to_try(pixels, recipe)]
    network = NetworkModule(
        "network", DecodedNetwork(model, is_transformer), ("images",), ("boxes", "scores"), IMAGE_AXES, examples
    )
    return ExportedNetworks(networks={"network": write_network(network, wish)}, pixels=pixels, detector=detector)


def pixels_of(imgsz: int, stride: int, stretch: bool) -> Pixels:
    """What :class:`bunri.engines.ultralytics.pixels.NetworkInput` makes of a photo."""
    sides: dict[str, Any] = {"min_side": imgsz, "max_side": imgsz, "step": stride, "rounding": "up"}
    if stretch:
        sides |= {"fixed": (imgsz, imgsz)}
    else:
        sides |= {"divisible": stride, "margin": 0.5, "place": "centre", "border": BORDER}
    return Pixels(resize="opencv", mean=(0, 0, 0), std=(1, 1, 1), together=False, **sides)


def detector_of(head: Any, args: Mapping[str, Any], is_transformer: bool) -> Decoded:
    """What is to be done with the boxes a head decodes."""
    if is_transformer:
        most = min(int(head.num_queries), int(args["max_det"]))
        return Decoded(boxes="centre_and_size", unit="input", candidates=most)
    if head.end2end:
        classes: Literal["best", "all"] = "best" if args["agnostic_nms"] else "all"
        return Decoded(boxes="corners", classes_of_a_box=classes, candidates=args["max_det"])
    suppression = Suppression(
        iou=args["iou"],
        max_boxes=args["max_det"],
        shift=0 if args["agnostic_nms"] else CLASS_SHIFT,
        across_classes=bool(args["agnostic_nms"]),
    )
    return Decoded(boxes="centre_and_size", candidates=MOST_CANDIDATES, suppression=suppression)
