"""What a model of torchvision sees on photos."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from bunri.engines.loop.samples import photo_to_tensor
from bunri.engines.predicting import Found, Photo
from bunri.engines.torchvision.builders import scale_input


class TorchvisionFinder:
    """A detector that predicts; the scale of a view is a factor on the size its transform makes."""

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        self._model, self._device = model.to(device), device

    @torch.no_grad()
    def __call__(self, photos: Sequence[Photo], scale: float) -> list[Found]:
        """Boxes on each photo."""
        self._model.eval()
        transform = self._model.transform
        try:
            self._model.transform = copy.deepcopy(transform)
            scale_input(self._model, scale)
            outputs = self._model([photo_to_tensor(photo).to(self._device) for photo in photos])
        finally:
            self._model.transform = transform
        return [_found(output) for output in outputs]


def _found(output: dict[str, Tensor]) -> Found:
    """Labels from 1 as class indices; one-stage heads of torchvision score the background label 0, too."""
    real = output["labels"] > 0
    return Found(
        box_xyxy=output["boxes"][real].cpu().numpy().astype(np.float64),
        class_index=output["labels"][real].cpu().numpy() - 1,
        score=output["scores"][real].cpu().numpy().astype(np.float64),
    )
