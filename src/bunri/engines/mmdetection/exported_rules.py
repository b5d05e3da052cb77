"""What comes after MMDetection's networks, as data; what cannot be said exactly is refused by name."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmdet.models.dense_heads import FCOSHead, RTMDetHead
from mmdet.models.roi_heads import CascadeRoIHead
from mmdet.models.task_modules.coders import DeltaXYWHBBoxCoder, DistancePointBBoxCoder
from mmdet.models.task_modules.prior_generators import AnchorGenerator, MlvlPointGenerator

from bunri.engines.exported.detectors import (
    LARGEST_LOG,
    CellAnchors,
    Four,
    OneStage,
    Proposals,
    Regions,
    Suppression,
    TwoStage,
)
from bunri.engines.exported.refusing import must_hold
from bunri.engines.mmdetection.exported_pixels import must_be
from bunri.errors import ConfigError

ALL = 100_000
"""Candidates where the config cuts none."""


def anchors_of(generator: Any) -> CellAnchors:
    """A generator's boxes around the first cell of each level, as data; of points, a pixel around each.

    Raises:
        ConfigError: It is none of MMDetection's plain ones.
    """
    must_be(generator, AnchorGenerator, MlvlPointGenerator)
    strides = tuple((float(across), float(down)) for across, down in generator.strides)
    if isinstance(generator, AnchorGenerator):
        return CellAnchors(
            boxes=tuple(tuple(map(tuple, cell.tolist())) for cell in generator.base_anchors), strides=strides
        )
    points = [(across * generator.offset, down * generator.offset) for across, down in strides]
    return CellAnchors(boxes=tuple(((x - 0.5, y - 0.5, x + 0.5, y + 0.5),) for x, y in points), strides=strides)


def weights_of(coder: Any) -> Four:
    """What offsets are divided by.

    Raises:
        ConfigError: The coder is another one, or shifts or cuts otherwise.
    """
    must_be(coder, DeltaXYWHBBoxCoder)
    said = {**vars(coder), "means": tuple(coder.means)}
    must_hold(said, "bbox_coder", means=(0.0, 0.0, 0.0, 0.0), clip_border=True, add_ctr_clamp=False)
    x, y, width, height = (1 / float(deviation) for deviation in coder.stds)
    return x, y, width, height


def suppression_of(config: Mapping[str, Any], place: str) -> Suppression:
    """What a ``test_cfg`` says of boxes that overlap.

    Raises:
        ConfigError: They are suppressed in another way than by plain NMS.
    """
    nms = dict(config["nms"])
    must_hold(nms, f"{place}.nms", type="nms", offset=0)
    unknown = set(nms) - {"type", "iou_threshold", "offset", "class_agnostic", "split_thr"}
    if unknown:
        raise ConfigError(f"{place}.nms: {', '.join(sorted(unknown))} cannot be exported")
    most = int(config["max_per_img"])
    across = bool(nms.get("class_agnostic", False))
    return Suppression(iou=nms["iou_threshold"], max_boxes=most if most > 0 else ALL, across_classes=across)


def _most(config: Mapping[str, Any]) -> int:
    most = int(config.get("nms_pre", -1))
    return most if most > 0 else ALL


def _smallest_side(config: Mapping[str, Any]) -> float:
    """MMDetection keeps boxes whose sides are more than a number."""
    side = float(config.get("min_bbox_size", -1))
    if side < 0:
        return 0
    return float(np.nextafter(np.float32(side), np.float32(np.inf))) if side else float(np.finfo(np.float32).tiny)


def dense_rule(head: Any) -> OneStage:
    """From the outputs of RetinaNet, ATSS, FCOS or RTMDet to boxes."""
    by_points, config = isinstance(head, FCOSHead | RTMDetHead), head.test_cfg
    if by_points:
        must_be(head.bbox_coder, DistancePointBBoxCoder)
        must_be(head.prior_generator, MlvlPointGenerator)
        must_hold(vars(head.bbox_coder), "bbox_coder", clip_border=True)
    if not head.use_sigmoid_cls or getattr(head.loss_cls, "custom_cls_channels", False):
        raise ConfigError("scores of a dense head must be sigmoids to be exported; set loss_cls.use_sigmoid to True")
    if float(config.get("min_bbox_size", -1)) > 0:
        raise ConfigError("test_cfg.min_bbox_size must be 0 or less for an export: it is in pixels of the photo")
    return OneStage(
        anchors=anchors_of(head.prior_generator),
        scores="sigmoid_then_centerness" if has_centerness(head) else "sigmoid",
        boxes="sides" if by_points else "offsets",
        weights=(1.0, 1.0, 1.0, 1.0) if by_points else weights_of(head.bbox_coder),
        smallest_log=-LARGEST_LOG,
        first_label=1,
        candidates=_most(config),
        candidates_of="level",
        min_side=_smallest_side(config),
        suppression=suppression_of(config, "test_cfg"),
    )


def has_centerness(head: Any) -> bool:
    """Whether a dense head gives a third output that scores are multiplied by."""
    return hasattr(head, "atss_centerness") or hasattr(head, "conv_centerness")


def two_stage_rule(rpn: Any, heads: Any) -> TwoStage:
    """From the outputs of both networks of Faster R-CNN to boxes."""
    if not rpn.use_sigmoid_cls:
        raise ConfigError("rpn_head.loss_cls.use_sigmoid must be True for an export")
    proposals = Proposals(
        candidates=_most(rpn.test_cfg),
        min_score=0,
        min_side=_smallest_side(rpn.test_cfg),
        suppression=suppression_of(rpn.test_cfg, "test_cfg.rpn"),
    )
    return TwoStage(
        anchors=anchors_of(rpn.prior_generator),
        weights=weights_of(rpn.bbox_coder),
        smallest_log=-LARGEST_LOG,
        proposals=proposals,
        regions=_regions(heads),
    )


def _regions(heads: Any) -> Regions:
    """Of one head, or of those of a cascade."""
    is_cascade = isinstance(heads, CascadeRoIHead)
    extractor = heads.bbox_roi_extractor[0] if is_cascade else heads.bbox_roi_extractor
    boxes = list(heads.bbox_head) if is_cascade else [heads.bbox_head]
    finest = _finest(list(extractor.featmap_strides))
    if any(head.custom_cls_channels for head in boxes):
        raise ConfigError("scores of regions must be a softmax to be exported, but loss_cls has its own activation")
    if not all(head.reg_class_agnostic for head in boxes[:-1]):
        raise ConfigError("bbox_head.reg_class_agnostic must be True in a cascade for an export")
    first, *others = (weights_of(head.bbox_coder) for head in boxes)
    return Regions(
        finest=finest,
        coarsest=finest + len(extractor.featmap_strides) - 1,
        canonical_side=extractor.finest_scale,
        canonical_level=finest,
        level_slack=0,
        ratio_slack=1e-6,
        weights=first,
        smallest_log=-LARGEST_LOG,
        refined_by=tuple(others),
        mean_of="logits",
        min_side=0,
        suppression=suppression_of(heads.test_cfg, "test_cfg.rcnn"),
    )


def _finest(strides: list[int]) -> int:
    """Of the first stride the exponent of two."""
    finest = int(strides[0]).bit_length() - 1
    if strides != [2 ** (finest + level) for level in range(len(strides))]:
        raise ConfigError(
            f"featmap_strides must be powers of two, each twice the last, for an export, but are {strides}"
        )
    return finest
