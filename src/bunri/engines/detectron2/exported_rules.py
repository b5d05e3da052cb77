"""What comes before and after Detectron2's networks, as data; what cannot be said exactly is refused by name."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from detectron2.data import transforms
from detectron2.layers import ROIAlign
from detectron2.modeling.anchor_generator import DefaultAnchorGenerator
from detectron2.modeling.box_regression import Box2BoxTransform, Box2BoxTransformLinear
from detectron2.modeling.meta_arch.fcos import FCOS
from detectron2.modeling.roi_heads import FastRCNNOutputLayers
from PIL import Image

from bunri.engines.detectron2.inference import Preparation
from bunri.engines.exported import refusing
from bunri.engines.exported.detectors import (
    LARGEST_LOG,
    REGION_NETWORKS,
    CellAnchors,
    Four,
    OneStage,
    Proposals,
    Regions,
    Suppression,
    TwoStage,
)
from bunri.engines.exported.pixel_rules import LARGEST_SIDE, Pixels
from bunri.errors import ConfigError

NOT_EMPTY = float(np.finfo(np.float32).tiny)
"""Detectron2 keeps boxes whose sides are more than a number; more than 0 is at least this."""

must_be = partial(refusing.must_be, "Detectron2")
"""Refuses parts of other classes than Detectron2's own."""


def pixels_of(model: Any, prepare: Preparation) -> Pixels:
    """What the config's test pipeline and the model do to a photo.

    Raises:
        ConfigError: They do more than one resizing by Pillow's bilinear filter.
    """
    constraints = dict(model.backbone.padding_constraints)
    if constraints.get("square_size", 0) > 0:
        raise ConfigError("a backbone that pads photos to a square cannot be exported; leave FPN's square_pad at 0")
    return Pixels(
        resize="pillow",
        **_resizing(prepare.augmentations),
        rounding="step_by_step",
        channels="bgr" if prepare.image_format == "BGR" else "rgb",
        highest=255,
        mean=tuple(model.pixel_mean.flatten().tolist()),
        std=tuple(model.pixel_std.flatten().tolist()),
        divisible=max(constraints.get("size_divisibility", model.backbone.size_divisibility), 1),
        together=False,
    )


def _resizing(augmentations: Sequence[Any]) -> dict[str, Any]:
    names = ", ".join(type(augmentation).__name__ for augmentation in augmentations) or "nothing"
    if len(augmentations) != 1 or getattr(augmentations[0], "interp", None) != Image.Resampling.BILINEAR:
        raise ConfigError(f"test photos must be resized once, bilinearly, to be exported, but the config does {names}")
    [only] = augmentations
    if type(only) is transforms.ResizeShortestEdge and len(set(only.short_edge_length)) == 1:
        least, most = int(only.short_edge_length[0]), min(int(only.max_size), LARGEST_SIDE)
        if least > 0:
            return {"min_side": least, "max_side": most}
    if type(only) is transforms.Resize:
        height, width = only.shape
        return {"min_side": min(height, width), "max_side": max(height, width), "fixed": (width, height)}
    raise ConfigError(
        f"test photos must be resized to one size to be exported, but the config's {names} does otherwise"
    )


def dense_rule(model: Any) -> OneStage:
    """From the outputs of RetinaNet or FCOS to boxes."""
    is_fcos = isinstance(model, FCOS)
    must_be(model.box2box_transform, Box2BoxTransformLinear if is_fcos else Box2BoxTransform)
    if is_fcos and not model.box2box_transform.normalize_by_size:
        raise ConfigError("distances of FCOS must be in strides to be exported; set normalize_by_size to True")
    return OneStage(
        anchors=anchors_of(model.anchor_generator),
        scores="sigmoid_with_centerness" if is_fcos else "sigmoid",
        boxes="sides" if is_fcos else "offsets",
        weights=(1.0, 1.0, 1.0, 1.0) if is_fcos else weights_of(model.box2box_transform),
        first_label=1,
        candidates=model.test_topk_candidates,
        candidates_of="level",
        clip_first=False,
        min_side=NOT_EMPTY,
        suppression=Suppression(iou=model.test_nms_thresh, max_boxes=model.max_detections_per_image),
    )


def two_stage_rule(rpn: Any, predictors: Sequence[Any], pooler: Any) -> TwoStage:
    """From the outputs of the networks of Faster R-CNN, or of a cascade with several predictors, to boxes."""
    for pool in pooler.level_poolers:
        must_be(pool, ROIAlign)
    for predictor in predictors:
        must_be(predictor, FastRCNNOutputLayers)
        if predictor.use_sigmoid_ce:
            raise ConfigError(
                "ROI_BOX_HEAD.USE_SIGMOID_CE cannot be exported: scores of regions are taken as a softmax"
            )
    if len(predictors) > len(REGION_NETWORKS):
        raise ConfigError(f"a cascade must have at most {len(REGION_NETWORKS)} stages to be exported")
    weights, *refined_by = [weights_of(predictor.box2box_transform) for predictor in predictors]
    proposals = Proposals(
        candidates=rpn.pre_nms_topk[False],
        min_score=None,
        min_side=max(float(rpn.min_box_size), NOT_EMPTY),
        suppression=Suppression(iou=rpn.nms_thresh, max_boxes=rpn.post_nms_topk[False]),
    )
    regions = Regions(
        finest=pooler.min_level,
        coarsest=pooler.max_level,
        canonical_side=pooler.canonical_box_size,
        canonical_level=pooler.canonical_level,
        level_slack=0,
        ratio_slack=1e-8,
        weights=weights,
        refined_by=tuple(refined_by),
        min_side=NOT_EMPTY,
        suppression=Suppression(iou=predictors[-1].test_nms_thresh, max_boxes=predictors[-1].test_topk_per_image),
    )
    anchors, of_anchors = anchors_of(rpn.anchor_generator), weights_of(rpn.box2box_transform)
    return TwoStage(anchors=anchors, weights=of_anchors, proposals=proposals, regions=regions)


def anchors_of(generator: Any) -> CellAnchors:
    """A generator's boxes around the first cell of each level, as data.

    Raises:
        ConfigError: It is not Detectron2's own.
    """
    must_be(generator, DefaultAnchorGenerator)
    strides = [(float(stride), float(stride)) for stride in generator.strides]
    cells = [
        tuple(map(tuple, (boxes + generator.offset * stride).tolist()))
        for boxes, (stride, _) in zip(generator.cell_anchors, strides, strict=True)
    ]
    return CellAnchors(boxes=tuple(cells), strides=tuple(strides))


def weights_of(transform: Any) -> Four:
    """What offsets are divided by.

    Raises:
        ConfigError: It cuts logarithms elsewhere than R-CNN's own code.
    """
    must_be(transform, Box2BoxTransform)
    if abs(transform.scale_clamp - LARGEST_LOG) > 1e-6:
        raise ConfigError(f"scale_clamp must be log(1000 / 16) to be exported, but is {transform.scale_clamp}")
    x, y, width, height = transform.weights
    return float(x), float(y), float(width), float(height)
