"""Seconds of a training step of a torchvision detector in a plain loop and in bunri's, in turn, on rendered photos.

    PYTHONPATH=src python benchmarks/overhead_torchvision.py

torchvision has no trainer; the plain loop is one as its tutorials have it: a data set of photos and boxes, torch's
loader, AdamW, clipped gradients, a loss that is looked at. Both begin with the same weights and see the same photos in
the same order, as what a step costs depends on them.
"""

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from torchvision.transforms.functional import to_tensor
from turns import Turn, compare, emit_with

from bunri.demo.render import render_demo
from bunri.engines.base import Job
from bunri.engines.feeding import batches, boxes_to_learn
from bunri.engines.loop.samples import seed_everything
from bunri.engines.torchvision.engine import TorchvisionEngine
from bunri.io import load_dataset
from bunri.recipe import Recipe

PHOTOS, BATCH = 64, 4
BUILDER = "ssdlite320_mobilenet_v3_large"
RECIPE = {
    "batch_size": BATCH,
    "epochs": 100,
    "validate_every": 100,
    "optimizer": {"name": "AdamW", "lr": 1e-4, "arguments": {"weight_decay": 0.01}},
    "schedule": {"name": "constant", "warmup_iterations": 0},
}
ORDER = [[row for row, _ in batch] for batch in batches(np.ones(PHOTOS), Recipe.validated(RECIPE, "here"), 0, 0, 1000)]


class PhotosAndBoxes(torch.utils.data.Dataset[Any]):
    """What torchvision's detectors learn from."""

    def __init__(self, annotations: Path, images: Path) -> None:
        self._dataset = load_dataset(annotations, images)
        self.class_names = self._dataset.class_names

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        box_xyxy, class_index = boxes_to_learn(self._dataset, row)
        boxes, labels = torch.from_numpy(box_xyxy).float(), torch.from_numpy(class_index) + 1
        return to_tensor(Image.open(self._dataset.path_of(row)).convert("RGB")), {"boxes": boxes, "labels": labels}


def train_plainly(turn: Turn, photos: Path) -> None:
    """As one would write it by hand."""
    torch.set_num_threads(1)
    dataset = PhotosAndBoxes(photos / "train.json", photos)
    seed_everything(0)
    build = getattr(torchvision.models.detection, BUILDER)
    model = build(weights=None, weights_backbone=None, num_classes=len(dataset.class_names) + 1)
    model.train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    for images, targets in torch.utils.data.DataLoader(dataset, batch_sampler=ORDER, collate_fn=_as_lists):
        losses = sum(model(images, targets).values())
        if not math.isfinite(losses.item()):
            raise ValueError(f"the loss is {losses.item()}")
        optimizer.zero_grad()
        losses.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        turn()


def _as_lists(samples: list[tuple[torch.Tensor, Any]]) -> tuple[list[torch.Tensor], list[Any]]:
    return [image for image, _ in samples], [target for _, target in samples]


def train_under_bunri(turn: Turn, folder: Path, photos: Path) -> None:
    """The same through the engine."""
    config = folder / "model.yaml"
    config.write_text(f"builder: {BUILDER}\n")
    split = {"annotations": photos / "train.json", "images": photos}
    values = {"engine": "torchvision", "config": config, "run_folder": folder / "run", "device": "cpu", "train": split}
    TorchvisionEngine().train(Job.model_validate({**values, "recipe": RECIPE}), emit_with(turn))


def main() -> None:
    """Measure in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder, photos = Path(name), Path(name) / "photos"
        render_demo(photos, train=PHOTOS, test=1)
        compare(lambda turn: train_plainly(turn, photos), lambda turn: train_under_bunri(turn, folder, photos))


if __name__ == "__main__":
    main()
