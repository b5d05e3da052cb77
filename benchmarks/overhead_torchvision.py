"""Seconds of a training step of a torchvision detector in a plain loop and in bunri's, in turn, on rendered photos.

    PYTHONPATH=src python benchmarks/overhead_torchvision.py

torchvision has no trainer; the plain loop is one as its tutorials have it: a data set of photos and boxes, torch's
loader, AdamW, clipped gradients, a loss that is looked at.
"""

import math
import tempfile
from pathlib import Path
from typing import Any

import torch
import torchvision
from PIL import Image
from torchvision.transforms.functional import to_tensor
from turns import Turn, compare, emit_as_a_worker

from bunri.demo.render import render_demo
from bunri.engines.base import Job
from bunri.engines.feeding import boxes_to_learn
from bunri.engines.torchvision.engine import TorchvisionEngine
from bunri.events import Event, Progress
from bunri.io import load_dataset

PHOTOS, BATCH = 64, 4
BUILDER, ARGUMENTS = "fasterrcnn_mobilenet_v3_large_320_fpn", {"min_size": 160, "max_size": 214}


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
    build = getattr(torchvision.models.detection, BUILDER)
    model = build(weights=None, weights_backbone=None, num_classes=len(dataset.class_names) + 1, **ARGUMENTS)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    loader = torch.utils.data.DataLoader(
        dataset, BATCH, shuffle=True, collate_fn=lambda samples: list(zip(*samples, strict=True))
    )
    model.train()
    while True:
        for images, targets in loader:
            losses = sum(model(list(images), list(targets)).values())
            if not math.isfinite(losses.item()):
                raise ValueError(f"the loss is {losses.item()}")
            optimizer.zero_grad()
            losses.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            turn()


def train_under_bunri(turn: Turn, folder: Path, photos: Path) -> None:
    """The same through the engine."""
    config = folder / "model.yaml"
    config.write_text(f"builder: {BUILDER}\narguments: {ARGUMENTS}\n")
    split = {"annotations": photos / "train.json", "images": photos}
    values = {"engine": "torchvision", "config": config, "run_folder": folder / "run", "device": "cpu", "train": split}
    recipe = {"batch_size": BATCH, "epochs": 100, "optimizer": {"name": "AdamW", "lr": 1e-4}}
    send = emit_as_a_worker()

    def emit(event: Event) -> None:
        send(event)
        if isinstance(event, Progress):
            turn()

    TorchvisionEngine().train(Job.model_validate({**values, "recipe": recipe}), emit)


def main() -> None:
    """Measure in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder, photos = Path(name), Path(name) / "photos"
        render_demo(photos, train=PHOTOS, test=1)
        compare(lambda turn: train_plainly(turn, photos), lambda turn: train_under_bunri(turn, folder, photos))


if __name__ == "__main__":
    main()
