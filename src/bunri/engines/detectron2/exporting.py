"""Detectron2's detectors as networks with raw outputs; what comes before and after them is said as data."""

from collections.abc import Sequence
from typing import Any

import torch
from detectron2.modeling import GeneralizedRCNN, RetinaNet
from detectron2.modeling.meta_arch.dense_detector import permute_to_N_HWA_K
from detectron2.modeling.meta_arch.fcos import FCOS
from detectron2.modeling.proposal_generator import RPN
from detectron2.modeling.roi_heads import CascadeROIHeads, Res5ROIHeads, StandardROIHeads
from torch import Tensor, nn

from bunri.engines.base import ExportWish
from bunri.engines.detectron2.exported_rules import dense_rule, must_be, pixels_of, two_stage_rule
from bunri.engines.detectron2.inference import Preparation
from bunri.engines.exported.pixel_rules import Pixels
from bunri.engines.exported.spec import ExportedNetworks
from bunri.engines.tracing import IMAGE_AXES, NetworkModule, images_to_try, numbered, write_network
from bunri.engines.two_networks import BackgroundFirst, RegionNetwork, TwoStages, write_two_stages
from bunri.errors import ConfigError
from bunri.recipe import Recipe


class DenseNetwork(nn.Module):
    """RetinaNet or FCOS: raw outputs over all levels, and one channel of each level for its size."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.backbone, self.head, self._names = model.backbone, model.head, tuple(model.head_in_features)
        self._values = (model.num_classes, 4, 1)
        self._distances = isinstance(model, FCOS)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Scores ``(B, N, C)``, boxes ``(B, N, 4)``, of FCOS centerness ``(B, N, 1)``; levels ``(1, 1, H, W)``."""
        features = self.backbone(images)
        levels = [features[name] for name in self._names]
        raw = [
            torch.cat([permute_to_N_HWA_K(level, values) for level in outputs], dim=1)
            for outputs, values in zip(self.head(levels), self._values, strict=False)
        ]
        if self._distances:
            raw[1] = raw[1].relu()  # Detectron2 does it when it decodes
        return (*raw, *(level[:1, :1] for level in levels))


class ProposalNetwork(nn.Module):
    """Backbone and first stage of Faster R-CNN."""

    def __init__(self, model: Any, names: Sequence[str]) -> None:
        super().__init__()
        self.backbone, self.head = model.backbone, model.proposal_generator.rpn_head
        self._proposing, self._seen = tuple(model.proposal_generator.in_features), tuple(names)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Objectness ``(B, A, H, W)`` and offsets ``(B, 4 A, H, W)`` by level, and the second stage's features."""
        features = self.backbone(images)
        objectness, offsets = self.head([features[name] for name in self._proposing])
        return (*objectness, *offsets, *(features[name] for name in self._seen))


class MeanOverPlaces(nn.Module):
    """What the head over the last stage of a ResNet looks at."""

    def forward(self, pooled: Tensor) -> Tensor:
        """``(R, K)`` of ``(R, K, H, W)``."""
        return pooled.mean(dim=[2, 3])


def export_model(model: Any, prepare: Preparation, recipe: Recipe, wish: ExportWish) -> ExportedNetworks:
    """Write the networks of a detector in a mood to predict.

    Raises:
        ConfigError: A part of it is none of Detectron2's own, or it holds for one size of photos only.
    """
    pixels = pixels_of(model, prepare)
    images = images_to_try(pixels, recipe)
    if type(model) is GeneralizedRCNN:
        return _two_stages(model, pixels, images, wish)
    if type(model) in (RetinaNet, FCOS):
        return _one_stage(model, pixels, images, wish)
    raise ConfigError(
        f"{type(model).__name__} of Detectron2 cannot be exported; GeneralizedRCNN, RetinaNet and FCOS can. "
        "`bunri predict` runs it in its framework."
    )


def _one_stage(model: Any, pixels: Pixels, images: Sequence[Tensor], wish: ExportWish) -> ExportedNetworks:
    detector = dense_rule(model)
    centerness = ("centerness",) if isinstance(model, FCOS) else ()
    outputs = ("scores", "boxes", *centerness, *numbered("level", detector.levels))
    examples = [(image,) for image in images]
    network = NetworkModule("network", DenseNetwork(model), ("images",), outputs, IMAGE_AXES, examples)
    return ExportedNetworks(networks={"network": write_network(network, wish)}, pixels=pixels, detector=detector)


def _two_stages(model: Any, pixels: Pixels, images: Sequence[Tensor], wish: ExportWish) -> ExportedNetworks:
    rpn, heads = model.proposal_generator, model.roi_heads
    must_be(rpn, RPN)
    must_be(heads, StandardROIHeads, Res5ROIHeads, CascadeROIHeads)
    is_c4, is_cascade = isinstance(heads, Res5ROIHeads), isinstance(heads, CascadeROIHeads)
    names, pooler = (heads.in_features, heads.pooler) if is_c4 else (heads.box_in_features, heads.box_pooler)
    predictors = list(heads.box_predictor) if is_cascade else [heads.box_predictor]
    bodies = list(heads.box_head) if is_cascade else [_body(heads)]
    detector = two_stage_rule(rpn, predictors, pooler)
    regions = [
        RegionNetwork(list(pooler.level_poolers), nn.Sequential(body, BackgroundFirst(predictor, heads.num_classes)))
        for body, predictor in zip(bodies, predictors, strict=True)
    ]
    networks = write_two_stages(TwoStages(ProposalNetwork(model, names), regions, detector.levels), images, wish)
    return ExportedNetworks(networks=networks, pixels=pixels, detector=detector)


def _body(heads: Any) -> nn.Module:
    return nn.Sequential(heads.res5, MeanOverPlaces()) if isinstance(heads, Res5ROIHeads) else heads.box_head
