"""What a model library brings to the loop."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from bunri.boxes import FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.engines.base import ExportWish
from bunri.engines.exported.spec import ExportedNetworks
from bunri.engines.predicting import Finder, Photo
from bunri.errors import ConfigError
from bunri.predictions import Predictions
from bunri.recipe import Recipe

NO_EXPORT = "{name} cannot be exported: nobody has written how. docs/export.md has what can be, and what to do instead."
"""Of a detector that does not say how."""

MakeSample = Callable[[Photo, FloatArray, IntArray], Any]
"""Makes a sample of an augmented RGB photo ``(H, W, 3)``, boxes xyxy ``(K, 4)`` in its pixels and classes ``(K,)``."""


class Detector(ABC):
    """A model, what it learns from, and how it is asked.

    Attributes:
        model: What learns; its state is what checkpoints hold.
        sample: Makes one training sample; called in the processes that load photos, so it must not hold the model.
        facts: For the run's manifest: ``weights``, where they come from, and ``stages``.
        native: The config as it runs, with what our data and recipe say filled in.
    """

    model: nn.Module
    sample: MakeSample
    facts: Mapping[str, str]
    native: str = ""

    @abstractmethod
    def losses(self, batch: list[Any]) -> Mapping[str, Tensor]:
        """Parts of the loss, which is their sum, of samples whose tensors are on the model's device."""

    @abstractmethod
    def finder(self, model: nn.Module, device: torch.device) -> Finder:
        """Asks ``model``, which is :attr:`model` or a moving average of it."""

    def export(self, recipe: Recipe, wish: ExportWish) -> ExportedNetworks:
        """Write the model's networks to a folder.

        Raises:
            ConfigError: The model cannot be exported exactly.
        """
        raise ConfigError(NO_EXPORT.format(name=type(self).__name__))

    def native_figures(self, found: Predictions, truth: Dataset) -> Mapping[str, object]:
        """What the library's own evaluator says of predictions, by its own names; nothing where it has none."""
        return {}


class Losses(nn.Module):
    """The losses of a detector as a module, which torch can run in several processes."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.model, self._losses = detector.model, detector.losses

    def forward(self, batch: list[Any]) -> Mapping[str, Tensor]:
        """Parts of the loss of a batch."""
        return self._losses(batch)


def to_device(value: Any, device: torch.device) -> Any:
    """The same lists, tuples and mappings with every tensor on a device."""
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, Mapping):
        return {key: to_device(inner, device) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(to_device(inner, device) for inner in value)
    return value
