"""Small experiments on disk, trained by the fake engine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

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
    """Images of one object each, the first two thirds for training; their photos are empty files."""
    split = tuple("train" if row < TRAINING_IMAGES else "test" for row in range(IMAGES))
    street = tuple(row % 4 for row in range(IMAGES))
    boxes = [(i, i % 3, true_box(i)) for i in range(1, IMAGES + 1)]
    dataset = make_dataset(boxes, fields={"split": split, "street": street})
    write_coco(dataset, path)
    for name in dataset.images.file_name:
        (path.parent / name).touch()


def make_job(folder: Path, config: str = "steps: 4\n", **changes: Any) -> Job:
    """A job of the fake engine on small data."""
    write_data(folder / "photos.json")
    (folder / "config.yaml").write_text(config)
    photos = Photos(annotations=folder / "photos.json", images=folder)
    values = {"engine": "fake_engine:FakeEngine", "config": folder / "config.yaml", "run_folder": folder / "run"}
    return Job.validated(values | {"train": photos, "val": photos} | changes, "the test")
