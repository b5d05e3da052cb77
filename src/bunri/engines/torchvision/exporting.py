"""torchvision's detectors as networks with raw outputs; what comes before and after them is said as data."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD
from torchvision.ops import MultiScaleRoIAlign, RoIAlign

from bunri.engines.base import ExportWish
from bunri.engines.exported.detectors import (
    CellAnchors,
    DefaultBoxes,
    OneStage,
    Proposals,
    Regions,
    Suppression,
    TwoStage,
)
from bunri.engines.exported.pixel_rules import Pixels
from bunri.engines.exported.spec import ExportedNetworks
from bunri.engines.tracing import IMAGE_AXES, SHAPES, NetworkModule, images_to_try, numbered, write_network
from bunri.engines.two_networks import RegionNetwork, TwoStages, write_two_stages
from bunri.errors import ConfigError
from bunri.recipe import Recipe


class DenseNetwork(nn.Module):
    """Backbone and head of a one-stage detector: raw outputs, and one channel of each level for its size."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.backbone, self.head = model.backbone, model.head

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Scores ``(B, N, C)``, boxes ``(B, N, 4)``, of FCOS centerness ``(B, N, 1)``; levels ``(1, 1, H, W)``."""
        levels = _levels(self.backbone(images))
        outputs = self.head(levels)
        raw = [outputs[name] for name in ("cls_logits", "bbox_regression", "bbox_ctrness") if name in outputs]
        return (*raw, *(level[:1, :1] for level in levels))


class ProposalNetwork(nn.Module):
    """Backbone and first stage of Faster R-CNN."""

    def __init__(self, model: Any, names: Sequence[str]) -> None:
        super().__init__()
        self.backbone, self.head, self._names = model.backbone, model.rpn.head, tuple(names)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Objectness ``(B, A, H, W)`` and offsets ``(B, 4 A, H, W)`` by level, and the second stage's features."""
        features = self.backbone(images)
        features = features if isinstance(features, dict) else {"0": features}
        objectness, offsets = self.head(list(features.values()))
        return (*objectness, *offsets, *(features[name] for name in self._names))


def _levels(features: Any) -> list[Tensor]:
    return list(features.values()) if isinstance(features, dict) else [features]


def export_model(model: Any, recipe: Recipe, wish: ExportWish) -> ExportedNetworks:
    """Write the networks of a detector in a mood to predict.

    Raises:
        ConfigError: A part of it is none of torchvision's own, or it holds for one size of photos only.
    """
    pixels = pixels_of(model.transform)
    images = images_to_try(pixels, recipe)
    if isinstance(model, FasterRCNN):
        return _two_stage(model, pixels, images, wish)
    if isinstance(model, RetinaNet | FCOS | SSD):
        return _one_stage(model, pixels, images, wish)
    raise ConfigError(f"{type(model).__name__} cannot be exported; Faster R-CNN, RetinaNet, FCOS and SSD can")


def pixels_of(transform: Any) -> Pixels:
    """What a transform of torchvision does to a photo."""
    return Pixels(
        min_side=transform.min_size[-1],
        max_side=transform.max_size,
        fixed=transform.fixed_size,
        mean=tuple(transform.image_mean),
        std=tuple(transform.image_std),
        divisible=transform.size_divisible,
    )


def anchors_of(generator: Any) -> CellAnchors | DefaultBoxes:
    """A generator's boxes as data.

    Raises:
        ConfigError: It is none of torchvision's own.
    """
    if isinstance(generator, AnchorGenerator):
        return CellAnchors(boxes=tuple(tuple(map(tuple, cell.tolist())) for cell in generator.cell_anchors))
    if isinstance(generator, DefaultBoxGenerator):
        sides = [pairs.clamp(0, 1) if generator.clip else pairs for pairs in generator._wh_pairs]
        levels = tuple(tuple(map(tuple, pairs.tolist())) for pairs in sides)
        return DefaultBoxes(sides=levels, steps=generator.steps and tuple(generator.steps))
    raise ConfigError(f"anchors of {type(generator).__name__} cannot be exported; those of torchvision can")


def _one_stage(model: Any, pixels: Pixels, images: Sequence[Tensor], wish: ExportWish) -> ExportedNetworks:
    detector = _dense(model)
    centerness = ("centerness",) if isinstance(model, FCOS) else ()
    outputs = ("scores", "boxes", *centerness, *numbered("level", detector.levels))
    examples = [(image,) for image in images]
    network = NetworkModule("network", DenseNetwork(model), ("images",), outputs, IMAGE_AXES, examples)
    return ExportedNetworks(networks={"network": write_network(network, wish)}, pixels=pixels, detector=detector)


def _dense(model: Any) -> OneStage:
    return OneStage(
        anchors=anchors_of(model.anchor_generator),
        scores=_SCORES[type(model)],
        boxes="sides" if isinstance(model, FCOS) else "offsets",
        weights=(1.0, 1.0, 1.0, 1.0) if isinstance(model, FCOS) else tuple(model.box_coder.weights),
        candidates=model.topk_candidates,
        candidates_of="class" if isinstance(model, SSD) else "level",
        suppression=Suppression(iou=model.nms_thresh, max_boxes=model.detections_per_img),
    )


_SCORES: dict[type, Any] = {RetinaNet: "sigmoid", FCOS: "sigmoid_with_centerness", SSD: "softmax"}


def _two_stage(model: Any, pixels: Pixels, images: Sequence[Tensor], wish: ExportWish) -> ExportedNetworks:
    pool = model.roi_heads.box_roi_pool
    if not isinstance(pool, MultiScaleRoIAlign):
        raise ConfigError(f"box_roi_pool must be MultiScaleRoIAlign to be exported, but is {type(pool).__name__}")
    with torch.no_grad():
        model([torch.rand(3, *SHAPES[0])])  # the pool finds out the scales of its levels
    pools = [RoIAlign(pool.output_size, scale, pool.sampling_ratio) for scale in pool.scales]
    second = RegionNetwork(pools, nn.Sequential(model.roi_heads.box_head, model.roi_heads.box_predictor))
    detector, first = _of_two_stages(model), ProposalNetwork(model, pool.featmap_names)
    networks = write_two_stages(TwoStages(first, [second], detector.levels), images, wish)
    return ExportedNetworks(networks=networks, pixels=pixels, detector=detector)


def _of_two_stages(model: Any) -> TwoStage:
    rpn, heads = model.rpn, model.roi_heads
    proposals = Proposals(
        candidates=rpn.pre_nms_top_n(),
        min_score=rpn.score_thresh,
        min_side=rpn.min_size,
        suppression=Suppression(iou=rpn.nms_thresh, max_boxes=rpn.post_nms_top_n()),
    )
    return TwoStage(
        anchors=anchors_of(rpn.anchor_generator),
        weights=tuple(rpn.box_coder.weights),
        proposals=proposals,
        regions=_of_regions(heads),
    )


def _of_regions(heads: Any) -> Regions:
    pool = heads.box_roi_pool
    finest, coarsest = (round(-torch.tensor(pool.scales[end]).log2().item()) for end in (0, -1))
    if coarsest - finest + 1 != len(pool.scales):
        raise ConfigError(f"feature levels must halve their size to be exported, but the scales are {pool.scales}")
    return Regions(
        finest=finest,
        coarsest=coarsest,
        canonical_side=pool.canonical_scale,
        canonical_level=pool.canonical_level,
        weights=tuple(heads.box_coder.weights),
        suppression=Suppression(iou=heads.nms_thresh, max_boxes=heads.detections_per_img),
    )
