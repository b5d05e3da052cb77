"""Seconds of a training step of EfficientDet in a plain loop and in bunri's, in turn, on the rendered photos.

    PYTHONPATH=src <python of effdet> benchmarks/overhead_effdet.py

effdet has no trainer; the plain loop is the shortest one that trains the same model on the same photos with effdet's
own frame and loss, AdamW and clipped gradients.
"""

import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from effdet import DetBenchTrain
from effdet.data.transforms import ResizePad
from PIL import Image

from bunri.demo.render import render_demo
from bunri.engines.base import Job
from bunri.engines.effdet.building import build_model
from bunri.engines.effdet.config import whole
from bunri.engines.effdet.engine import EffdetEngine
from bunri.engines.feeding import boxes_to_learn
from bunri.events import Event, Progress
from bunri.io import load_dataset

PAIRS, STEPS, LEFT_OUT, PHOTOS, BATCH = 7, 16, 4, 64, 4
NATIVE: dict[str, Any] = {"model": "tf_efficientdet_lite0", "image_size": [192, 192]}


class EnoughSeen(Exception):  # noqa: N818 - not an error
    pass


class Stopwatch:
    """Stopped at each step's end; ends the training after some."""

    def __init__(self) -> None:
        self._times: list[tuple[float, float]] = []

    def __call__(self) -> None:
        self._times.append((time.process_time(), time.monotonic()))
        if len(self._times) > STEPS:
            raise EnoughSeen

    def medians(self) -> tuple[float, float]:
        """Processor and wall seconds of a step, the first ones left out."""
        steps = [[b - a for a, b in zip(one, two, strict=True)] for one, two in pairwise(self._times)][LEFT_OUT:]
        return statistics.median(step[0] for step in steps), statistics.median(step[1] for step in steps)


def train_plainly(photos: Path, watch: Stopwatch) -> None:
    """As one would write it by hand."""
    dataset = load_dataset(photos / "train.json", photos)
    bench = DetBenchTrain(build_model(whole(NATIVE, {}, "here"), len(dataset.class_names)), create_labeler=True)
    bench.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(bench.parameters(), lr=1e-3)
    frame = ResizePad((192, 192), "bilinear", (128, 128, 128))
    for step in range(STEPS + 1):
        samples = [_sample(dataset, (step * BATCH + i) % PHOTOS, frame) for i in range(BATCH)]
        images = torch.stack([image for image, _ in samples]).float().sub_(127.5).div_(127.5)
        targets = {key: [torch.from_numpy(anno[key]) for _, anno in samples] for key in ("bbox", "cls")}
        optimizer.zero_grad(set_to_none=True)
        bench(images.contiguous(memory_format=torch.channels_last), targets)["loss"].backward()
        torch.nn.utils.clip_grad_norm_(bench.parameters(), 5.0)
        optimizer.step()
        watch()


def _sample(dataset: Any, row: int, frame: Any) -> tuple[torch.Tensor, dict[str, Any]]:
    box_xyxy, class_index = boxes_to_learn(dataset, row)
    anno = {"bbox": box_xyxy[:, [1, 0, 3, 2]].astype(np.float32), "cls": (class_index + 1).astype(np.float32)}
    image, anno = frame(Image.open(dataset.path_of(row)).convert("RGB"), anno)
    return torch.from_numpy(np.moveaxis(np.array(image), 2, 0).copy()), anno


def train_under_bunri(folder: Path, photos: Path, watch: Stopwatch) -> None:
    """The same through the engine."""
    config = folder / "model.yaml"
    config.write_text("".join(f"{key}: {value}\n" for key, value in NATIVE.items()))
    split = {"annotations": photos / "train.json", "images": photos}
    values = {"engine": "effdet", "config": config, "run_folder": folder / "run", "device": "cpu", "train": split}
    job = Job.model_validate({**values, "recipe": {"batch_size": BATCH, "epochs": 100}})

    def emit(event: Event) -> None:
        if isinstance(event, Progress):
            watch()

    EffdetEngine().train(job, emit)


def seconds(train: Any, *arguments: Any) -> tuple[float, float]:
    """Processor and wall seconds of a step."""
    watch = Stopwatch()
    try:
        train(*arguments, watch)
    except EnoughSeen:
        return watch.medians()
    raise RuntimeError("the training ended before it was measured")


def main() -> None:
    """Measure in turn; print medians and ratios."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = folder / "photos"
        render_demo(photos, train=PHOTOS, test=1)
        pairs = []
        for _ in range(PAIRS):
            alone = seconds(train_plainly, photos)
            pairs.append((alone, seconds(train_under_bunri, folder, photos)))
    for place, what in enumerate(("processor", "wall")):
        alone_s, ours = (statistics.median(pair[side][place] for pair in pairs) for side in (0, 1))
        ratios = sorted(pair[1][place] / pair[0][place] for pair in pairs)
        print(
            f"{what:10} alone {alone_s:.4f} s, bunri {ours:.4f} s a step; "
            f"ratio of medians {ours / alone_s:.3f}, of pairs {statistics.median(ratios):.3f} "
            f"({ratios[0]:.3f} to {ratios[-1]:.3f})",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
