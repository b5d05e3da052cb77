"""Seconds of a training step in Ultralytics' own trainer and in bunri's, step by step in turn, on the rendered photos.

    PYTHONPATH=src <python of Ultralytics> benchmarks/overhead_ultralytics.py

Both train the same native config on the same photos in one process, each in a thread of its own of which one is awake:
Ultralytics from the data set as YOLO files, bunri from COCO JSON. Processor time of the thread, so that other work on
the machine enters little; a step of one is compared with the step of the other right after it.
"""

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bunri.demo.render import render_demo
from bunri.engines.base import Job
from bunri.engines.ultralytics.engine import UltralyticsEngine
from bunri.io import load_dataset
from bunri.io.yolo import write_yolo

STEPS, LEFT_OUT, PHOTOS = 60, 5, 200
NATIVE: dict[str, Any] = {"model": "yolov8n.yaml", "imgsz": 320, "batch": 4, "nbs": 4, "epochs": 100}


class EnoughSeen(Exception):  # noqa: N818 - not an error
    pass


class Turn:
    """Called back at each batch's end: notes the step's seconds, wakes the other trainer and sleeps meanwhile."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.awake = threading.Semaphore(0)
        self.other: Turn | None = None
        self._since = 0.0

    def __call__(self, trainer: Any) -> None:
        self.seconds.append(time.thread_time() - self._since)
        assert self.other is not None
        self.other.awake.release()
        if len(self.seconds) > STEPS:
            raise EnoughSeen
        self.awake.acquire()
        self._since = time.thread_time()


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
    UltralyticsEngine().train(job, lambda event: None)


def _until_enough(turn: Turn, train: Callable[[], None]) -> None:
    turn.awake.acquire()
    try:
        train()
    except EnoughSeen:
        return


def main() -> None:
    """Measure in turn; print medians and ratios."""
    alone, ours = Turn(), Turn()
    alone.other, ours.other = ours, alone
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = folder / "photos"
        render_demo(photos, train=PHOTOS, test=1)
        data = write_yolo(load_dataset(photos / "train.json", photos), folder / "yolo")
        works = (
            (alone, lambda: train_alone(alone, folder, data)),
            (ours, lambda: train_under_bunri(ours, folder, photos)),
        )
        threads = [threading.Thread(target=_until_enough, args=work) for work in works]
        for thread in threads:
            thread.start()
        alone.awake.release()
        for thread in threads:
            thread.join()
    report(alone.seconds[LEFT_OUT:], ours.seconds[LEFT_OUT:])


def report(alone: list[float], ours: list[float]) -> None:
    """Medians of both, and of the ratios of neighbouring steps with their middle half."""
    ratios = [mine / theirs for theirs, mine in zip(alone, ours, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    a, b = statistics.median(alone), statistics.median(ours)
    print(f"alone {a:.4f} s, bunri {b:.4f} s a step of {len(ratios)}; ratio of medians {b / a:.3f}, ", end="")
    print(f"of neighbours {middle:.3f} ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
