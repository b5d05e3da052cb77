"""The training loop. Everything random is a function of seed and iteration, so that a killed run ends the same."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from bunri.dataset import Dataset
from bunri.engines import checkpoint
from bunri.engines.base import Job, StopRequested
from bunri.engines.checkpoint import Identity
from bunri.engines.feeding import Lengths
from bunri.engines.loop.detector import Detector, Losses, to_device
from bunri.engines.loop.samples import seed_everything, training_loader
from bunri.engines.loop.state import TrainingState
from bunri.engines.predicting import predict_view, progress_of
from bunri.engines.process_group import agreed_to_stop, is_first, mean_of, parallel, part_of_seed
from bunri.engines.validating import Validator, native_scalars
from bunri.errors import EngineError
from bunri.events import Emit, Facts, PhaseStarted, Progress, Resumed, Scalars
from bunri.tta import View

LOG_EVERY = 10
"""Iterations between two records of the losses."""


class Trainer:
    """Trains one model on one fold."""

    def __init__(
        self, detector: Detector, train: Dataset, val: Dataset | None, job: Job, identity: Identity, emit: Emit
    ) -> None:
        self.job, self.recipe, self.identity, self.emit = job, job.recipe, identity, emit
        self.detector, self.train_set, self.val_set = detector, train, val
        self.device = device_of(job)
        self.lengths = Lengths.of(train, job.recipe)
        detector.model.to(self.device)
        self.state = TrainingState.begin(detector.model, job.recipe, self.uses_amp)
        self._losses = parallel(Losses(detector))

    @property
    def uses_amp(self) -> bool:
        """Mixed precision: on a GPU, where the recipe allows it."""
        return self.recipe.amp and self.device.type == "cuda"

    def run(self) -> None:
        """The whole training.

        Raises:
            EngineError: The loss is not finite.
            StopRequested: Somebody asked to stop; the last checkpoint is written.
        """
        self._resume()
        state, total = self.state, self.lengths.total
        self.emit(Facts({"optimizer": type(state.optimizer).__name__}))
        self.emit(PhaseStarted("train", total, state.iteration))
        batches = self._batches()
        while state.iteration < total:
            started = time.monotonic()
            self._step(batches)
            state.iteration += 1
            self._record(time.monotonic() - started)
            is_due = state.iteration % self.lengths.validate_every == 0 or state.iteration == total
            if is_due and is_first():
                self._validate_and_save()
            if agreed_to_stop():
                if not is_due:
                    self._save()
                raise StopRequested

    def _resume(self) -> None:
        path = self.job.folder.checkpoint_file("last")
        if self.job.resume and path.exists():
            self.state.restore(checkpoint.load(path, self.identity))
            self.emit(Resumed(self.state.iteration))

    def _batches(self) -> Iterator[list[Any]]:
        accumulate, job = self.recipe.accumulate, self.job
        first, last = self.state.iteration * accumulate, self.lengths.total * accumulate
        make = self.detector.sample
        return iter(
            training_loader(self.train_set, self.recipe, make, job.seed, first, last - first, job.loader_workers)
        )

    def _step(self, batches: Iterator[list[Any]]) -> None:
        state = self.state
        seed_everything(self.job.seed, state.iteration, *part_of_seed())
        self._set_rates()
        state.model.train()
        state.losses = {}
        for part in range(self.recipe.accumulate):
            self._backward(next(batches), begins_step=part == 0)
        if self.recipe.clip_norm is not None:
            self.state.scaler.unscale_(state.optimizer)
            nn.utils.clip_grad_norm_(state.model.parameters(), self.recipe.clip_norm)
        self.state.scaler.step(state.optimizer)
        self.state.scaler.update()
        if state.average is not None:
            state.average.update_parameters(state.model)

    def _backward(self, batch: list[Any], begins_step: bool) -> None:
        batch = to_device(batch, self.device)
        with torch.autocast(self.device.type, enabled=self.uses_amp):
            losses = self._losses(batch)
            loss = torch.stack(list(losses.values())).sum() / self.recipe.accumulate
        if not torch.isfinite(loss):
            parts = {name: round(float(value.detach()), 3) for name, value in losses.items()}
            raise EngineError(
                f"the loss must be finite, but at iteration {self.state.iteration} it is {parts}. "
                "Lower optimizer.lr, lengthen schedule.warmup_iterations or set clip_norm."
            )
        if begins_step:  # so late because memory given back before the forward pass is fetched from the system anew
            self.state.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(self.state.scaler.scale(loss))
        for name, value in losses.items():
            self.state.losses[name] = self.state.losses.get(name, 0.0) + float(value.detach()) / self.recipe.accumulate

    def _set_rates(self) -> None:
        factor = self.recipe.schedule.factor(self.state.iteration, self.lengths.total)
        for group in self.state.optimizer.param_groups:
            base = group.setdefault("base_lr", group["lr"])
            group["lr"] = base * factor

    def _record(self, seconds: float) -> None:
        state = self.state
        self.emit(Progress(state.iteration))
        if state.iteration % LOG_EVERY and state.iteration != self.lengths.total:
            return
        losses = mean_of(state.losses)
        values = {"train/loss": sum(losses.values()), "time/step": seconds}
        values |= {f"train/loss/{name}": value for name, value in losses.items()}
        values |= {f"lr/{group['name']}": group["lr"] for group in state.optimizer.param_groups}
        self._emit_scalars(values)

    def _emit_scalars(self, values: Mapping[str, float]) -> None:
        self.emit(Scalars(self.state.iteration, dict(values), self.state.iteration / self.lengths.epoch))

    def _validate_and_save(self) -> None:
        state = self.state
        if self._validate():
            weights = {"model": state.judged.state_dict(), "iteration": state.iteration, "mAP50": state.best}
            checkpoint.save(self.job.folder.checkpoint_file("best"), self.identity, weights)
        self._save()
        self.emit(PhaseStarted("train", self.lengths.total, state.iteration))

    def _save(self) -> None:
        if is_first():
            checkpoint.save(self.job.folder.checkpoint_file("last"), self.identity, self.state.to_checkpoint())

    def _validate(self) -> bool:
        """Judge the weights; whether they are the best so far. Without held-out images the latest are."""
        if self.val_set is None:
            return True
        started = time.monotonic()
        self.emit(PhaseStarted("validate", len(self.val_set)))
        find = self.detector.finder(self.state.judged, self.device)
        found = predict_view(find, self.val_set, View(), self.recipe, progress_of(self.emit))
        validator = Validator(self.val_set, self.emit, self.state.best)
        values, is_best = validator.judge(found)
        self.state.best = validator.best
        values |= native_scalars(self.detector.native_figures(found, self.val_set))
        self._emit_scalars(values | {"time/validate": time.monotonic() - started})
        return is_best


def device_of(job: Job) -> torch.device:
    """Where to compute."""
    if job.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(job.device)
