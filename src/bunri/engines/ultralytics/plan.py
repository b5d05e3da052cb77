"""How a training runs in batches: which of them end in an optimizer step, and after which the weights are judged.

Ultralytics counts epochs of batches, the recipe counts optimizer steps and fractions of epochs. A plan says for every
batch what happens at its end, so that both agree, and a run that was killed goes on at the very batch.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bunri.errors import ConfigError

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Pace:
    """What decides the length of a training and of its steps.

    Attributes:
        epoch: Batches in a pass over the images (with the sampler's repeats), fractional.
        epochs: Passes, where ``steps`` is None.
        steps: Optimizer steps of the whole training, None where passes are counted.
        accumulate: Batches to a step.
        warmup_epochs: Of Ultralytics' own warm-up; 0 without it.
        validate_every: Passes between validations.
        rising: Whether the batches to a step rise from one in the warm-up, as Ultralytics does where nobody says them.
    """

    epoch: float
    epochs: float
    steps: int | None
    accumulate: int
    warmup_epochs: float
    validate_every: float
    rising: bool = False

    @property
    def round(self) -> int:
        """Batches in what Ultralytics counts as an epoch, a whole number."""
        return max(math.ceil(self.epoch - 1e-9), 1)

    @property
    def nominal(self) -> int:
        """Batches of the whole training, were every step of ``accumulate`` batches."""
        per_step = self.epoch / self.accumulate
        steps = self.steps if self.steps is not None else max(round(self.epochs * per_step), 1)
        return steps * self.accumulate

    @property
    def warmup(self) -> int:
        """Batches of Ultralytics' warm-up, which leaves the last of its epochs alone."""
        rounds = math.ceil(self.nominal / self.round)
        return round(min(self.warmup_epochs, max(rounds - 1, 0)) * self.round)


@dataclass(frozen=True)
class Plan:
    """A training, batch by batch.

    Attributes:
        epoch: Batches in a pass over the images, fractional.
        round: Batches in what Ultralytics counts as an epoch.
        warmup: Batches of Ultralytics' own warm-up.
        ends_step: ``(B,)`` whether a batch ends in an optimizer step; the last one does.
        judged: ``(B,)`` whether the weights are validated after a batch; only after a step, and after the last one.
    """

    epoch: float
    round: int
    warmup: int
    ends_step: BoolArray
    judged: BoolArray

    @classmethod
    def of(cls, pace: Pace) -> "Plan":
        """The plan of a pace.

        Raises:
            ConfigError: The training is shorter than one step.
        """
        nominal = pace.nominal
        ends = step_ends(nominal, pace.accumulate, pace.warmup if pace.rising else 0)
        last = np.flatnonzero(ends)[: pace.steps]
        if not len(last):
            raise ConfigError(f"a training must have at least one optimizer step, but {nominal} batches make none")
        ends = ends[: last[-1] + 1]
        return cls(pace.epoch, pace.round, pace.warmup, ends, _judged(ends, pace))

    @property
    def batches(self) -> int:
        """Of the whole training."""
        return len(self.ends_step)

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole training."""
        return int(self.ends_step.sum())

    @property
    def rounds(self) -> int:
        """What Ultralytics counts as epochs; the last may end early."""
        return math.ceil(self.batches / self.round)

    def left_of_round(self, batch: int) -> int:
        """Batches to come in the round of a batch, itself included."""
        return self.round - batch % self.round


def step_ends(batches: int, accumulate: int, warmup: int) -> BoolArray:
    """``(batches,)`` whether a batch ends in a step; in the warm-up the batches to a step rise from 1 to all."""
    wanted = np.full(batches, accumulate)
    rising = np.arange(min(warmup + 1, batches)) if warmup else np.arange(0)
    wanted[: len(rising)] = np.maximum(np.interp(rising, [0, max(warmup, 1)], [1, accumulate]).round(), 1)
    ends, last = np.zeros(batches, np.bool_), -1
    for batch, count in enumerate(wanted.tolist()):
        if batch - last >= count:
            ends[batch], last = True, batch
    return ends


def _judged(ends: BoolArray, pace: Pace) -> BoolArray:
    """At the first step's end at or after each multiple of the interval, and at the last one."""
    every = max(round(pace.validate_every * pace.epoch / pace.accumulate), 1) * pace.accumulate
    done = np.flatnonzero(ends) + 1
    positions = np.searchsorted(done, np.arange(every, len(ends) + 1, every))
    judged = np.zeros(len(ends), np.bool_)
    judged[done[np.append(positions, len(done) - 1)] - 1] = True
    return judged
