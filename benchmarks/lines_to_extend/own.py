"""What a user has thought of, the same everywhere: an optimizer, how often a photo is seen, where numbers go."""

import json
from pathlib import Path

import numpy as np
import torch


class Lion(torch.optim.Optimizer):
    """Steps of one size, in the direction of the sign of the momentum (Chen et al., arXiv:2302.06675)."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                    direction = momentum.lerp(parameter.grad, 1 - group["betas"][0]).sign_()
                    parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(direction, alpha=-group["lr"])
                    momentum.lerp_(parameter.grad, 1 - group["betas"][1])


def factors(classes_of_images, number_of_classes):
    """How often each image is seen: by the square root of how rare its rarest class is."""
    counts = np.bincount(np.concatenate(classes_of_images), minlength=number_of_classes)
    rarity = np.sqrt(counts.max() / np.maximum(counts, 1))
    return np.array([rarity[classes].max() if len(classes) else 1.0 for classes in classes_of_images])


def log(step, values):
    """A line of JSON in ``own_log.jsonl``, beside which the command is given."""
    with Path("own_log.jsonl").open("a") as file:
        file.write(json.dumps({"step": step, **values}) + "\n")
