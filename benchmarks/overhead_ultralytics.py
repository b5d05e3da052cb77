"""Seconds of a training step in Ultralytics' own trainer and in bunri's, in turn, on the rendered photos.

    PYTHONPATH=src <python of Ultralytics> benchmarks/overhead_ultralytics.py

Both train the same native config on the same photos: Ultralytics from the data set as YOLO files, bunri from COCO JSON.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from bunri.demo.render import render_demo
from bunri.engines.base import Job
from bunri.engines.ultralytics.engine import UltralyticsEngine
from bunri.io import load_dataset
from bunri.io.yolo import write_yolo

PAIRS, STEPS, LEFT_OUT, PHOTOS = 4, 10, 2, 200
NATIVE: dict[str, Any] = {"model": "yolov8n.yaml", "imgsz": 320, "batch": 4, "nbs": 4, "epochs": 100}


class EnoughSeen(Exception):  # noqa: N818 - not an error
    pass


@dataclass
class Stopwatch:
    """Called back at each batch's end; ends the training after some."""

    processor: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def __call__(self, trainer: Any) -> None:
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


def seconds_alone(folder: Path, data: Path) -> tuple[float, float]:
    """Ultralytics' own trainer."""
    import torch
    from ultralytics.models.yolo.detect import DetectionTrainer

    fixed = {"data": str(data), "device": "cpu", "workers": 0, "amp": False, "pretrained": False, "plots": False}
    trainer = DetectionTrainer(overrides={**NATIVE, **fixed, "project": str(folder), "name": "alone", "exist_ok": True})
    torch.set_num_threads(1)
    return _timed(lambda watch: trainer.add_callback("on_train_batch_end", watch), trainer.train)


def seconds_under_bunri(folder: Path, photos: Path) -> tuple[float, float]:
    """The same through bunri's engine."""
    from bunri.engines.ultralytics import training

    config = folder / "model.yaml"
    config.write_text("".join(f"{key}: {value}\n" for key, value in NATIVE.items()))
    split = {"annotations": photos / "train.json", "images": photos}
    values = {"engine": "ultralytics", "config": config, "run_folder": folder / "run", "device": "cpu"}
    job = Job.model_validate({**values, "train": split, "val": split})
    original = training.YoloTrainer.__init__

    def watched(watch: Stopwatch) -> None:
        def init(self: Any, assignment: Any) -> None:
            original(self, assignment)
            self.add_callback("on_train_batch_end", watch)

        training.YoloTrainer.__init__ = init

    try:
        return _timed(watched, lambda: UltralyticsEngine().train(job, lambda event: None))
    finally:
        training.YoloTrainer.__init__ = original


def _timed(attach: Callable[[Stopwatch], None], train: Callable[[], None]) -> tuple[float, float]:
    watch = Stopwatch()
    attach(watch)
    try:
        train()
    except EnoughSeen:
        return watch.medians()
    raise RuntimeError("the training ended before it was measured")


def _pair(folder: Path, data: Path, ours_first: bool) -> tuple[tuple[float, float], tuple[float, float]]:
    """Both in turn, each first every other time, as a process grows slower with age."""
    if ours_first:
        ours = seconds_under_bunri(folder, folder / "photos")
        return seconds_alone(folder, data), ours
    return seconds_alone(folder, data), seconds_under_bunri(folder, folder / "photos")


def main() -> None:
    """Measure in turn; print medians and ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        render_demo(folder / "photos", train=PHOTOS, test=1)
        data = write_yolo(load_dataset(folder / "photos" / "train.json", folder / "photos"), folder / "yolo")
        pairs = [_pair(folder, data, ours_first=bool(number % 2)) for number in range(PAIRS)]
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
