"""Hooks for Detectron2's trainers: events go out, the best and the last checkpoint are kept, a stop is obeyed."""

import time
from typing import Any

from detectron2.engine import HookBase

from bunri.engines.base import StopRequested
from bunri.engines.detectron2.loading import seed_everything
from bunri.engines.detectron2.run import Run
from bunri.engines.detectron2.solving import rates
from bunri.engines.process_group import agreed_to_stop, bare, is_first, part_of_seed
from bunri.events import PhaseStarted, Progress

LOG_EVERY = 10
"""Iterations between two records of the losses."""


class Recorder(HookBase):
    """Tells what a step did. It comes first, so that it sees the rates the step was made with."""

    def __init__(self, run: Run) -> None:
        self._run, self._started = run, 0.0

    def before_train(self) -> None:
        """The bar begins where the run is."""
        self._run.emit(PhaseStarted("train", self._run.lengths.total, self._run.done))

    def before_step(self) -> None:
        """What the step draws depends on the seed and its number only."""
        seed_everything(self._run.job.seed, self.trainer.iter, *part_of_seed())
        self._started = time.perf_counter()

    def after_step(self) -> None:
        """One more iteration is done."""
        run = self._run
        run.done = self.trainer.iter + 1
        run.emit(Progress(run.done))
        if is_first() and (run.done % LOG_EVERY == 0 or run.done == run.lengths.total):
            seconds = time.perf_counter() - self._started
            run.emit_scalars(self._losses() | rates(self.trainer.optimizer) | {"time/step": seconds})

    def _losses(self) -> dict[str, float]:
        """The losses of this step by Detectron2's names; it has averaged those of several processes."""
        latest = self.trainer.storage.latest()
        now = {name: value for name, (value, step) in latest.items() if step == self.trainer.iter and "loss" in name}
        total = now.pop("total_loss")
        return {"train/loss": total, **{f"train/loss/{name}": value for name, value in now.items()}}


class Keeper(HookBase):
    """Saves ``last`` in the config's own period and where somebody asked to stop. It comes last."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def after_step(self) -> None:
        """Save and stop where it is time.

        Raises:
            StopRequested: Somebody asked to stop; the last checkpoint is written.
        """
        run = self._run
        if run.done == run.lengths.total:
            return  # the last validation follows, and saves
        stopping = agreed_to_stop()
        if stopping or run.done % run.native.checkpoint_period == 0:
            run.keep_last(self.trainer.model, self.trainer.state_dict())
        if stopping:
            raise StopRequested


def validate_and_keep(run: Run, trainer: Any) -> dict[str, Any]:
    """Judge the model of a trainer, keep it; Detectron2's own results for its evaluation hook."""
    if trainer.iter == run.done < run.lengths.total:
        return {}  # the last step failed, and Detectron2 evaluates all the same
    results: dict[str, Any] = {}
    if run.judge is not None:
        run.emit_scalars(run.judge(bare(trainer.model)))
        results = run.judge.results
    if run.judge is None or run.judge.is_best:
        run.keep_best(trainer.model)
    run.keep_last(trainer.model, trainer.state_dict())
    if run.done < run.lengths.total:
        run.emit(PhaseStarted("train", run.lengths.total, run.done))
    return results
