"""Ultralytics alone with an optimizer, a sampler and a logger of one's own; run, it trains and proves that all work."""

# ruff: noqa: E402 - each thing has its imports with it
import sys
from pathlib import Path

from own import Lion, factors, log
from proof import SIDE, check, photos
from ultralytics.models.yolo.detect import DetectionTrainer

from bunri.io.convert import convert_dataset


class Trainer(DetectionTrainer):
    """Ultralytics' trainer with what is our own."""

    # optimizer
    def build_optimizer(self, model, name="auto", lr=1e-4, momentum=0.9, decay=0.0, iterations=0):
        norms = tuple(layer for key, layer in nn.__dict__.items() if "Norm" in key)
        plain, decayed = [], []
        for module in model.modules():
            for key, parameter in module.named_parameters(recurse=False):
                (plain if "bias" in key or isinstance(module, norms) else decayed).append(parameter)
        groups = [{"params": plain, "weight_decay": 0.0, "param_group": "bias"}]
        return Lion([*groups, {"params": decayed, "weight_decay": decay, "param_group": "weight"}], lr=self.args.lr0)

    # sampler
    def get_dataloader(self, dataset_path, batch_size=16, rank=0, mode="train"):
        if mode != "train":
            return super().get_dataloader(dataset_path, batch_size, rank, mode)
        with torch_distributed_zero_first(rank):
            dataset = self.build_dataset(dataset_path, mode, batch_size)
        classes = [label["cls"].reshape(-1).astype(int) for label in dataset.labels]
        repeats = torch.as_tensor(factors(classes, len(self.data["names"])))
        sampler = WeightedRandomSampler(repeats, round(float(repeats.sum())))
        return InfiniteDataLoader(
            dataset=dataset,
            batch_size=min(batch_size, len(dataset)),
            sampler=sampler,
            num_workers=self.args.workers,
            collate_fn=dataset.collate_fn,
        )


# optimizer
# sampler
import torch
from torch import nn
from torch.utils.data import WeightedRandomSampler
from ultralytics.data.build import InfiniteDataLoader
from ultralytics.utils.torch_utils import torch_distributed_zero_first


# logger
def log_epoch(trainer):
    losses = trainer.label_loss_items(trainer.tloss, prefix="train")
    log(trainer.epoch, {name: float(value) for name, value in {**losses, **trainer.metrics, **trainer.lr}.items()})


# end


def main():
    """Train a few steps."""
    yolo = photos() / "yolo"
    convert_dataset(yolo.parent / "train.json", yolo)
    said = {"model": "yolov8n.yaml", "data": str(yolo / "data.yaml"), "epochs": 2, "imgsz": SIDE, "batch": 4}
    where = {"project": str(Path.cwd()), "name": "output", "exist_ok": True, "device": "cpu", "workers": 0}
    trainer = Trainer(overrides={**said, **where, "plots": False, "val": False, "lr0": 1e-4})
    # logger
    trainer.add_callback("on_fit_epoch_end", log_epoch)
    # end
    trainer.train()
    check(trainer.optimizer, isinstance(trainer.train_loader.sampler, WeightedRandomSampler))


if __name__ == "__main__":
    sys.exit(main())
