"""timm's backbones under Detectron2's feature pyramid, for yacs configs and for LazyConfigs.

A yacs config names ``MODEL.BACKBONE.NAME: build_timm_fpn_backbone`` (or ``build_retinanet_timm_fpn_backbone``, whose
coarser levels come by convolutions) and says the rest in ``MODEL.TIMM`` and ``MODEL.FPN``. A LazyConfig writes
``L(FPN)(bottom_up=L(TimmBackbone)(name=...), ...)``.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from detectron2.config import CfgNode
from detectron2.layers import ShapeSpec
from detectron2.modeling import BACKBONE_REGISTRY
from detectron2.modeling.backbone import FPN, Backbone
from detectron2.modeling.backbone.fpn import LastLevelMaxPool, LastLevelP6P7
from torch import Tensor

from bunri.engines.timm_bodies import BodyConfig, build_body, channels_first
from bunri.engines.weights import downloading
from bunri.errors import ConfigError
from bunri.settings import nearest

LEVELS = ("res2", "res3", "res4", "res5")
"""Features by Detectron2's names: ``res<n>`` has stride ``2 ** n``."""


def add_timm_config(cfg: Any) -> None:
    """Add ``MODEL.TIMM`` to Detectron2's tree of keys."""
    cfg.MODEL.TIMM = CfgNode()
    cfg.MODEL.TIMM.NAME = ""  # of timm, such as tf_efficientnet_lite0
    cfg.MODEL.TIMM.WEIGHTS = ""  # "" random, timm, packaged, or a local file
    cfg.MODEL.TIMM.NORM = "folded"  # or frozen, live
    cfg.MODEL.TIMM.FROZEN_LAYERS = []  # starts of names, * for all
    cfg.MODEL.TIMM.ARGUMENTS = CfgNode(new_allowed=True)  # further ones of timm.create_model


class TimmBackbone(Backbone):
    """A timm model's features as Detectron2 wants them: a mapping of ``res2`` to ``res5``.

    Attributes:
        origin: A sentence on the weights.
        is_pretrained: Whether there were any to load.
        mean: Of the photos the weights were made for, RGB in [0, 255].
        std: Their standard deviation.
    """

    def __init__(
        self,
        name: str,
        out_features: Sequence[str] = LEVELS,
        weights: str | None = None,
        frozen_layers: Sequence[str] = (),
        norm: str = "folded",
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        """Build the backbone.

        Args:
            name: Of the model in timm.
            out_features: Which of ``res1`` to ``res5`` to give.
            weights: None for random ones, ``timm``, ``packaged``, or a local file.
            frozen_layers: Starts of the names of layers that do not learn; ``*`` for all.
            norm: ``folded``, ``frozen`` or ``live`` batch norms.
            arguments: Further ones of ``timm.create_model``.

        Raises:
            ConfigError: timm has no such model, or the model has no feature of such a stride.
        """
        super().__init__()
        further = dict(arguments or {})
        further.setdefault("out_indices", _indices(name, list(out_features), further))
        values = {"name": name, "weights": weights, "frozen_layers": list(frozen_layers), "norm": norm}
        config = BodyConfig.validated(values | {"arguments": further}, f"the timm backbone {name}")
        with downloading(f"timm's weights of {name}"):
            self.body, self.origin = build_body(config)
        self.is_pretrained = weights is not None
        about = getattr(self.body, "default_cfg", {})
        self.mean = [255 * value for value in about.get("mean", (0.485, 0.456, 0.406))]
        self.std = [255 * value for value in about.get("std", (0.229, 0.224, 0.225))]
        self._out_features = list(out_features)
        reduction, channels = self.body.feature_info.reduction(), self.body.feature_info.channels()
        self._out_feature_strides = dict(zip(out_features, reduction, strict=True))
        self._out_feature_channels = dict(zip(out_features, channels, strict=True))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features by name of images ``(B, 3, H, W)``."""
        images = images.contiguous(memory_format=torch.channels_last)  # a quarter faster on a CPU
        features = zip(self._out_features, self.body(images), strict=True)
        return {name: channels_first(feature, self._out_feature_channels[name]) for name, feature in features}


def _indices(name: str, wanted: list[str], arguments: Mapping[str, Any]) -> list[int]:
    """Positions of a timm model's features by the names of their strides."""
    probe, _ = build_body(BodyConfig(name=name, arguments=dict(arguments), norm="live"))
    info = probe.feature_info
    places = {f"res{int(math.log2(r))}": index for r, index in zip(info.reduction(), info.out_indices, strict=True)}
    for feature in wanted:
        if feature not in places:
            raise ConfigError(f"the timm backbone {name} has no feature {feature!r}{nearest(feature, list(places))}")
    return [places[feature] for feature in wanted]


def _bottom_up(cfg: Any) -> TimmBackbone:
    timm = cfg.MODEL.TIMM
    return TimmBackbone(
        timm.NAME, cfg.MODEL.FPN.IN_FEATURES, timm.WEIGHTS or None, timm.FROZEN_LAYERS, timm.NORM, timm.ARGUMENTS
    )


def _pyramid(cfg: Any, bottom_up: TimmBackbone, top_block: Any) -> Any:
    fpn = cfg.MODEL.FPN
    return FPN(bottom_up, fpn.IN_FEATURES, fpn.OUT_CHANNELS, fpn.NORM, top_block, fpn.FUSE_TYPE)


def build_timm_fpn_backbone(cfg: Any, input_shape: ShapeSpec) -> Any:
    """A timm backbone with a pyramid and one coarser level by pooling, as for Faster R-CNN."""
    pooled = LastLevelMaxPool()
    pooled.in_feature = cfg.MODEL.FPN.IN_FEATURES[-1].replace("res", "p")
    return _pyramid(cfg, _bottom_up(cfg), pooled)


def build_retinanet_timm_fpn_backbone(cfg: Any, input_shape: ShapeSpec) -> Any:
    """A timm backbone with a pyramid and two coarser levels by convolutions, as for RetinaNet."""
    bottom_up, last = _bottom_up(cfg), cfg.MODEL.FPN.IN_FEATURES[-1]
    channels = bottom_up.output_shape()[last].channels
    return _pyramid(cfg, bottom_up, LastLevelP6P7(channels, cfg.MODEL.FPN.OUT_CHANNELS, in_feature=last))


for _builder in (build_timm_fpn_backbone, build_retinanet_timm_fpn_backbone):
    BACKBONE_REGISTRY.register(_builder)
