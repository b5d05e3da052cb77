"""Seconds of a training step of EfficientDet in a plain loop and in bunri's, step by step in turn, on rendered photos.

    PYTHONPATH=src <python of effdet> benchmarks/overhead_effdet.py

effdet has no trainer; the plain loop is the shortest one that trains the same model on the same photos with effdet's
own frame and loss, AdamW and clipped gradients.
"""

import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from effdet import DetBenchTrain
from effdet.data.transforms import ResizePad
from PIL import Image
from turns import Turn, compare, emit_with

from bunri.demo.render import render_demo
from bunri.engines.base import Job
from bunri.engines.effdet.building import build_model
from bunri.engines.effdet.config import whole
from bunri.engines.effdet.engine import EffdetEngine
from bunri.engines.feeding import boxes_to_learn
from bunri.io import load_dataset

PHOTOS, BATCH = 64, 4
NATIVE: dict[str, Any] = {"model": "tf_efficientdet_lite0", "image_size": [192, 192]}


def train_plainly(turn: Turn, photos: Path) -> None:
    """As one would write it by hand."""
    torch.set_num_threads(1)
    dataset = load_dataset(photos / "train.json", photos)
    bench = DetBenchTrain(build_model(whole(NATIVE, {}, "here"), len(dataset.class_names)), create_labeler=True)
    bench.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(bench.parameters(), lr=1e-3)
    frame = ResizePad((192, 192), "bilinear", (128, 128, 128))
    for step in itertools.count():
        samples = [_sample(dataset, (step * BATCH + i) % PHOTOS, frame) for i in range(BATCH)]
        images = torch.stack([image for image, _ in samples]).float().sub_(127.5).div_(127.5)
        targets = {key: [torch.from_numpy(anno[key]) for _, anno in samples] for key in ("bbox", "cls")}
        optimizer.zero_grad(set_to_none=True)
        bench(images.contiguous(memory_format=torch.channels_last), targets)["loss"].backward()
        torch.nn.utils.clip_grad_norm_(bench.parameters(), 5.0)
        optimizer.step()
        turn()


def _sample(dataset: Any, row: int, frame: Any) -> tuple[torch.Tensor, dict[str, Any]]:
    box_xyxy, class_index = boxes_to_learn(dataset, row)
    anno = {"bbox": box_xyxy[:, [1, 0, 3, 2]].astype(np.float32), "cls": (class_index + 1).astype(np.float32)}
    image, anno = frame(Image.open(dataset.path_of(row)).convert("RGB"), anno)
    return torch.from_numpy(np.moveaxis(np.array(image), 2, 0).copy()), anno


def train_under_bunri(turn: Turn, folder: Path, photos: Path) -> None:
    """The same through the engine."""
    config = folder / "model.yaml"
    config.write_text("".join(f"{key}: {value}\n" for key, value in NATIVE.items()))
    split = {"annotations": photos / "train.json", "images": photos}
    values = {"engine": "effdet", "config": config, "run_folder": folder / "run", "device": "cpu", "train": split}
    job = Job.model_validate({**values, "recipe": {"batch_size": BATCH, "epochs": 100}})

    EffdetEngine().train(job, emit_with(turn))


def main() -> None:
    """Measure in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder, photos = Path(name), Path(name) / "photos"
        render_demo(photos, train=PHOTOS, test=1)
        compare(lambda turn: train_plainly(turn, photos), lambda turn: train_under_bunri(turn, folder, photos))


if __name__ == "__main__":
    main()
