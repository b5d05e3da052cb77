"""What changes while training, and what a checkpoint keeps of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from bunri.optim import build_optimizer
from bunri.recipe import Recipe


@dataclass
class TrainingState:
    """What changes while training."""

    model: nn.Module
    optimizer: Optimizer
    average: AveragedModel | None
    scaler: torch.amp.GradScaler
    iteration: int = 0
    best: float = -1.0
    losses: dict[str, float] = field(default_factory=dict)

    @classmethod
    def begin(cls, model: nn.Module, recipe: Recipe, uses_amp: bool) -> "TrainingState":
        """The state before the first step."""
        average = _moving_average(model, recipe.ema)
        scaler = torch.amp.GradScaler(enabled=uses_amp)
        return cls(model, build_optimizer(model, recipe.optimizer), average, scaler)

    @property
    def judged(self) -> nn.Module:
        """The weights that are validated and kept: the moving average where there is one."""
        return self.average.module if self.average is not None else self.model

    def to_checkpoint(self) -> dict[str, Any]:
        """Tensors and plain values."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "iteration": self.iteration,
            "best": self.best,
        }

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Take up where a checkpoint left off."""
        self.model.load_state_dict(stored["model"])
        if self.average is not None:
            self.average.load_state_dict(stored["average"])
        self.optimizer.load_state_dict(stored["optimizer"])
        self.scaler.load_state_dict(stored["scaler"])
        self.iteration, self.best = int(stored["iteration"]), float(stored["best"])


def _moving_average(model: nn.Module, decay: float) -> AveragedModel | None:
    if decay == 0:
        return None
    average: Any = get_ema_multi_avg_fn  # torch has no types for it
    return AveragedModel(model, multi_avg_fn=average(decay), use_buffers=True)
