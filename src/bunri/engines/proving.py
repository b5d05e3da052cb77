"""A small real training that proves that an engine works in its environment."""

import math
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bunri.boxes import area
from bunri.dataset import Annotations, Dataset, Images
from bunri.engines.base import Job, Photos
from bunri.engines.process import Worker, error_of, interpreter_of
from bunri.errors import EngineError
from bunri.events import Ended, Event, Scalars
from bunri.files import write_text
from bunri.io import read_predictions, write_coco
from bunri.recipe import Recipe

SIDE = 160
"""Pixels of the photos of the proof."""

CONFIGS: Mapping[str, str] = {
    "torchvision": "builder: ssdlite320_mobilenet_v3_large\n",
    "detectron2": """
_BASE_: Base-RCNN-FPN.yaml
MODEL:
  WEIGHTS: ""
  BACKBONE: {FREEZE_AT: 0}
  RESNETS: {DEPTH: 18, RES2_OUT_CHANNELS: 64, NORM: GN}
  FPN: {OUT_CHANNELS: 32}
  RPN: {POST_NMS_TOPK_TRAIN: 100, POST_NMS_TOPK_TEST: 100}
  ROI_BOX_HEAD: {FC_DIM: 64}
INPUT: {MIN_SIZE_TRAIN: [128], MIN_SIZE_TEST: 128}
""",
    "ultralytics": "model: yolov8n.yaml\nimgsz: 160\n",
    "mmdetection": "_base_: 'mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py'\nmodel: {backbone: {init_cfg: null}}\n",
    "effdet": "{model: tf_efficientdet_lite0, image_size: [256, 256]}\n",
}
"""A small native config for each engine, of random weights, as nothing may be downloaded."""

RECIPE = Recipe(iterations=4, batch_size=4, validate_every=100.0)


@dataclass(frozen=True)
class Proof:
    """What came out of the small training.

    Attributes:
        engine: Its name.
        losses: Of the training's records.
        boxes: Found on the photos.
        seconds: Everything together, the framework's start included.
    """

    engine: str
    losses: tuple[float, ...]
    boxes: int
    seconds: float


def prove(engine: str) -> Proof:
    """Train a small model for a few steps on coloured squares and predict.

    Raises:
        EngineError: It fails, no loss comes out, or one that is not finite.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bunri-proof-") as name:
        folder = Path(name)
        dataset = _coloured_squares(folder)
        events = _events(engine, folder)
        losses = tuple(e.values["train/loss"] for e in events if isinstance(e, Scalars) and "train/loss" in e.values)
        found = read_predictions(folder / "run" / "predictions" / "val.parquet", dataset)
    if not losses or not all(math.isfinite(loss) for loss in losses):
        raise EngineError(f"engine {engine} must end a small training with finite losses, but they are {losses}")
    return Proof(engine, losses, len(found), round(time.monotonic() - started, 1))


def _events(engine: str, folder: Path) -> list[Event]:
    write_text(folder / "config.yaml", CONFIGS[engine])
    photos = Photos(annotations=folder / "photos.json", images=folder)
    values: dict[str, Any] = {"engine": engine, "config": folder / "config.yaml", "run_folder": folder / "run"}
    job = Job(**values, trust=True, recipe=RECIPE, train=photos, val=photos, device="cpu")
    write_text(job.folder.job_file, job.model_dump_json())
    with Worker(job.folder.job_file, job.folder.log_file, interpreter_of(engine)) as worker:
        events = list(worker.events())
    ended = events[-1]
    if isinstance(ended, Ended) and ended.status != "done":
        words = job.folder.log_file.read_text(errors="replace")
        raise type(error_of(ended))(f"engine {engine}: {ended.message}\nIts log:\n{words}")
    return events


def _coloured_squares(folder: Path) -> Dataset:
    """Eight photos of a red or a blue square on grey, and their truth."""
    low = 10 + 8 * np.arange(8)
    box_xyxy = np.stack([low, low, low + 60, low + 60], axis=1).astype(np.float64)
    for row, start in enumerate(low):
        photo = np.full((SIDE, SIDE, 3), 128, np.uint8)
        photo[start : start + 60, start : start + 60] = (220, 30, 30) if row % 2 else (30, 30, 220)
        Image.fromarray(photo).save(folder / f"{row}.png")
    ids, sides = np.arange(1, 9), np.full(8, SIDE)
    images = Images(ids, tuple(f"{row}.png" for row in range(8)), sides, sides)
    boxes = Annotations(ids, ids, np.arange(8) % 2, box_xyxy, area(box_xyxy), np.zeros(8, np.bool_))
    dataset = Dataset(("blue", "red"), np.array([1, 2]), images, boxes, folder)
    write_coco(dataset, folder / "photos.json")
    return dataset
