"""A backbone of timm for any detector of MMDetection: ``backbone=dict(type='TimmFeatures', name=...)``."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from bunri.engines.timm_bodies import BodyConfig, build_body, channels_first
from bunri.errors import ConfigError

NORMS = nn.modules.batchnorm._BatchNorm


class TimmFeatures(BaseModule):
    """Features of a timm model at several strides.

    Attributes:
        out_channels: Channels of each feature, as ``neck.in_channels`` wants them.
        origin: Which weights it began with, in words.
    """

    def __init__(
        self,
        name: str,
        out_indices: Sequence[int] = (1, 2, 3, 4),
        weights: str | None = None,
        frozen_stages: int = 0,
        norm_eval: bool = True,
        fold_norms: bool = False,
        arguments: Mapping[str, Any] | None = None,
        init_cfg: object = None,
    ) -> None:
        """Make the backbone.

        Args:
            name: Model name in timm (``features_only``), such as ``tf_efficientnet_lite0``.
            out_indices: Which of its features, the finest first.
            weights: ``packaged`` for EfficientNet-Lite0's ImageNet weights, ``timm`` for timm's own (network), a file,
                or None for random ones.
            frozen_stages: So many of timm's features, and all before them, do not learn.
            norm_eval: Batch norms keep their statistics while training.
            fold_norms: Batch norms are put into the convolutions before them: the same function for less time.
            arguments: Further arguments of ``timm.create_model``.
            init_cfg: Of MMEngine's modules; unused, as timm initialises its models itself.

        Raises:
            ConfigError: timm has no such model, or refuses its arguments.
            DataError: The weights are not of this model.
        """
        super().__init__()
        further = {"out_indices": tuple(out_indices), **(arguments or {})}
        norm = "folded" if fold_norms else "live"
        values = {"name": name, "weights": weights, "norm": norm, "arguments": further}
        self.body, self.origin = build_body(BodyConfig.validated(values, "TimmFeatures"))
        self.out_channels = list(self.body.feature_info.channels())
        self._norm_eval = norm_eval
        self._freeze(frozen_stages)

    def init_weights(self) -> None:
        """Nothing: the weights are there from the beginning."""

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Features of images ``(B, 3, H, W)``, each ``(B, channels, H / stride, W / stride)``."""
        maps = self.body(images.contiguous(memory_format=torch.channels_last))  # a quarter faster on a CPU
        return tuple(channels_first(m, c) for m, c in zip(maps, self.out_channels, strict=True))

    def train(self, mode: bool = True) -> Self:
        """Train or not; norms that keep their statistics go on doing so."""
        super().train(mode)
        if mode and self._norm_eval:
            for module in self.body.modules():
                if isinstance(module, NORMS):
                    module.eval()
        return self

    def _freeze(self, stages: int) -> None:
        if stages <= 0:
            return
        modules = [level["module"] for level in self.body.feature_info.info]
        if stages > len(modules):
            raise ConfigError(f"backbone.frozen_stages: must be at most {len(modules)}, got {stages}")
        ends = (f"{modules[stages - 1]}.", f"{modules[stages - 1].replace('.', '_')}.")
        names = [name for name, _ in self.body.named_parameters()]
        last = max((i for i, name in enumerate(names) if name.startswith(ends)), default=-1)
        for name in names[: last + 1]:
            self.body.get_parameter(name).requires_grad_(False)
