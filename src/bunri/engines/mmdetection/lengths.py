"""How long MMEngine trains, in its own unit, batches; an optimizer step of the recipe is one or more of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bunri.recipe import Recipe

NEVER = 10**9
"""Where a loop would begin to validate by itself; the recording hook starts the validations."""

LOOPS = ("EpochBasedTrainLoop", "IterBasedTrainLoop")


@dataclass(frozen=True)
class Plan:
    """A training in batches.

    Attributes:
        epoch: Batches in a pass over the photos, with the sampler's repeats.
        batches: In all; a multiple of ``accumulate``.
        accumulate: Batches of an optimizer step.
        validate_every: Optimizer steps between validations.
        by_epoch: Whether the framework's loop counts epochs.
    """

    epoch: float
    batches: int
    accumulate: int
    validate_every: int
    by_epoch: bool

    @classmethod
    def of(
        cls, train_cfg: Mapping[str, Any], recipe: Recipe, photos: float, batch_size: int, accumulate: int
    ) -> "Plan":
        """The plan of a native ``train_cfg`` and a recipe; ``photos`` are those of an epoch, expected."""
        by_epoch, epoch = counts_epochs(train_cfg), photos / batch_size
        if recipe.says_length:
            steps = recipe.total_iterations(epoch / accumulate)
        elif by_epoch:
            steps = max(round(int(train_cfg["max_epochs"]) * epoch / accumulate), 1)
        else:
            steps = max(int(train_cfg["max_iters"]) // accumulate, 1)
        every = max(round(recipe.validate_every * epoch / accumulate), 1)
        return cls(epoch, steps * accumulate, accumulate, every, by_epoch)

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole training."""
        return self.batches // self.accumulate

    @property
    def epochs(self) -> int:
        """Epochs of the framework's loop; the last one may be shorter."""
        return max(math.ceil(self.batches / self.epoch - 1e-9), 1)

    def end_of(self, epoch: int) -> int:
        """Batches done when an epoch, counted from 0, is over."""
        if not self.by_epoch or epoch + 1 >= self.epochs:
            return self.batches
        return min(round((epoch + 1) * self.epoch), self.batches)

    def train_cfg(self, native: Mapping[str, Any]) -> dict[str, Any]:
        """The loop's config with this length; validations are started by the recording hook."""
        ours = ("max_epochs", "max_iters", "val_begin", "val_interval", "dynamic_intervals")
        kept = {key: value for key, value in native.items() if key not in ours}
        return {**kept, "max_epochs" if self.by_epoch else "max_iters": self._length, "val_begin": NEVER}

    @property
    def _length(self) -> int:
        return self.epochs if self.by_epoch else self.batches


def counts_epochs(train_cfg: Mapping[str, Any]) -> bool:
    """Whether a loop counts epochs or iterations."""
    kind = str(train_cfg.get("type", "")).rpartition(".")[2]
    return kind == LOOPS[0] if kind else bool(train_cfg.get("by_epoch"))


def mistakes(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with the length of a native config."""
    train_cfg = values.get("train_cfg")
    if not isinstance(train_cfg, Mapping):
        return ["train_cfg: must be given, a loop with max_epochs or max_iters"]
    kind = str(train_cfg.get("type", LOOPS[0])).rpartition(".")[2]
    if kind not in LOOPS:
        return [f"train_cfg.type: must be one of {', '.join(LOOPS)}, but it is {kind}"]
    key = "max_epochs" if counts_epochs(train_cfg) else "max_iters"
    if not isinstance(train_cfg.get(key), int):
        return [f"train_cfg.{key}: must be a whole number, got {train_cfg.get(key)!r}"]
    return []
