"""The recipe's optimizer and schedule in MMEngine's places for them."""

from collections.abc import Mapping
from typing import Any

from mmengine.optim.scheduler.param_scheduler import _ParamScheduler
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn

from bunri.engines.mmdetection.plain import plain
from bunri.optim import OptimizerSettings, ScheduleSettings, build_optimizer


class RecipeOptimWrapperConstructor:
    """Builds the recipe's optimizer into the optimizer wrapper of the config."""

    def __init__(self, optim_wrapper_cfg: Mapping[str, Any], paramwise_cfg: object = None) -> None:
        """Take the wrapper's config; its ``optimizer`` are the recipe's settings."""
        wrapper = {key: value for key, value in optim_wrapper_cfg.items() if key != "optimizer"}
        self._wrapper = {"type": "OptimWrapper", **wrapper}
        self._settings = OptimizerSettings.validated(plain(optim_wrapper_cfg["optimizer"]), "recipe.optimizer")

    def __call__(self, model: nn.Module) -> Any:
        """The wrapper with the optimizer over a model."""
        return OPTIM_WRAPPERS.build({**self._wrapper, "optimizer": build_optimizer(model, self._settings)})


class RecipeSchedule(_ParamScheduler):
    """The recipe's learning rate: one factor on every group's base rate, set for each iteration."""

    def __init__(
        self, optimizer: Any, schedule: Mapping[str, Any], total: int, accumulate: int = 1, end: int = 0
    ) -> None:
        """Follow a schedule.

        Args:
            optimizer: The optimizer wrapper.
            schedule: The recipe's settings.
            total: Optimizer steps of the training.
            accumulate: Batches of a step; MMEngine counts batches.
            end: Given by the runner; the schedule knows its own end.
        """
        self._schedule = plain(schedule)
        self._total, self._accumulate = total, accumulate
        super().__init__(optimizer, "lr", by_epoch=False)

    def _get_value(self) -> list[float]:
        settings = ScheduleSettings(**self._schedule)
        factor = settings.factor(self.last_step // self._accumulate, self._total)
        return [base * factor for base in self.base_values]
