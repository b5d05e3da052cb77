"""Small experiments on disk, trained by the fake engine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from builders import make_dataset
from bunri.engines.base import Job, Photos
from bunri.io import write_coco
from fake_engine import true_box

TESTS = Path(__file__).parent
"""Folder of the fake engine: a worker finds it by the job's ``python_path``."""

IMAGES = 18
TRAINING_IMAGES = 12


def write_experiment(folder: Path, models: Mapping[str, Mapping[str, Any]] | None = None, **changes: Any) -> Path:
    """An experiment file with its data and native configs; ``models`` are native configs by name."""
    write_data(folder / "photos.json")
    entries = []
    for name, native in (models or {"exact": {"steps": 4}}).items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(dict(native)))
        entries.append({"name": name, "engine": "fake_engine:FakeEngine", "config": f"{name}.yaml"})
    values = {
        "data": {
            "annotations": "photos.json",
            "train": {"where": {"split": "train"}},
            "test": {"where": {"split": "test"}},
        },
        "folds": {"count": 2, "near_duplicates": False},
        "jobs": 2,
        "models": entries,
        "runs": str(folder / "runs"),
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(values | changes))
    return path


def write_data(path: Path) -> None:
    """Images of one object each, the first two thirds for training; their photos are grey."""
    split = tuple("train" if row < TRAINING_IMAGES else "test" for row in range(IMAGES))
    street = tuple(row % 4 for row in range(IMAGES))
    boxes = [(i, i % 3, true_box(i)) for i in range(1, IMAGES + 1)]
    dataset = make_dataset(boxes, fields={"split": split, "street": street})
    write_coco(dataset, path)
    for image_id, name in zip(dataset.images.id.tolist(), dataset.images.file_name, strict=True):
        write_photo_of(path.parent / name, image_id)


def write_photo_of(path: Path, image_id: int, blue: int = 0) -> None:
    """A grey photo whose first pixel tells the fake engine what it is to see."""
    photo = np.full((80, 100, 3), 128, np.uint8)
    photo[0, 0] = image_id, 0, blue
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo).save(path, format="BMP")  # exact, whatever the file is called


def make_job(folder: Path, config: str = "steps: 4\n", **changes: Any) -> Job:
    """A job of the fake engine on small data."""
    write_data(folder / "photos.json")
    (folder / "config.yaml").write_text(config)
    photos = Photos(annotations=folder / "photos.json", images=folder)
    values = {"engine": "fake_engine:FakeEngine", "config": folder / "config.yaml", "run_folder": folder / "run"}
    return Job.validated(values | {"train": photos, "val": photos} | changes, "the test")
