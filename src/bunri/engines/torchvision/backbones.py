"""timm's feature backbones under torchvision's feature pyramid."""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

from bunri.engines.norms import freeze_norms
from bunri.engines.torchvision.config import BackboneConfig, FPNConfig
from bunri.engines.weights import load_backbone_weights
from bunri.errors import ConfigError
from bunri.settings import nearest


class TimmFPN(nn.Module):
    """A timm backbone with an FPN, as torchvision's detectors want it: a mapping of levels ``"0"``, ``"1"``, ...

    Attributes:
        out_channels: Channels of every level.
        levels: Number of levels, extra blocks included.
        image_mean: Mean of the photos the weights were made for, as torchvision's transform wants it.
        image_std: Their standard deviation.
    """

    def __init__(self, body: Any, fpn: FPNConfig) -> None:
        super().__init__()
        self.body = body
        channels = list(body.feature_info.channels())
        self.fpn = FeaturePyramidNetwork(channels, fpn.out_channels, _extra_blocks(fpn))
        self.out_channels: int | list[int] = fpn.out_channels
        self.levels = len(channels) + {None: 0, "LastLevelMaxPool": 1, "LastLevelP6P7": 2}[fpn.extra_blocks]
        self.image_mean = list(body.default_cfg["mean"]) if hasattr(body, "default_cfg") else [0.485, 0.456, 0.406]
        self.image_std = list(body.default_cfg["std"]) if hasattr(body, "default_cfg") else [0.229, 0.224, 0.225]
        self._channels = channels

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features by level of images ``(B, 3, H, W)``, each ``(B, out_channels, H / stride, W / stride)``."""
        images = images.contiguous(memory_format=torch.channels_last)  # a quarter faster on a CPU
        maps = [channels_first(m, c) for m, c in zip(self.body(images), self._channels, strict=True)]
        levels: dict[str, Tensor] = self.fpn(OrderedDict((str(i), m) for i, m in enumerate(maps)))
        return levels


def channels_first(feature: Tensor, channels: int) -> Tensor:
    """A feature ``(B, C, H, W)``, also of Swin and its like, which give ``(B, H, W, C)``."""
    if feature.shape[1] != channels and feature.shape[-1] == channels:
        return feature.permute(0, 3, 1, 2).contiguous()
    return feature


def _extra_blocks(fpn: FPNConfig) -> nn.Module | None:
    if fpn.extra_blocks == "LastLevelP6P7":
        return LastLevelP6P7(fpn.out_channels, fpn.out_channels)  # type: ignore[no-any-return]
    return LastLevelMaxPool() if fpn.extra_blocks else None


def build_backbone(config: BackboneConfig) -> tuple[TimmFPN, str]:
    """The backbone with its pyramid, frozen as said, and a sentence on its weights.

    Raises:
        ConfigError: timm has no such model, or refuses its arguments.
    """
    body, origin = build_body(config)
    return TimmFPN(body, config.fpn), origin


def build_body(config: BackboneConfig) -> tuple[Any, str]:
    """The backbone without a pyramid, frozen as said, and a sentence on its weights.

    Raises:
        ConfigError: As :func:`build_backbone`.
    """
    check_name(config.name)
    body = _feature_backbone(config)
    origin = load_backbone_weights(body, config)
    _freeze(body, config)
    return body, origin


def check_name(name: str) -> None:
    """Find out whether timm has a model.

    Raises:
        ConfigError: It has not; the message names the nearest.
    """
    import timm

    known = timm.list_models()
    if name.split(".")[0] not in known:
        raise ConfigError(f"backbone.name: timm has no {name!r}{nearest(name, known)}")


ANY_SIZE: tuple[dict[str, Any], ...] = ({"strict_img_size": False}, {"dynamic_img_size": True}, {})
"""What lets a transformer of timm take photos of any size (Swin, then ViT); other models know neither."""


def _feature_backbone(config: BackboneConfig) -> Any:
    import timm

    refused: Exception | None = None
    for any_size in ANY_SIZE:
        arguments = any_size | config.arguments
        try:
            return timm.create_model(config.name, config.weights == "timm", features_only=True, **arguments)
        except (TypeError, RuntimeError, IndexError, AssertionError) as error:
            refused = error
    raise ConfigError(f"backbone.arguments: timm refuses them for {config.name}: {refused}") from refused


def _freeze(body: nn.Module, config: BackboneConfig) -> None:
    names = list(body.state_dict())
    for layer in config.frozen_layers:
        if layer != "*" and not any(name.startswith(layer) for name in names):
            raise ConfigError(f"backbone.frozen_layers: {config.name} has no {layer!r}{nearest(layer, names)}")
    freeze_norms(body, config.norm)
    for name, parameter in body.named_parameters():
        if "*" in config.frozen_layers or name.startswith(config.frozen_layers):
            parameter.requires_grad_(False)
