"""Detectron2 alone with an optimizer, a sampler and a logger of one's own; run, it trains and proves that all work."""

# ruff: noqa: E402 - each thing has its imports with it
import sys
from pathlib import Path

from detectron2 import model_zoo
from detectron2.config import get_cfg
from detectron2.data.datasets import register_coco_instances
from detectron2.engine import DefaultTrainer
from own import Lion, factors, log
from proof import SIDE, STEPS, check, photos


class Trainer(DefaultTrainer):
    """Detectron2's trainer with what is our own."""

    # optimizer
    @classmethod
    def build_optimizer(cls, cfg, model):
        groups = get_default_optimizer_params(
            model,
            base_lr=cfg.SOLVER.BASE_LR,
            weight_decay_norm=cfg.SOLVER.WEIGHT_DECAY_NORM,
            bias_lr_factor=cfg.SOLVER.BIAS_LR_FACTOR,
            weight_decay_bias=cfg.SOLVER.WEIGHT_DECAY_BIAS,
        )
        lion = maybe_add_gradient_clipping(cfg, Lion)
        return lion(groups, lr=cfg.SOLVER.BASE_LR, weight_decay=cfg.SOLVER.WEIGHT_DECAY)

    # sampler
    @classmethod
    def build_train_loader(cls, cfg):
        dataset = get_detection_dataset_dicts(cfg.DATASETS.TRAIN, filter_empty=cfg.DATALOADER.FILTER_EMPTY_ANNOTATIONS)
        classes = [np.array([box["category_id"] for box in image["annotations"]], int) for image in dataset]
        repeats = torch.as_tensor(factors(classes, cfg.MODEL.ROI_HEADS.NUM_CLASSES))
        return build_detection_train_loader(cfg, dataset=dataset, sampler=RepeatFactorTrainingSampler(repeats))

    # logger
    def build_writers(self):
        return [*super().build_writers(), OwnWriter()]


# optimizer
# sampler
import numpy as np
import torch
from detectron2.data import build_detection_train_loader, get_detection_dataset_dicts
from detectron2.data.samplers import RepeatFactorTrainingSampler
from detectron2.solver.build import get_default_optimizer_params, maybe_add_gradient_clipping

# logger
from detectron2.utils.events import EventWriter, get_event_storage


class OwnWriter(EventWriter):
    def __init__(self):
        self._last = -1

    def write(self):
        storage = get_event_storage()
        latest = {name: value for name, (value, step) in storage.latest().items() if step > self._last}
        self._last = storage.iter
        log(storage.iter, latest)


# end


def main():
    """Train a few steps."""
    data = photos()
    register_coco_instances("own", {}, str(data / "train.json"), str(data))
    cfg = get_cfg()
    cfg.merge_from_file(model_zoo.get_config_file("COCO-Detection/retinanet_R_50_FPN_1x.yaml"))
    cfg.MODEL.DEVICE, cfg.MODEL.WEIGHTS, cfg.DATASETS.TRAIN, cfg.DATASETS.TEST = "cpu", "", ("own",), ()
    cfg.MODEL.ROI_HEADS.NUM_CLASSES = cfg.MODEL.RETINANET.NUM_CLASSES = 10
    cfg.DATALOADER.NUM_WORKERS, cfg.SOLVER.IMS_PER_BATCH, cfg.SOLVER.MAX_ITER = 0, 2, STEPS
    cfg.INPUT.MIN_SIZE_TRAIN, cfg.INPUT.MAX_SIZE_TRAIN, cfg.OUTPUT_DIR = (SIDE,), SIDE, str(Path.cwd() / "output")
    Path(cfg.OUTPUT_DIR).mkdir(exist_ok=True)
    trainer = Trainer(cfg)
    trainer.train()
    sampler = trainer.data_loader.dataset.sampler if hasattr(trainer.data_loader, "dataset") else None
    check(trainer.optimizer, sampler)


if __name__ == "__main__":
    sys.exit(main())
