"""What a training step is recorded by: its losses under Ultralytics' names, its rates, its time."""

import time
from collections.abc import Sequence
from typing import Any

import torch

from bunri.errors import EngineError

SLACK = 1e-4
"""Share of the loss by which its parts may miss it for rounding."""


class StepRecord:
    """Sums up the batches of a step. Losses stay on their device until somebody asks, as reading them waits for it."""

    def __init__(self) -> None:
        self._sums: dict[str, Any] = {}
        self._batches, self._since = 0, time.monotonic()

    def add(self, loss: Any, parts: dict[str, Any]) -> None:
        """One batch: the loss that is learned from, and the parts Ultralytics shows."""
        values = {"train/loss": loss.detach()} | {f"train/loss/{name}": part for name, part in parts.items()}
        self._sums = {name: self._sums.get(name, 0.0) + value for name, value in values.items()}
        self._batches += 1

    def restart(self) -> None:
        """Begin another step."""
        self._sums, self._batches, self._since = {}, 0, time.monotonic()

    def scalars(self, step: int) -> dict[str, float]:
        """Means over the step's batches, and its seconds; nothing where no batch was added.

        Raises:
            EngineError: The loss is not finite.
        """
        if not self._batches:
            return {}
        means = _with_rest({name: float(value) / self._batches for name, value in self._sums.items()})
        if not all(torch.isfinite(torch.tensor(list(means.values())))):
            parts = {name: round(value, 3) for name, value in means.items()}
            raise EngineError(
                f"the loss must be finite, but at iteration {step} it is {parts}. "
                "Lower the learning rate, lengthen its warm-up or set recipe.clip_norm."
            )
        return means | {"time/step": time.monotonic() - self._since}


def _with_rest(means: dict[str, float]) -> dict[str, float]:
    """Parts that add up: Ultralytics does not show the further layers of RT-DETR nor the second head of YOLO26."""
    rest = 2 * means["train/loss"] - sum(means.values())
    return means if abs(rest) <= SLACK * abs(means["train/loss"]) else means | {"train/loss/not_shown": rest}


def rates(groups: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Learning rates as ``lr/<group>``: our names, or Ultralytics' own (weight, bn), numbered where they repeat."""
    found: dict[str, float] = {}
    for place, group in enumerate(groups):
        name = str(group.get("name") or group.get("param_group") or "group")
        found[f"lr/{name}" if f"lr/{name}" not in found else f"lr/{name}_{place}"] = float(group["lr"])
    return found
