"""Seconds of a training step in MMEngine's own runner and in bunri's engine, in turn, on the rendered photos.

    PYTHONPATH=src <python of MMDetection> benchmarks/overhead_mmdetection.py

Both train the same native config on the same photos, the runner alone from COCO JSON by MMDetection's data set.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bunri.demo.render import render_demo
from bunri.engines.base import Job
from bunri.engines.mmdetection import framework
from bunri.engines.mmdetection.engine import MMDetectionEngine
from bunri.io import load_dataset

framework.load()

from mmengine.config import Config  # noqa: E402
from mmengine.hooks import Hook  # noqa: E402
from mmengine.runner import Runner  # noqa: E402

PAIRS, STEPS, LEFT_OUT, PHOTOS = 5, 24, 4, 64
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


class EnoughSeen(Exception):  # noqa: N818 - not an error
    pass


class Stopwatch(Hook):
    """Called at each batch's end; ends the training after some."""

    priority = "LOWEST"

    def __init__(self) -> None:
        self.processor: list[float] = []
        self.wall: list[float] = []

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """All of a step, the loading of its photos included, lies between two calls."""
        self.processor.append(time.process_time())
        self.wall.append(time.monotonic())
        if len(self.wall) > STEPS:
            raise EnoughSeen

    def medians(self) -> tuple[float, float]:
        """Processor and wall seconds of a step, the first ones left out."""
        return _median_step(self.processor), _median_step(self.wall)


def _median_step(times: list[float]) -> float:
    steps = [after - before for before, after in pairwise(times)]
    return statistics.median(steps[LEFT_OUT:])


def seconds_alone(folder: Path, photos: Path) -> tuple[float, float]:
    """MMEngine's runner by itself."""
    config = Config.fromfile(str(_native(folder)))
    names = load_dataset(photos / "train.json", photos).class_names
    dataset = {"ann_file": str(photos / "train.json"), "data_root": str(photos), "data_prefix": {"img": ""}}
    config.train_dataloader.dataset.update(dataset | {"metainfo": {"classes": names}})
    config.merge_from_dict({"work_dir": str(folder / "alone"), "randomness": {"seed": 0}})
    for key in [key for key in config if key.startswith(("val_", "test_"))]:
        config.pop(key)
    return _timed(lambda: Runner.from_cfg(config).train())


def seconds_under_bunri(folder: Path, photos: Path) -> tuple[float, float]:
    """The same through bunri's engine."""
    split = {"annotations": photos / "train.json", "images": photos}
    values = {"engine": "mmdetection", "config": _native(folder), "run_folder": folder / "run", "device": "cpu"}
    job = Job.model_validate({**values, "train": split, "recipe": {"validate_every": 100}})
    return _timed(lambda: MMDetectionEngine().train(job, lambda event: None))


def _native(folder: Path) -> Path:
    path = folder / "model.py"
    path.write_text(NATIVE)
    return path


def _timed(train: Callable[[], object]) -> tuple[float, float]:
    watch, from_cfg = Stopwatch(), Runner.from_cfg

    def watched(config: Any) -> Any:
        runner = from_cfg(config)
        runner.register_hook(watch)
        return runner

    with patch.object(Runner, "from_cfg", watched):
        try:
            train()
        except EnoughSeen:
            return watch.medians()
    raise RuntimeError("the training ended before it was measured")


def main() -> None:
    """Measure in turn; print medians and ratios."""
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder, photos = Path(name), Path(name) / "photos"
        render_demo(photos, train=PHOTOS, test=1)
        pairs = [(seconds_alone(folder, photos), seconds_under_bunri(folder, photos)) for _ in range(PAIRS)]
    for place, what in enumerate(("processor", "wall")):
        alone, ours = (statistics.median(pair[side][place] for pair in pairs) for side in (0, 1))
        ratios = sorted(pair[1][place] / pair[0][place] for pair in pairs)
        print(
            f"{what:10} alone {alone:.4f} s, bunri {ours:.4f} s a step; "
            f"ratio of medians {ours / alone:.3f}, of pairs {statistics.median(ratios):.3f} "
            f"({ratios[0]:.3f} to {ratios[-1]:.3f})",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
