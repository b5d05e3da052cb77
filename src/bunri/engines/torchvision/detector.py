"""A detector of torchvision as the training loop wants it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bunri.boxes import FloatArray, IntArray
from bunri.engines.base import ExportWish
from bunri.engines.exported.spec import ExportedNetworks
from bunri.engines.loop.detector import Detector
from bunri.engines.loop.samples import photo_to_tensor
from bunri.engines.predicting import Photo
from bunri.engines.torchvision.exporting import export_model
from bunri.engines.torchvision.inference import TorchvisionFinder
from bunri.recipe import Recipe

Sample = tuple[Tensor, dict[str, Tensor]]


def make_sample(photo: Photo, box_xyxy: FloatArray, class_index: IntArray) -> Sample:
    """Image ``(3, H, W)`` in [0, 1] and its target: labels from 1, 0 being the background."""
    target = {
        "boxes": torch.from_numpy(box_xyxy.astype(np.float32)),
        "labels": torch.from_numpy(class_index.astype(np.int64) + 1),
    }
    return photo_to_tensor(photo), target


class TorchvisionDetector(Detector):
    """A model of torchvision.models.detection; it resizes and normalises photos itself."""

    def __init__(self, model: nn.Module, facts: Mapping[str, str], native: str) -> None:
        """Take a built model."""
        self.model, self.facts, self.native = model, facts, native
        self.sample = make_sample

    def losses(self, batch: list[Any]) -> Mapping[str, Tensor]:
        """The losses torchvision's detectors give while they train."""
        losses: dict[str, Tensor] = self.model([image for image, _ in batch], [target for _, target in batch])
        return losses

    def export(self, recipe: Recipe, wish: ExportWish) -> ExportedNetworks:
        """Faster R-CNN, RetinaNet, FCOS and SSD over whatever backbone."""
        return export_model(self.model.eval(), recipe, wish)

    def finder(self, model: nn.Module, device: torch.device) -> TorchvisionFinder:
        """Asks the model."""
        return TorchvisionFinder(model, device)
