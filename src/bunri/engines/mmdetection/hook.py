"""The hook between MMEngine's runner and bunri: events, validation at our cadence, checkpoints, the request to stop."""

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop

from bunri.dataset import Dataset
from bunri.engines.base import Job, StopRequested
from bunri.engines.checkpoint import Identity
from bunri.engines.feeding import seed_of
from bunri.engines.mmdetection import checkpoint
from bunri.engines.mmdetection.checkpoint import make_plain
from bunri.engines.mmdetection.inference import found_of
from bunri.engines.mmdetection.lengths import Plan
from bunri.engines.mmdetection.rates import RateNames
from bunri.engines.mmdetection.skipping import Remaining
from bunri.engines.predicting import Tick, progress_of, translate
from bunri.engines.process_group import agreed_to_stop, bare, is_first, mean_of, part_of_seed, world_size
from bunri.engines.validating import Validator, native_scalars
from bunri.errors import EngineError
from bunri.events import Emit, Facts, PhaseStarted, Progress, Resumed, Scalars
from bunri.predictions import Predictions, concatenate
from bunri.tta import View

LOG_EVERY = 10
"""Optimizer steps between two records of the losses."""


class RecordingHook(Hook):
    """Called after all other hooks; a step is an optimizer step, which may be several batches of the runner."""

    def __init__(self, job: Job, plan: Plan, identity: Identity, val: Dataset | None, emit: Emit) -> None:
        self._job, self._plan, self._identity, self._emit = job, plan, identity, emit
        self._val = val
        self.best = -1.0
        self._losses: list[Mapping[str, Any]] = []
        self._found: list[Predictions] = []
        self._native: Mapping[str, object] = {}
        self._tick: Tick = progress_of(emit)
        self._names = RateNames(())
        self._rates: dict[str, float] = {}
        self._step_began = 0.0

    def before_train(self, runner: Any) -> None:
        """Say where the training begins."""
        step = runner.iter // self._plan.accumulate
        if step:
            self._emit(Resumed(step))
        self._emit(Facts({"optimizer": type(runner.optim_wrapper.optimizer).__name__}))
        self._emit(PhaseStarted("train", self._plan.steps, step))
        self._names = RateNames(runner.optim_wrapper.param_groups)
        self._step_began = time.perf_counter()

    def before_train_epoch(self, runner: Any) -> None:
        """Give the sampler its part of the run: from the batches done to the end of the epoch."""
        loop, sampler = runner.train_loop, runner.train_dataloader.sampler
        size = runner.train_dataloader.batch_size * world_size()
        sampler.first, sampler.last = runner.iter * size, self._plan.end_of(runner.epoch) * size
        if isinstance(loop, IterBasedTrainLoop):
            loop.dataloader_iterator = Remaining(loop.dataloader, runner.iter)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """What the network draws by chance is a function of the batch's number; rates are read before they change."""
        if self._due(runner.iter // self._plan.accumulate + 1):
            self._rates = self._names.values(runner.optim_wrapper.param_groups)
        seed = seed_of(self._job.seed, runner.iter, *part_of_seed())
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.manual_seed_all(seed)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Mapping[str, Any] | None = None
    ) -> None:
        """Record a step that is complete, validate and save where it is due, stop where somebody asked.

        Raises:
            EngineError: The loss is not finite.
            StopRequested: The last checkpoint is saved.
        """
        self._losses.append(outputs or {})
        batches = runner.iter + 1
        if batches % self._plan.accumulate:
            return
        step = batches // self._plan.accumulate
        self._record(runner, step)
        is_due = step % self._plan.validate_every == 0 or step == self._plan.steps
        if is_due and is_first():
            self._validate_and_save(runner, step)
        if agreed_to_stop():
            if not is_due and is_first():
                self._save(runner)
            raise StopRequested
        self._losses = []
        self._step_began = time.perf_counter()

    def _record(self, runner: Any, step: int) -> None:
        self._emit(Progress(step))
        due = self._due(step)
        if not due and bare(runner.model).data_preprocessor.device.type != "cpu":
            return  # reading a loss would make the GPU wait
        seconds = time.perf_counter() - self._step_began
        losses = _mean(self._losses)
        if not np.isfinite(losses.get("loss", 0.0)):
            raise EngineError(_not_finite(losses, step))
        if due:
            self._emit_scalars(step, _loss_scalars(mean_of(losses)) | self._rates | {"time/step": seconds})

    def _due(self, step: int) -> bool:
        return step % LOG_EVERY == 0 or step == self._plan.steps

    def _emit_scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._emit(Scalars(step, dict(values), step * self._plan.accumulate / self._plan.epoch))

    def _validate_and_save(self, runner: Any, step: int) -> None:
        is_best = self._validate(runner, step)
        if is_best:
            checkpoint.save(runner, self._job.folder.checkpoint_file("best"), whole=False)
        self._save(runner)
        self._emit(PhaseStarted("train", self._plan.steps, step))

    def _save(self, runner: Any) -> None:
        checkpoint.save(runner, self._job.folder.checkpoint_file("last"), whole=True)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Leave plain values only, and of the best weights no second copy."""
        make_plain(checkpoint, self._identity, self.best)
        if "optimizer" not in checkpoint:
            checkpoint.pop("ema_state_dict", None)

    def _validate(self, runner: Any, step: int) -> bool:
        """Let the framework validate, and judge what it found; without held-out photos the latest are the best."""
        if self._val is None:
            return True
        started = time.perf_counter()
        self._emit(PhaseStarted("validate", len(self._val)))
        self._found, self._tick = [], progress_of(self._emit)
        with patch("mmengine.dist.utils.is_distributed", lambda: False):  # the other processes do not judge
            runner.val_loop.run()
        runner.model.train()
        validator = Validator(self._val, self._emit, self.best)
        values, is_best = validator.judge(concatenate(self._found).clipped(self._val))
        self.best = validator.best
        seconds = {"time/validate": time.perf_counter() - started}
        self._emit_scalars(step, values | native_scalars(self._native) | seconds)
        return is_best

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Keep what the model found, before the framework's metric counts it."""
        assert self._val is not None
        for sample in outputs or ():
            row = int(self._val.rows_of(np.array([sample.img_id]))[0])
            self._found.append(translate(found_of(sample), self._val, row, self._job.recipe, View()))
            self._tick(1)

    def after_val_epoch(self, runner: Any, metrics: Mapping[str, object] | None = None) -> None:
        """Keep the framework's own figures."""
        self._native = metrics or {}


def _mean(losses: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Mean over the batches of a step."""
    names = dict.fromkeys(name for entry in losses for name in entry)
    return {name: float(np.mean([float(entry.get(name, 0.0)) for entry in losses])) for name in names}


def _loss_scalars(losses: Mapping[str, float]) -> dict[str, float]:
    """Losses under the contract's names; what is no loss (accuracies) as the framework's own figure."""
    parts = {f"train/loss/{name}": value for name, value in losses.items() if "loss" in name and name != "loss"}
    others = {f"native/{name}": value for name, value in losses.items() if "loss" not in name}
    return {"train/loss": losses.get("loss", 0.0)} | parts | others


def _not_finite(losses: Mapping[str, float], step: int) -> str:
    parts = {name: round(value, 3) for name, value in losses.items()}
    return (
        f"the loss must be finite, but at iteration {step} it is {parts}. Lower the learning rate, lengthen the "
        "warm-up (recipe.schedule.warmup_iterations) or set recipe.clip_norm."
    )
