"""From a whole config to effdet's model, with or without memory."""

from collections.abc import Mapping
from typing import Any

import torch
from effdet import EfficientDet
from effdet.anchors import get_feat_sizes
from effdet.config import get_efficientdet_config

from bunri.errors import ConfigError, words_of


def build_model(
    values: Mapping[str, Any], num_classes: int, device: str = "cpu", pretrained_backbone: bool = False
) -> Any:
    """Effdet's model of a whole config, with random weights or timm's in the backbone.

    Raises:
        ConfigError: effdet or timm refuse the config; the message is theirs.
        OSError: timm's weights cannot be downloaded.
    """
    config = get_efficientdet_config(values["model"])
    config.update(values)  # keys of ours lie beside effdet's, unread
    config.update({"num_classes": num_classes, "num_levels": values["max_level"] - values["min_level"] + 1})
    try:
        with torch.device(device):
            return EfficientDet(config, pretrained_backbone=pretrained_backbone)
    except (TypeError, ValueError, KeyError, AssertionError, RuntimeError, IndexError, AttributeError) as error:
        reason = words_of(error).splitlines()[0]
        raise ConfigError(f"effdet refuses the config of {values['model']}: {reason}") from error


def try_out(values: Mapping[str, Any], source: str) -> None:
    """Build the model and look at a photo without memory.

    Raises:
        ConfigError: It cannot be built, or levels of its pyramid are not those the anchors are laid on.
    """
    height, width = values["image_size"]
    try:
        model = build_model(values, num_classes=1, device="meta").eval()
        levels, _ = model(torch.zeros(1, 3, height, width, device="meta"))
    except (ConfigError, RuntimeError) as error:
        raise ConfigError(f"{source}: {str(error).splitlines()[0]}") from error
    found = [tuple(level.shape[2:]) for level in levels]
    wanted = [tuple(size) for size in get_feat_sizes((height, width), values["max_level"])[values["min_level"] :]]
    if found != wanted:
        raise ConfigError(
            f"{source}: levels must have the sizes {wanted} for the anchors, but the model gives {found}. "
            "Change image_size, backbone_indices or min_level, so that the backbone's strides begin at 2 ** min_level."
        )
