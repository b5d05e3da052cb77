"""Seconds of a training step in MMEngine's own runner and in bunri's engine, step by step in turn, on rendered photos.

    PYTHONPATH=src <python of MMDetection> benchmarks/overhead_mmdetection.py

Both train the same native config on the same photos, the runner alone from COCO JSON by MMDetection's data set.
"""

import tempfile
import threading
from pathlib import Path
from typing import Any

import torch
from turns import Turn, compare, emit_as_a_worker

from bunri.demo.render import render_demo
from bunri.engines.base import Job
from bunri.engines.mmdetection import framework
from bunri.engines.mmdetection.engine import MMDetectionEngine
from bunri.io import load_dataset

framework.load()

from mmengine.config import Config  # noqa: E402
from mmengine.hooks import Hook  # noqa: E402
from mmengine.runner import Runner  # noqa: E402

PHOTOS = 64
NATIVE = """
_base_ = "mmdet::retinanet/retinanet_r18_fpn_1xb8-1x_coco.py"
pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=(160, 160), keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
model = dict(
    backbone=dict(init_cfg=None),
    neck=dict(out_channels=64),
    bbox_head=dict(num_classes=10, in_channels=64, feat_channels=64, stacked_convs=1),
)
train_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False, dataset=dict(pipeline=pipeline))
"""


class Stopwatch(Hook):
    """All of a step, the loading of its photos included, lies between two calls."""

    priority = "LOWEST"

    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """A step begins, so the last one is at its end."""
        self._turn()


def train_alone(turn: Turn, folder: Path, photos: Path) -> None:
    """MMEngine's runner by itself."""
    torch.set_num_threads(1)
    config = Config.fromfile(str(_native(folder, "alone")))
    names = load_dataset(photos / "train.json", photos).class_names
    dataset = {"ann_file": str(photos / "train.json"), "data_root": str(photos), "data_prefix": {"img": ""}}
    config.train_dataloader.dataset.update(dataset | {"metainfo": {"classes": names}})
    config.merge_from_dict({"work_dir": str(folder / "alone"), "randomness": {"seed": 0}})
    config.train_cfg.max_epochs = 100
    for key in [key for key in config if key.startswith(("val_", "test_"))]:
        config.pop(key)
    watched(turn)
    Runner.from_cfg(config).train()


def train_under_bunri(turn: Turn, folder: Path, photos: Path) -> None:
    """The same through bunri's engine."""
    split = {"annotations": photos / "train.json", "images": photos}
    values = {"engine": "mmdetection", "config": _native(folder, "ours"), "run_folder": folder / "run"}
    recipe = {"epochs": 100, "validate_every": 100}
    job = Job.model_validate({**values, "device": "cpu", "train": split, "recipe": recipe})
    watched(turn)
    MMDetectionEngine().train(job, emit_as_a_worker())


def _native(folder: Path, name: str) -> Path:
    path = folder / f"{name}.py"
    path.write_text(NATIVE)
    return path


_here = threading.local()
_from_cfg = Runner.from_cfg


def watched(turn: Turn) -> None:
    """The next runner of this thread calls a turn."""
    _here.turn = turn


def _with_stopwatch(config: Any) -> Any:
    runner = _from_cfg(config)
    runner.register_hook(Stopwatch(_here.turn))
    return runner


def main() -> None:
    """Measure in turn."""
    Runner.from_cfg = _with_stopwatch
    with tempfile.TemporaryDirectory() as name:
        folder, photos = Path(name), Path(name) / "photos"
        render_demo(photos, train=PHOTOS, test=1)
        compare(lambda turn: train_alone(turn, folder, photos), lambda turn: train_under_bunri(turn, folder, photos))


if __name__ == "__main__":
    main()
