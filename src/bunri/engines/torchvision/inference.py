"""Predictions of a model on a data set, view by view."""

import copy
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from bunri.dataset import Dataset
from bunri.engines.torchvision.builders import scale_input
from bunri.engines.torchvision.samples import photo_to_tensor
from bunri.photos import read_photo
from bunri.predictions import Predictions, concatenate
from bunri.tta import View, boxes_back, turn_photo

Tick = Callable[[int], None]
BATCH = 8


@torch.no_grad()
def predict_view(model: nn.Module, dataset: Dataset, view: View, device: torch.device, tick: Tick) -> Predictions:
    """Boxes found on one view of every photo, in the pixels of the originals; ``tick`` hears of photos done."""
    model.eval()
    transform = model.transform
    try:
        model.transform = copy.deepcopy(transform)
        scale_input(model, view.scale)
        parts = [_predict_rows(model, dataset, rows, view, device, tick) for rows in _blocks(len(dataset))]
    finally:
        model.transform = transform
    return concatenate(parts, name=view.name)


def _blocks(count: int) -> Iterator[range]:
    return (range(start, min(start + BATCH, count)) for start in range(0, count, BATCH))


def _predict_rows(
    model: nn.Module, dataset: Dataset, rows: range, view: View, device: torch.device, tick: Tick
) -> Predictions:
    photos = [turn_photo(read_photo(dataset.path_of(row)), view.turn) for row in rows]
    outputs = model([photo_to_tensor(photo).to(device) for photo in photos])
    tick(len(rows))
    return concatenate([_to_predictions(output, dataset, row, view) for row, output in zip(rows, outputs, strict=True)])


def _to_predictions(output: dict[str, Tensor], dataset: Dataset, row: int, view: View) -> Predictions:
    """One image's boxes in the pixels of the original.

    One-stage detectors of torchvision score the background label 0 like any class; an untrained one may dump it.
    """
    output = {key: output[key][output["labels"] > 0] for key in ("boxes", "labels", "scores")}
    width, height = int(dataset.images.width[row]), int(dataset.images.height[row])
    # One-stage heads score label 0, too, which torchvision keeps for the background.
    real = output["labels"] > 0
    box_xyxy = boxes_back(output["boxes"][real].cpu().numpy().astype(np.float64), view.turn, width, height)
    image_id = dataset.images.id[row]
    return Predictions(
        image_id=np.full(len(box_xyxy), image_id),
        class_index=output["labels"][real].cpu().numpy() - 1,
        score=np.clip(output["scores"][real].cpu().numpy().astype(np.float64), 0.0, 1.0),
        box_xyxy=box_xyxy,
        seen_image_id=np.array([image_id]),
    )
