"""A tiny job of the torchvision engine: bright squares and wide bars on dark ground."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from builders import make_dataset
from bunri.dataset import Dataset
from bunri.engines.base import Job
from bunri.events import Event, Scalars
from bunri.io import write_coco

MODEL: dict[str, Any] = {
    "builder": "FCOS",
    "backbone": {
        "name": "test_resnet",
        "arguments": {"out_indices": [2, 3]},
        "norm": "live",
        "fpn": {"out_channels": 32, "extra_blocks": None},
    },
    "arguments": {
        "min_size": 64,
        "max_size": 96,
        "anchor_generator": {"class": "AnchorGenerator", "sizes": [[8], [16]], "aspect_ratios": [[1.0], [1.0]]},
    },
}
RECIPE: dict[str, Any] = {
    "iterations": 6,
    "batch_size": 4,
    "validate_every": 1.5,
    "ema": 0.5,
    "optimizer": {"name": "AdamW", "lr": 0.002, "arguments": {"weight_decay": 0.01}},
    "schedule": {"warmup_iterations": 2},
    "augment": [{"HorizontalFlip": {"p": 0.5}}, {"RandomBrightnessContrast": {"p": 0.5}}],
}


def write_photos(folder: Path, count: int = 8, seed: int = 0) -> Dataset:
    """Photos of 96x64 pixels with one or two objects each, ids 11, 22, ... and one without any object."""
    random = np.random.default_rng(seed)
    boxes, ids = [], [11 * (i + 1) for i in range(count)]
    folder.mkdir(parents=True, exist_ok=True)
    for image_id in ids:
        photo = random.integers(20, 60, (64, 96, 3), dtype=np.uint8)
        for _ in range(int(random.integers(1, 3)) if image_id != ids[-1] else 0):
            class_index = int(random.integers(0, 2))
            width, height = ((18, 18), (36, 12))[class_index]
            x, y = int(random.integers(0, 96 - width)), int(random.integers(0, 64 - height))
            photo[y : y + height, x : x + width] = (230, 200, 40)
            boxes.append((image_id, class_index, (float(x), float(y), float(x + width), float(y + height))))
        Image.fromarray(photo).save(folder / f"{image_id:04d}.jpg", quality=95)
    return make_dataset(boxes, image_ids=ids, class_names=("square", "bar"), width=96, height=64, image_folder=folder)


def make_job(folder: Path, recipe: dict[str, Any] | None = None, photos: int = 8, **changes: Any) -> Job:
    """A job that trains on a few photos and validates on the same ones."""
    data = folder / "data"
    if not (data / "data.json").exists():
        write_coco(write_photos(data, photos), data / "data.json")
    config = folder / "model.yaml"
    config.write_text(yaml.safe_dump(MODEL))
    split = {"annotations": data / "data.json", "images": data}
    values = {"engine": "torchvision", "config": config, "run_folder": folder / "run", "train": split, "val": split}
    return Job.model_validate({**values, "recipe": RECIPE | (recipe or {}), **changes})


class Recorder:
    """Keeps every event; as a function it is an engine's ``emit``."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def scalars(self, start: str) -> dict[tuple[int, str], float]:
        """Values by step and name, of the names that begin so."""
        found = [event for event in self.events if isinstance(event, Scalars)]
        return {(e.step, name): value for e in found for name, value in e.values.items() if name.startswith(start)}
