"""The training loop. Everything random is a function of seed and iteration, so that a killed run ends the same."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from bunri.dataset import Dataset
from bunri.engines.base import Job, StopRequested, job_should_stop
from bunri.engines.feeding import Lengths
from bunri.engines.predicting import predict_view, progress_of
from bunri.engines.torchvision import checkpoint
from bunri.engines.torchvision.checkpoint import Identity
from bunri.engines.torchvision.inference import TorchvisionFinder
from bunri.engines.torchvision.samples import Sample, seed_everything, training_loader
from bunri.engines.validating import Validator
from bunri.errors import EngineError
from bunri.events import Emit, Facts, PhaseStarted, Progress, Resumed, Scalars
from bunri.optim import build_optimizer
from bunri.tta import View

LOG_EVERY = 10
"""Iterations between two records of the losses."""


@dataclass
class TrainingState:
    """What changes while training, and what a checkpoint keeps."""

    model: nn.Module
    optimizer: Optimizer
    average: AveragedModel | None
    scaler: torch.amp.GradScaler
    iteration: int = 0
    best: float = -1.0
    losses: dict[str, float] = field(default_factory=dict)

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


class Trainer:
    """Trains one model on one fold."""

    def __init__(
        self, model: nn.Module, train: Dataset, val: Dataset | None, job: Job, identity: Identity, emit: Emit
    ) -> None:
        self.job, self.recipe, self.identity, self.emit = job, job.recipe, identity, emit
        self.train_set, self.val_set = train, val
        self.device = device_of(job)
        self.lengths = Lengths.of(train, job.recipe)
        model.to(self.device)
        average = _moving_average(model, job.recipe.ema)
        scaler = torch.amp.GradScaler(enabled=self.uses_amp)
        self.state = TrainingState(model, build_optimizer(model, job.recipe.optimizer), average, scaler)

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
        batches = iter(self._loader())
        while state.iteration < total:
            started = time.monotonic()
            self._step(batches)
            state.iteration += 1
            self._record(time.monotonic() - started)
            if state.iteration % self.lengths.validate_every == 0 or state.iteration == total:
                self._validate_and_save()
            elif job_should_stop():
                self._save()
            if job_should_stop():
                raise StopRequested

    def _resume(self) -> None:
        path = self.job.folder.checkpoint_file("last")
        if self.job.resume and path.exists():
            self.state.restore(checkpoint.load(path, self.identity))
            self.emit(Resumed(self.state.iteration))

    def _loader(self) -> Any:
        accumulate = self.recipe.accumulate
        first, last = self.state.iteration * accumulate, self.lengths.total * accumulate
        return training_loader(self.train_set, self.recipe, self.job.seed, first, last - first, self.job.loader_workers)

    def _step(self, batches: Any) -> None:
        state = self.state
        seed_everything(self.job.seed, state.iteration)
        self._set_rates()
        state.model.train()
        state.optimizer.zero_grad(set_to_none=True)
        state.losses = {}
        for _ in range(self.recipe.accumulate):
            self._backward(next(batches))
        if self.recipe.clip_norm is not None:
            self.state.scaler.unscale_(state.optimizer)
            nn.utils.clip_grad_norm_(state.model.parameters(), self.recipe.clip_norm)
        self.state.scaler.step(state.optimizer)
        self.state.scaler.update()
        if state.average is not None:
            state.average.update_parameters(state.model)

    def _backward(self, batch: list[Sample]) -> None:
        images = [image.to(self.device, non_blocking=True) for image, _ in batch]
        targets = [{key: value.to(self.device) for key, value in target.items()} for _, target in batch]
        with torch.autocast(self.device.type, enabled=self.uses_amp):
            losses: dict[str, Tensor] = self.state.model(images, targets)
            loss = torch.stack(list(losses.values())).sum() / self.recipe.accumulate
        if not torch.isfinite(loss):
            parts = {name: round(float(value.detach()), 3) for name, value in losses.items()}
            raise EngineError(
                f"the loss must be finite, but at iteration {self.state.iteration} it is {parts}. "
                "Lower optimizer.lr, lengthen schedule.warmup_iterations or set clip_norm."
            )
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
        values = {"train/loss": sum(state.losses.values()), "time/step": seconds}
        values |= {f"train/loss/{name}": value for name, value in state.losses.items()}
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
        checkpoint.save(self.job.folder.checkpoint_file("last"), self.identity, self.state.to_checkpoint())

    def _validate(self) -> bool:
        """Judge the weights; whether they are the best so far. Without held-out images the latest are."""
        if self.val_set is None:
            return True
        started = time.monotonic()
        self.emit(PhaseStarted("validate", len(self.val_set)))
        find = TorchvisionFinder(self.state.judged, self.device)
        found = predict_view(find, self.val_set, View(), self.recipe, progress_of(self.emit))
        validator = Validator(self.val_set, self.emit, self.state.best)
        values, is_best = validator.judge(found)
        self.state.best = validator.best
        self._emit_scalars(values | {"time/validate": time.monotonic() - started})
        return is_best


def device_of(job: Job) -> torch.device:
    """Where to compute."""
    if job.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(job.device)


def _moving_average(model: nn.Module, decay: float) -> AveragedModel | None:
    if decay == 0:
        return None
    average: Any = get_ema_multi_avg_fn  # torch has no types for it
    return AveragedModel(model, multi_avg_fn=average(decay), use_buffers=True)
