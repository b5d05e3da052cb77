"""Seconds of a training step in Ultralytics' own trainer and in bunri's, step by step in turn, on the rendered photos.

    PYTHONPATH=src <python of Ultralytics> benchmarks/overhead_ultralytics.py

Both train the same native config on the same photos: Ultralytics from the data set as YOLO files, bunri from COCO JSON.
"""

import tempfile
from pathlib import Path
from typing import Any

from turns import Turn, compare, emit_as_a_worker

from bunri.demo.render import render_demo
from bunri.engines.base import Job
from bunri.engines.ultralytics.engine import UltralyticsEngine
from bunri.io import load_dataset
from bunri.io.yolo import write_yolo

PHOTOS = 200
NATIVE: dict[str, Any] = {"model": "yolov8n.yaml", "imgsz": 320, "batch": 4, "nbs": 4, "epochs": 100}


def train_alone(turn: Turn, folder: Path, data: Path) -> None:
    """Ultralytics' own trainer."""
    import torch
    from ultralytics.models.yolo.detect import DetectionTrainer

    fixed = {"data": str(data), "device": "cpu", "workers": 0, "amp": False, "pretrained": False, "plots": False}
    trainer = DetectionTrainer(overrides={**NATIVE, **fixed, "project": str(folder), "name": "alone", "exist_ok": True})
    torch.set_num_threads(1)
    trainer.add_callback("on_train_batch_end", turn)
    trainer.train()


def train_under_bunri(turn: Turn, folder: Path, photos: Path) -> None:
    """The same through bunri's engine."""
    from bunri.engines.ultralytics import training

    config = folder / "model.yaml"
    config.write_text("".join(f"{key}: {value}\n" for key, value in NATIVE.items()))
    split = {"annotations": photos / "train.json", "images": photos}
    values = {"engine": "ultralytics", "config": config, "run_folder": folder / "run", "device": "cpu"}
    job = Job.model_validate({**values, "train": split, "val": split})
    original = training.YoloTrainer.__init__

    def init(self: Any, assignment: Any) -> None:
        original(self, assignment)
        self.add_callback("on_train_batch_end", turn)

    training.YoloTrainer.__init__ = init
    UltralyticsEngine().train(job, emit_as_a_worker())


def main() -> None:
    """Measure in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = folder / "photos"
        render_demo(photos, train=PHOTOS, test=1)
        data = write_yolo(load_dataset(photos / "train.json", photos), folder / "yolo")
        compare(
            lambda turn: train_alone(turn, folder, data),
            lambda turn: train_under_bunri(turn, folder, photos),
        )


if __name__ == "__main__":
    main()
