"""Seconds of a training step in Detectron2's own default trainer and under bunri, step by step in turn.

    PYTHONPATH=src <python of Detectron2> benchmarks/overhead_detectron2.py

Both train the same model on the same rendered photos, each with its own loader and all of its hooks; bunri's events go
out as JSON lines as in a worker. Evaluation is not part of a step.
"""

import logging
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from detectron2.engine import DefaultTrainer
from detectron2.utils.events import EventStorage

from bunri.demo.render import render_demo
from bunri.engines.base import Job
from bunri.engines.detectron2.config import model_of_job
from bunri.engines.detectron2.run import Run
from bunri.engines.detectron2.trainers import trainer_of
from bunri.events import Event, to_line

PAIRS, LEFT_OUT, PHOTOS = 100, 6, 64
CONFIG = """
_BASE_: Base-RCNN-FPN.yaml
MODEL:
  WEIGHTS: ""
  BACKBONE: {NAME: build_timm_fpn_backbone}
  TIMM: {NAME: tf_efficientnet_lite0, NORM: frozen}
  PIXEL_MEAN: [127.5, 127.5, 127.5]
  PIXEL_STD: [127.5, 127.5, 127.5]
  FPN: {IN_FEATURES: [res3, res4, res5], OUT_CHANNELS: 64}
  ANCHOR_GENERATOR: {SIZES: [[24], [48], [96], [160]]}
  RPN: {IN_FEATURES: [p3, p4, p5, p6], POST_NMS_TOPK_TRAIN: 200}
  ROI_HEADS: {IN_FEATURES: [p3, p4, p5], BATCH_SIZE_PER_IMAGE: 64}
  ROI_BOX_HEAD: {NUM_FC: 1, FC_DIM: 256}
INPUT: {FORMAT: RGB, MIN_SIZE_TRAIN: [160], MAX_SIZE_TRAIN: 240}
SOLVER: {IMS_PER_BATCH: 4, BASE_LR: 0.002, MAX_ITER: 5000, STEPS: [], CHECKPOINT_PERIOD: 100000}
"""


def trainers(folder: Path) -> tuple[Any, Any]:
    """Detectron2's default trainer by itself, and the one under bunri."""
    render_demo(folder / "photos", train=PHOTOS, test=1)
    (folder / "model.yaml").write_text(CONFIG)
    split = {"annotations": folder / "photos" / "train.json", "images": folder / "photos"}
    values = {"engine": "detectron2", "config": folder / "model.yaml", "run_folder": folder / "run", "device": "cpu"}
    job = Job.model_validate({**values, "train": split, "recipe": {"validate_every": 100000}})
    channel = os.open(os.devnull, os.O_WRONLY)

    def emit(event: Event) -> None:
        os.write(channel, f"{to_line(event)}\n".encode())

    run = Run(job, model_of_job(job), emit)
    ours = trainer_of(run)
    cfg = ours.cfg.clone()
    cfg.merge_from_list(["OUTPUT_DIR", str(folder / "alone"), "TEST.EVAL_PERIOD", 0])
    return DefaultTrainer(cfg), ours


def begin(trainer: Any) -> None:
    """As the trainer's own ``train`` begins."""
    trainer.iter = trainer.start_iter = 0
    trainer.storage = EventStorage(0)
    with trainer.storage:
        trainer.before_train()


def step(trainer: Any) -> tuple[float, float]:
    """Processor and wall seconds of one turn of the trainer's own loop."""
    started = time.process_time(), time.perf_counter()
    with trainer.storage:
        trainer.before_step()
        trainer.run_step()
        trainer.after_step()
    trainer.iter += 1
    return time.process_time() - started[0], time.perf_counter() - started[1]


def in_turn(alone: Any, ours: Any, ours_first: bool) -> tuple[tuple[float, float], tuple[float, float]]:
    """A step of each, whichever first."""
    if not ours_first:
        return step(alone), step(ours)
    mine = step(ours)
    return step(alone), mine


def main() -> None:
    """Measure in turn; print medians and the ratio."""
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as name:
        alone, ours = trainers(Path(name))
        alone.model.load_state_dict(ours.model.state_dict())  # what a step costs depends on the weights
        begin(alone)
        begin(ours)
        pairs = [in_turn(alone, ours, ours_first=number % 2 == 0) for number in range(PAIRS + LEFT_OUT)][LEFT_OUT:]
    for place, what in enumerate(("processor", "wall")):
        theirs, mine = (statistics.median(pair[side][place] for pair in pairs) for side in (0, 1))
        ratio = statistics.median(pair[1][place] / pair[0][place] for pair in pairs)
        medians = f"{what:9} alone {theirs:.4f} s, bunri {mine:.4f} s a step"
        print(f"{medians}; ratio of medians {mine / theirs:.3f}, of pairs {ratio:.3f}")


if __name__ == "__main__":
    main()
