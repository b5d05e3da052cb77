"""EfficientDet as a network with raw outputs; its frame, anchors and suppression are said as data."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from effdet.anchors import Anchors, get_feat_sizes
from torch import Tensor, nn

from bunri.engines.base import ExportWish
from bunri.engines.effdet.letterbox import Letterbox
from bunri.engines.exported.detectors import CellAnchors, OneStage, Suppression
from bunri.engines.exported.pixel_rules import Pixels
from bunri.engines.exported.spec import ExportedNetworks
from bunri.engines.tracing import NetworkModule, images_to_try, numbered, write_network
from bunri.errors import ConfigError
from bunri.recipe import Recipe

HARD_IOU, SIGMA, SOFT_MIN_SCORE = 0.5, 0.5, 0.001
"""Of effdet's suppression, which its configs cannot say."""


class DenseNetwork(nn.Module):
    """EfficientDet: raw outputs over all levels, and one channel of each level for its size."""

    def __init__(self, model: Any, classes: int) -> None:
        super().__init__()
        self.model, self._classes = model, classes

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Scores ``(B, N, C)``, boxes ``(B, N, 4)``, which effdet gives rows first; levels ``(1, 1, H, W)``."""
        scores, boxes = self.model(images)
        y, x, height, width = _anchor_by_anchor(boxes, 4).unbind(dim=-1)
        offsets = torch.stack([x, y, width, height], dim=-1)
        return _anchor_by_anchor(scores, self._classes), offsets, *(level[:1, :1] for level in boxes)


def _anchor_by_anchor(levels: list[Tensor], values: int) -> Tensor:
    """``(B, N, values)`` of levels ``(B, A * values, H, W)``."""
    flat = [level.permute(0, 2, 3, 1).reshape(level.shape[0], -1, values) for level in levels]
    return torch.cat(flat, dim=1)


def export_model(
    model: Any, config: Mapping[str, Any], letterbox: Letterbox, max_boxes: int, recipe: Recipe, wish: ExportWish
) -> ExportedNetworks:
    """Write the network of a detector in a mood to predict.

    Args:
        model: Of effdet.
        config: The whole one it was built by.
        letterbox: The frame of its photos.
        max_boxes: The most it gives of a photo.
        recipe: How the export predicts.
        wish: What is to be written.

    Raises:
        ConfigError: The recipe has views of other scales, which need models of other frames.
    """
    if any(view.scale != 1 for view in recipe.tta.views):
        raise ConfigError(
            "an EfficientDet is exported for one frame, but recipe.tta has views of other scales, for which effdet "
            "builds further models. Train with views of scale 1, or take another model."
        )
    pixels, detector = pixels_of(config, letterbox), rule_of(model, config, max_boxes)
    outputs = ("scores", "boxes", *numbered("level", detector.levels))
    examples = [(images,) for images in images_to_try(pixels, recipe)]
    dense = DenseNetwork(model, int(model.config.num_classes))
    network = NetworkModule("network", dense, ("images",), outputs, {"images": {0: "photos"}}, examples)
    return ExportedNetworks(networks={"network": write_network(network, wish)}, pixels=pixels, detector=detector)


def pixels_of(config: Mapping[str, Any], letterbox: Letterbox) -> Pixels:
    """What the frame and effdet's normalising do to a photo."""
    sides = letterbox.width, letterbox.height
    of_bytes = {key: (np.array(config[key], np.float32) * np.float32(255)).tolist() for key in ("mean", "std")}
    return Pixels(
        resize="pillow",
        filter=letterbox.interpolation,  # type: ignore[arg-type]  # its config says it is one of these words
        min_side=min(sides),
        max_side=max(sides),
        fit="frame",
        frame=sides,
        border=letterbox.fill_color,
        highest=255,
        **of_bytes,
    )


def rule_of(model: Any, config: Mapping[str, Any], max_boxes: int) -> OneStage:
    """From the outputs to boxes."""
    height, width = config["image_size"]
    anchors = Anchors.from_config(model.config)
    per_cell, start, cells, strides = anchors.get_anchors_per_location(), 0, [], []
    for rows, columns in get_feat_sizes((height, width), config["max_level"])[config["min_level"] :]:
        first = anchors.boxes[start : start + per_cell, [1, 0, 3, 2]]
        cells.append(tuple(map(tuple, first.tolist())))
        strides.append((width / columns, height / rows))
        start += rows * columns * per_cell
    soft: dict[str, Any] = {"sigma": SIGMA, "min_score": SOFT_MIN_SCORE} if config["soft_nms"] else {}
    return OneStage(
        anchors=CellAnchors(boxes=tuple(cells), strides=tuple(strides)),
        scores="sigmoid",
        boxes="offsets",
        largest_log=None,
        first_label=1,
        candidates=config["max_detection_points"],
        candidates_of="photo",
        suppression=Suppression(iou=HARD_IOU, max_boxes=max_boxes, **soft),
    )
