"""A layer that Ultralytics does not have: timm's feature backbones, for the YAML of a model.

``[-1, 1, TimmFeatures, [tf_efficientnet_lite0, packaged, [2, 3, 4]]]`` gives a list of maps, from which Ultralytics'
own ``Index`` takes one: ``[0, 1, Index, [40, 0]]`` is the first, of 40 channels.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bunri.engines.timm_bodies import BodyConfig
from bunri.engines.weights import load_backbone_weights
from bunri.errors import ConfigError
from bunri.settings import nearest

NAME = "TimmFeatures"


class TimmFeatures(nn.Module):
    """Feature maps of a timm backbone; photos in [0, 1] are normalized as the backbone's weights want it."""

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, weights: str | None = None, out_indices: Sequence[int] = (2, 3, 4)) -> None:
        """Build a backbone.

        Args:
            name: In timm.
            weights: None for random ones, ``packaged`` or ``timm``, as the torchvision engine has them.
            out_indices: Which of its maps.

        Raises:
            ConfigError: timm has no such backbone.
        """
        super().__init__()
        self.body = _body(name, weights, out_indices)
        self.origin = load_backbone_weights(self.body, BodyConfig(name=name, weights=weights))
        statistics = getattr(self.body, "default_cfg", {})
        for key, usual in (("mean", (0.485, 0.456, 0.406)), ("std", (0.229, 0.224, 0.225))):
            values = torch.tensor(statistics.get(key, usual)).view(1, 3, 1, 1)
            self.register_buffer(key, values, persistent=False)

    def forward(self, photos: Tensor) -> list[Tensor]:
        """Maps of photos ``(B, 3, H, W)`` in [0, 1]."""
        return list(self.body((photos - self.mean) / self.std))


def _body(name: str, weights: str | None, out_indices: Sequence[int]) -> Any:
    import timm

    if name.split(".")[0] not in timm.list_models():
        raise ConfigError(f"{NAME}: timm has no {name!r}{nearest(name, timm.list_models())}")
    try:
        return timm.create_model(name, pretrained=weights == "timm", features_only=True, out_indices=tuple(out_indices))
    except (TypeError, RuntimeError, IndexError, AssertionError) as error:
        raise ConfigError(f"{NAME}: timm refuses {name} with out_indices {list(out_indices)}: {error}") from error


def register() -> None:
    """Make the layer known to Ultralytics' parser of models, which looks them up in its own module."""
    from ultralytics.nn import tasks

    setattr(tasks, NAME, TimmFeatures)


def without_weights(model: dict[str, Any]) -> dict[str, Any]:
    """A model whose backbones begin random, as their weights come from a checkpoint."""
    model = copy.deepcopy(model)
    for row in model["backbone"]:
        if row[2] == NAME and len(row[3]) > 1:
            row[3][1] = None
    return model


def origin_of(model: nn.Module) -> str:
    """Where the weights of a model that was just built come from."""
    origins = [layer.origin for layer in model.modules() if isinstance(layer, TimmFeatures)]
    return "; ".join(origins) or "random"
