"""The adapter: reads the native config and builds the model with the weights it names; the loop is bunri's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from bunri.engines.base import ResolvedConfig
from bunri.engines.effdet.building import build_model
from bunri.engines.effdet.config import Backbone, as_text, resolve, whole
from bunri.engines.effdet.detector import EfficientDetDetector
from bunri.engines.loop.engine import LoopEngine
from bunri.engines.norms import freeze_norms
from bunri.engines.weights import downloading, load_backbone_weights, load_detector_weights, load_fitting
from bunri.errors import ConfigError
from bunri.recipe import Recipe
from bunri.settings import parse_yaml


class EffdetEngine(LoopEngine):
    """EfficientDet behind the engine's door."""

    def resolve(self, config: Path, overrides: Mapping[str, Any]) -> ResolvedConfig:
        """The native config with overrides; nothing is downloaded, and the model is built without memory."""
        return resolve(config, overrides)

    def build(self, config: str, class_names: tuple[str, ...], recipe: Recipe) -> EfficientDetDetector:
        """The model with the weights the config names."""
        values = whole(parse_yaml(config), {}, "the resolved config")
        model, origin = build_with_weights(values, len(class_names))
        boxes = max(recipe.max_boxes, values["max_det_per_image"])
        native = as_text(values | {"num_classes": len(class_names), "max_det_per_image": boxes})
        return EfficientDetDetector(model, values, boxes, {"weights": origin, "stages": "one"}, native)


def build_with_weights(values: Mapping[str, Any], num_classes: int) -> tuple[Any, str]:
    """The model of a whole config, and a sentence on the weights it starts from."""
    name, backbone = values["model"], Backbone(values["backbone_name"], values["backbone_weights"])
    with downloading(f"timm's weights of {backbone.name}"):
        model = build_model(values, num_classes, pretrained_backbone=backbone.weights == "timm")
    if values["pretrained"]:
        origin = load_fitting(model, _pretrained(values), f"effdet's weights of {name} on COCO")
    elif values["checkpoint_path"] is not None:
        origin = load_detector_weights(model, values["checkpoint_path"])
    else:
        origin = load_backbone_weights(model.backbone, backbone)
    freeze_norms(model.backbone, values["backbone_norm"])
    return model.to(memory_format=torch.channels_last), f"effdet {name}: {origin}"


def _pretrained(values: Mapping[str, Any]) -> dict[str, Any]:
    if not values["url"]:
        raise ConfigError(
            f"pretrained: effdet has no weights of {values['model']}; name a tf_ variant or set it to false"
        )
    with downloading(f"effdet's weights of {values['model']} ({values['url']})"):
        found = torch.hub.load_state_dict_from_url(values["url"], map_location="cpu", progress=False, weights_only=True)
    return dict(found)
