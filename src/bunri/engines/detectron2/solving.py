"""What the recipe says of steps and rates, in Detectron2's words, and what a step leaves behind beside the weights."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from fvcore.common.param_scheduler import ParamScheduler
from torch.optim import Optimizer

from bunri.optim import ScheduleSettings


class RecipeSchedule(ParamScheduler):
    """A recipe's schedule as a factor on the base rates, in the words of fvcore."""

    def __init__(self, settings: ScheduleSettings, total: int) -> None:
        self._settings, self._total = settings, total

    def __call__(self, where: float) -> float:
        """The factor at a share of the training in [0, 1]."""
        return self._settings.factor(round(where * self._total), self._total)


def clipper(norm: float) -> Callable[..., None]:
    """Scales all gradients together before a step; mixed precision has unscaled them by then."""

    def clip(optimizer: Optimizer, *_: Any) -> None:
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        torch.nn.utils.clip_grad_norm_(parameters, norm)

    return clip


def rates(optimizer: Optimizer) -> dict[str, float]:
    """The learning rate of each group under the contract's names."""
    groups = optimizer.param_groups
    own = ["base"] if len(groups) == 1 else [f"group{position}" for position in range(len(groups))]
    return {f"lr/{group.get('name', name)}": float(group["lr"]) for name, group in zip(own, groups, strict=True)}


def loss_normalizers(model: Any) -> dict[str, float]:
    """Moving averages by which one-stage detectors divide their loss; they stand in no state dict."""
    found = ((name, getattr(module, "loss_normalizer", None)) for name, module in model.named_modules())
    return {name: float(value) for name, value in found if isinstance(value, (int, float))}


def restore_normalizers(model: Any, stored: Mapping[str, float]) -> None:
    """Put the moving averages back."""
    for name, value in stored.items():
        model.get_submodule(name).loss_normalizer = value
