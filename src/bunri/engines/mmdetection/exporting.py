"""MMDetection's detectors as networks with raw outputs; what comes before and after them is said as data."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmcv.ops import RoIAlign
from mmdet.models.dense_heads import ATSSHead, FCOSHead, RetinaHead, RPNHead, RTMDetHead, RTMDetSepBNHead
from mmdet.models.detectors import SingleStageDetector, TwoStageDetector
from mmdet.models.roi_heads import CascadeRoIHead, StandardRoIHead
from mmdet.models.roi_heads.bbox_heads import ConvFCBBoxHead, Shared2FCBBoxHead, Shared4Conv1FCBBoxHead
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from torch import Tensor, nn

from bunri.engines.base import ExportWish
from bunri.engines.exported.pixel_rules import Pixels
from bunri.engines.exported.refusing import must_hold
from bunri.engines.exported.spec import ExportedNetworks
from bunri.engines.mmdetection.exported_pixels import must_be, pixels_of
from bunri.engines.mmdetection.exported_rules import dense_rule, has_centerness, two_stage_rule
from bunri.engines.tracing import IMAGE_AXES, NetworkModule, images_to_try, numbered, write_network
from bunri.engines.two_networks import BackgroundFirst, RegionNetwork, TwoStages, write_two_stages
from bunri.errors import ConfigError
from bunri.recipe import Recipe


class DenseNetwork(nn.Module):
    """RetinaNet, ATSS or FCOS: raw outputs over all levels, and one channel of each level for its size."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.backbone, self.head = _features(model), model.bbox_head
        self._values = (model.bbox_head.cls_out_channels, 4, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Scores ``(B, N, C)``, boxes ``(B, N, 4)``, centerness ``(B, N, 1)`` if any; levels ``(1, 1, H, W)``."""
        levels = self.backbone(images)
        raw = [
            torch.cat([_cell_by_cell(level, values) for level in outputs], dim=1)
            for outputs, values in zip(self.head(levels), self._values, strict=False)
        ]
        return (*raw, *(level[:1, :1] for level in levels))


class ProposalNetwork(nn.Module):
    """Backbone, neck and first stage of Faster R-CNN."""

    def __init__(self, model: Any, levels: int) -> None:
        super().__init__()
        self.backbone, self.head, self._levels = _features(model), model.rpn_head, levels

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Objectness ``(B, A, H, W)`` and offsets ``(B, 4 A, H, W)`` by level, and the second stage's features."""
        features = self.backbone(images)
        objectness, offsets = self.head(features)
        return (*objectness, *offsets, *features[: self._levels])


def _features(model: Any) -> nn.Module:
    return nn.Sequential(model.backbone, model.neck) if model.with_neck else model.backbone


def _cell_by_cell(maps: Tensor, values: int) -> Tensor:
    """``(B, A * values, H, W)`` as ``(B, H * W * A, values)``."""
    return maps.permute(0, 2, 3, 1).reshape(maps.shape[0], -1, values)


def export_model(
    model: Any, test_pipeline: Sequence[Mapping[str, Any]], recipe: Recipe, wish: ExportWish
) -> ExportedNetworks:
    """Write the networks of a trained detector.

    Raises:
        ConfigError: A part of it is not covered, or it holds for one size of photos only.
    """
    model.eval()
    stages = _checked(model)
    pixels = pixels_of(model.data_preprocessor, test_pipeline)
    images = images_to_try(pixels, recipe)
    return (_two_stages if stages == 2 else _one_stage)(model, pixels, images, wish)


def _checked(model: Any) -> int:
    """Its stages.

    Raises:
        ConfigError: It is a detector of another kind.
    """
    if isinstance(model, TwoStageDetector):
        must_be(model.rpn_head, RPNHead)
        must_be(model.roi_head, StandardRoIHead, CascadeRoIHead)
        must_hold({"shared_head": model.roi_head.with_shared_head}, "roi_head", shared_head=False)
        return 2
    if isinstance(model, SingleStageDetector):
        must_be(model.bbox_head, RetinaHead, ATSSHead, FCOSHead, RTMDetHead, RTMDetSepBNHead)
        return 1
    raise ConfigError(
        f"{type(model).__name__} of MMDetection cannot be exported; Faster and Cascade R-CNN, RetinaNet, ATSS, FCOS "
        "and RTMDet can. `bunri predict` runs it in its framework."
    )


def _one_stage(model: Any, pixels: Pixels, images: Sequence[Tensor], wish: ExportWish) -> ExportedNetworks:
    detector = dense_rule(model.bbox_head)
    centerness = ("centerness",) if has_centerness(model.bbox_head) else ()
    outputs = ("scores", "boxes", *centerness, *numbered("level", detector.levels))
    examples = [(image,) for image in images]
    network = NetworkModule("network", DenseNetwork(model), ("images",), outputs, IMAGE_AXES, examples)
    return ExportedNetworks(networks={"network": write_network(network, wish)}, pixels=pixels, detector=detector)


def _two_stages(model: Any, pixels: Pixels, images: Sequence[Tensor], wish: ExportWish) -> ExportedNetworks:
    heads = model.roi_head
    is_cascade = isinstance(heads, CascadeRoIHead)
    pairs = zip(heads.bbox_roi_extractor, heads.bbox_head, strict=True) if is_cascade else None
    regions = [_regions(*pair) for pair in pairs or [(heads.bbox_roi_extractor, heads.bbox_head)]]
    detector = two_stage_rule(model.rpn_head, heads)
    first = ProposalNetwork(model, len(regions[0].pools))
    networks = write_two_stages(TwoStages(first, regions, detector.levels), images, wish)
    return ExportedNetworks(networks=networks, pixels=pixels, detector=detector)


def _regions(extractor: Any, head: Any) -> RegionNetwork:
    must_be(extractor, SingleRoIExtractor)
    must_be(head, Shared2FCBBoxHead, Shared4Conv1FCBBoxHead, ConvFCBBoxHead)
    for pool in extractor.roi_layers:
        must_be(pool, RoIAlign)
        must_hold(vars(pool), "roi_layer", pool_mode="avg")
        pool.use_torchvision = True  # the same numbers, and known to every exporter
    return RegionNetwork(list(extractor.roi_layers), BackgroundFirst(head, head.num_classes))
