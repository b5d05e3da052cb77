"""MMDetection alone with an optimizer, a sampler and a logger of one's own; run, it trains and proves that all work."""

# ruff: noqa: E402, I001 - each thing has its imports with it
import sys
from pathlib import Path

import mmdet
from mmengine.config import Config
from mmengine.runner import Runner

from bunri.engines.mmdetection.ops import prepare  # MMCV from PyPI has no operators
from own import Lion, factors, log
from proof import SIDE, STEPS, check, photos

# optimizer
from mmengine.registry import OPTIMIZERS

OPTIMIZERS.register_module(module=Lion)

# sampler
import numpy as np
import torch
from mmengine.dist import get_dist_info, sync_random_seed
from mmengine.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class FactorSampler(torch.utils.data.Sampler):
    def __init__(self, dataset, seed=None, round_up=True):
        self._rank, self._world = get_dist_info()
        self._seed = sync_random_seed() if seed is None else seed
        self._epoch = 0
        classes = [np.array(dataset.get_cat_ids(row), int) for row in range(len(dataset))]
        self._factors = factors(classes, len(dataset.metainfo["classes"]))

    def _rows(self):
        random = np.random.default_rng((self._seed, self._epoch))
        whole = np.floor(self._factors)
        repeats = (whole + (random.random(len(whole)) < self._factors - whole)).astype(int)
        return random.permutation(np.repeat(np.arange(len(whole)), repeats))

    def __iter__(self):
        return iter(self._rows()[self._rank :: self._world].tolist())

    def __len__(self):
        return len(self._rows()[self._rank :: self._world])

    def set_epoch(self, epoch):
        self._epoch = epoch


# logger
from mmengine.registry import VISBACKENDS
from mmengine.visualization import BaseVisBackend


@VISBACKENDS.register_module()
class OwnBackend(BaseVisBackend):
    def _init_env(self):
        pass

    @property
    def experiment(self):
        return self

    def add_scalar(self, name, value, step=0, **kwargs):
        log(step, {name: float(value)})

    def add_scalars(self, scalar_dict, step=0, file_path=None, **kwargs):
        log(step, {name: float(value) for name, value in scalar_dict.items() if isinstance(value, int | float)})


# end


def main():
    """Train a few steps."""
    prepare()
    data = photos()
    root = Path(mmdet.__file__).parent / ".mim" / "configs"
    cfg = Config.fromfile(str(root / "retinanet" / "retinanet_r18_fpn_1x_coco.py"))
    cfg.work_dir, cfg.default_scope = str(Path.cwd() / "output"), "mmdet"
    cfg.model.backbone.init_cfg, cfg.model.bbox_head.num_classes = None, 10
    dataset = cfg.train_dataloader.dataset
    dataset.data_root, dataset.ann_file, dataset.data_prefix = str(data), "train.json", {"img": ""}
    dataset.metainfo = {"classes": class_names(data)}
    for step in dataset.pipeline:
        step.update({"scale": (SIDE, SIDE)} if step["type"] == "Resize" else {})
    cfg.train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False, batch_sampler=None)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.train_cfg = {"type": "EpochBasedTrainLoop", "max_epochs": 2}
    cfg.default_hooks.logger.interval = STEPS // 4
    # optimizer
    cfg.optim_wrapper.optimizer = {"type": "Lion", "lr": 1e-4, "weight_decay": 0.1}
    # sampler
    cfg.train_dataloader.sampler = {"type": "FactorSampler"}
    # logger
    cfg.visualizer.vis_backends.append({"type": "OwnBackend"})
    # end
    runner = Runner.from_cfg(cfg)
    runner.train()
    check(runner.optim_wrapper.optimizer, isinstance(runner.train_dataloader.sampler, FactorSampler))


def class_names(data):
    """Names in the order of the file."""
    import json

    return tuple(category["name"] for category in json.loads((data / "train.json").read_text())["categories"])


if __name__ == "__main__":
    sys.exit(main())
