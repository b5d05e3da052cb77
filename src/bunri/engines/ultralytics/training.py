"""Ultralytics' own trainers, paced by a plan: which batch ends a step, at which rate, and when the weights are judged."""

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from ultralytics.engine import trainer as ultralytics_trainer
from ultralytics.models.rtdetr.train import RTDETRTrainer
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils.torch_utils import strip_optimizer, unwrap_model

from bunri.dataset import Dataset
from bunri.engines.base import Job, StopRequested, job_should_stop
from bunri.engines.ultralytics import checkpoint
from bunri.engines.ultralytics.checkpoint import Identity
from bunri.engines.ultralytics.config import NativeConfig
from bunri.engines.ultralytics.losses import StepRecord, rates
from bunri.engines.ultralytics.native_run import NativeRun
from bunri.engines.ultralytics.photos import RoundLoader, UltralyticsPhotos, stream_of, training_loader, validation_loader
from bunri.engines.ultralytics.pixels import seed_everything
from bunri.engines.ultralytics.validation import validator_class
from bunri.engines.ultralytics.weights import load_fitting, pretrained
from bunri.engines.validating import Validator, native_scalars
from bunri.errors import EngineError
from bunri.events import Emit, Facts, Note, PhaseStarted, Progress, Resumed, Scalars
from bunri.optim import build_optimizer

LOG_EVERY = 10
"""Iterations between two records of the losses."""

NEVER = 1 << 60
"""Batches to a step, where the batch at hand is not to end in one."""


@dataclass(frozen=True)
class Assignment:
    """What a trainer is to do.

    Attributes:
        job: Of the worker.
        config: The native config.
        run: How Ultralytics is to run.
        train: Photos to learn.
        val: Photos held out, or None.
        identity: Of the checkpoints.
        stored: The checkpoint to go on from, or None.
        emit: Hears of everything.
    """

    job: Job
    config: NativeConfig
    run: NativeRun
    train: Dataset
    val: Dataset | None
    identity: Identity
    stored: Mapping[str, Any] | None
    emit: Emit


@dataclass
class Done:
    """How far a training has come.

    Attributes:
        batches: Learned.
        steps: Of the optimizer.
        best: Best mAP50 so far.
        judged: Steps done when the weights were judged last.
    """

    batches: int = 0
    steps: int = 0
    best: float = -1.0
    judged: int = -1


def _amp_works(model: nn.Module) -> bool:
    """In place of Ultralytics' check, which downloads a model to try mixed precision with."""
    return next(model.parameters()).device.type == "cuda"


ultralytics_trainer.check_amp = _amp_works


class _Paced:
    """What bunri changes of both trainers; everything else is Ultralytics' own."""

    def __init__(self, assignment: Assignment) -> None:
        self.assignment, self.done, self.record = assignment, Done(), StepRecord()
        self.is_transformer = assignment.config.stages == "transformer"
        model = str(assignment.config.model.get("yaml_file", "model.yaml"))
        super().__init__(overrides=copy.deepcopy(assignment.run.args) | {"model": model})  # type: ignore[call-arg]
        torch.set_num_threads(assignment.job.threads)  # Ultralytics took as many as it found
        self.add_callback("on_pretrain_routine_end", _Paced.begin)
        self.add_callback("on_train_batch_end", _Paced.end_batch)

    # What it trains on

    def get_dataset(self) -> dict[str, Any]:
        """Names of our data set; its photos come by :meth:`get_dataloader`."""
        names = dict(enumerate(self.assignment.train.class_names))
        return {"train": "train", "val": "val", "nc": len(names), "names": names, "channels": 3}

    def get_dataloader(self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train") -> Any:
        """Photos in the recipe's order, or held-out ones (without any, those to learn stand in and are not asked)."""
        a = self.assignment
        if mode == "train":
            return self._training_loader()
        held_out = self._photos(a.val or a.train, batch_size, learning=False)
        return validation_loader(held_out, batch_size, a.job.loader_workers)

    def _training_loader(self) -> RoundLoader:
        a, batch, plan = self.assignment, self.assignment.run.batch, self.assignment.run.plan
        length = plan.round * batch
        stream = stream_of(a.train, a.job.recipe, a.job.seed, length, lambda: self.done.batches * batch)
        photos = self._photos(a.train, batch, learning=True)
        loader = training_loader(photos, stream, batch, a.job.loader_workers, self.device.type == "cuda")
        return loader.left_by(lambda: plan.left_of_round(self.done.batches))

    def _photos(self, dataset: Dataset, batch: int, learning: bool) -> UltralyticsPhotos:
        recipe = self.assignment.job.recipe if learning else None
        return UltralyticsPhotos(dataset, self.args, self.stride, self.is_transformer, batch, recipe)

    # The model

    def setup_model(self) -> None:
        """Build the config's layers and load what it starts from, running no code of a file."""
        a = self.assignment
        name = a.config.args["pretrained"]
        weights = pretrained(name) if isinstance(name, str) and a.stored is None else None
        self.model = self.get_model(cfg=copy.deepcopy(a.config.model), weights=weights.module if weights else None)
        origin = "random" if a.stored is None else "the last checkpoint"
        if weights is not None:
            fitting = load_fitting(self.model, weights)
            origin = f"{weights.origin}: {fitting} of {len(self.model.state_dict())} tensors"
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        a.emit(Facts({"weights": origin, "stages": a.config.stages, "parameters": parameters}))

    def get_validator(self) -> Any:
        """Ultralytics' validator, which keeps its predictions for our evaluator."""
        a = self.assignment
        validator = validator_class(self.is_transformer)(
            self.test_loader, save_dir=self.save_dir, args=copy.copy(self.args), _callbacks=self.callbacks
        )
        validator.record(a.val or a.train, a.job.recipe, a.emit)
        return validator

    # The pace

    def build_optimizer(self, model: Any, *args: Any, **kwargs: Any) -> Any:
        """The recipe's optimizer where it says one, else the config's."""
        recipe = self.assignment.job.recipe
        if recipe.says("optimizer"):
            return build_optimizer(model, recipe.optimizer)
        return super().build_optimizer(model, *args, **kwargs)  # type: ignore[misc]

    def _setup_scheduler(self) -> None:
        if not self.assignment.run.ours:
            super()._setup_scheduler()  # type: ignore[misc]
            return
        self.lf = lambda epoch: 1.0  # it notes the base rates; _set_pace sets the rates
        self.scheduler = LambdaLR(self.optimizer, self.lf)

    def _get_warmup_iterations(self, num_batches: int) -> int:
        return self.assignment.run.plan.warmup

    def _build_train_pipeline(self) -> None:
        if self.optimizer is not None:  # Ultralytics would go on with half the batch
            raise EngineError(
                f"the GPU's memory must hold a batch, but it ran out with {self.assignment.run.batch} photos. "
                "Lower recipe.batch_size and raise recipe.accumulate as much."
            )
        super()._build_train_pipeline()  # type: ignore[misc]

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Set the pace of the batch at hand: called after Ultralytics' own warm-up has set its rates, before the step."""
        seed_everything(self.assignment.job.seed, self.done.batches)
        plan = self.assignment.run.plan
        self.accumulate = 0 if plan.ends_step[self.done.batches] else NEVER
        if self.assignment.run.ours:
            factor = self.assignment.job.recipe.schedule.factor(self.done.steps, plan.steps)
            for group in self.optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
        return dict(super().preprocess_batch(batch))  # type: ignore[misc]

    def optimizer_step(self) -> None:
        """Ultralytics' step, which clips gradients at a norm of 10; with the recipe's norm where it says one."""
        recipe = self.assignment.job.recipe
        if not recipe.says("clip_norm"):
            super().optimizer_step()  # type: ignore[misc]
            return
        self.scaler.unscale_(self.optimizer)
        if recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        self.ema.update(self.model)

    # Before, between and after

    def resume_training(self, ckpt: Any) -> None:
        """Take up where our checkpoint left off, at the very batch; Ultralytics' own have whole epochs."""
        a, stored = self.assignment, self.assignment.stored
        recipe = a.job.recipe
        if recipe.says("ema"):
            self.ema.decay = lambda updates: recipe.ema
        if stored is None:
            return
        unwrap_model(self.model).load_state_dict(stored["model"])
        self.ema.ema.load_state_dict(stored["average"])
        self.optimizer.load_state_dict(stored["optimizer"])
        self.scaler.load_state_dict(stored["scaler"])
        self.ema.updates, self.fitness = stored["updates"], stored["fitness"]
        self.stopper.best_fitness, self.stopper.best_epoch = stored["best_fitness"], stored["best_epoch"]
        self.done = Done(stored["batches"], stored["iteration"], stored["best"], stored["judged"])
        self.start_epoch = self.done.batches // a.run.plan.round
        self._resume_criterion()
        a.emit(Resumed(self.done.steps))

    def _resume_criterion(self) -> None:
        """YOLO26's loss shifts its weights with every epoch."""
        model = unwrap_model(self.model)
        model.criterion = model.init_criterion()
        if self.start_epoch and hasattr(model.criterion, "update"):
            model.criterion.updates = self.start_epoch - 1
            model.criterion.update()

    def begin(self) -> None:
        """Called back before the first batch."""
        a = self.assignment
        a.emit(PhaseStarted("train", a.run.plan.steps, self.done.steps))
        self.record.restart()

    def end_batch(self) -> None:
        """Called back after each batch.

        Raises:
            StopRequested: Somebody asked to stop; the last checkpoint is written.
        """
        plan, batch = self.assignment.run.plan, self.done.batches
        per_photo = 1 if self.is_transformer else self.assignment.run.batch
        self.record.add(self.loss / per_photo, self.loss_items)
        self.done.batches += 1
        if not plan.ends_step[batch]:
            return
        self.done.steps += 1
        self._tell()
        self.stop = self.done.steps == plan.steps
        if plan.judged[batch]:
            self._judge()
        elif job_should_stop():
            self._save()
        if job_should_stop():
            raise StopRequested
        self.record.restart()

    def _tell(self) -> None:
        self.assignment.emit(Progress(self.done.steps))
        if self.done.steps % LOG_EVERY == 0 or self.done.steps == self.assignment.run.plan.steps:
            self._emit_scalars(self.record.scalars(self.done.steps) | rates(self.optimizer.param_groups))

    def _emit_scalars(self, values: Mapping[str, float]) -> None:
        epoch = self.done.batches / self.assignment.run.plan.epoch
        self.assignment.emit(Scalars(self.done.steps, dict(values), epoch))

    # Judging and keeping

    def _judge(self) -> None:
        """Validate the average of the weights, keep the best and the last."""
        a = self.assignment
        self.record.scalars(self.done.steps)  # nothing that is not finite is kept
        if a.val is None or self._is_best(a.val):
            weights = {"model": self.ema.ema.state_dict(), "iteration": self.done.steps, "mAP50": self.done.best}
            checkpoint.save(a.job.folder.checkpoint_file("best"), a.identity, weights)
        self.done.judged = self.done.steps
        self._save()
        a.emit(PhaseStarted("train", a.run.plan.steps, self.done.steps))

    def _is_best(self, val: Dataset) -> bool:
        a, started = self.assignment, time.monotonic()
        a.emit(PhaseStarted("validate", len(val)))
        self.metrics, self.fitness = super().validate()  # type: ignore[misc]
        validator = Validator(val, a.emit, self.done.best)
        values, is_best = validator.judge(self.validator.predictions())
        self.done.best = validator.best
        native = native_scalars({**self.metrics, "fitness": self.fitness})
        self._emit_scalars(values | native | {"time/validate": time.monotonic() - started})
        return is_best

    def _save(self) -> None:
        a, stopper = self.assignment, self.stopper
        content = {
            "model": unwrap_model(self.model).state_dict(),
            "average": self.ema.ema.state_dict(),
            "updates": self.ema.updates,
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "batches": self.done.batches,
            "iteration": self.done.steps,
            "best": self.done.best,
            "judged": self.done.judged,
            "fitness": None if self.fitness is None else float(self.fitness),
            "best_fitness": float(stopper.best_fitness),
            "best_epoch": int(stopper.best_epoch),
        }
        checkpoint.save(a.job.folder.checkpoint_file("last"), a.identity, content)

    def validate(self) -> tuple[Any, Any]:
        """What the last validation said; the loop asks at its epochs' ends, the plan validates where the recipe says."""
        return self.metrics, self.fitness

    def save_model(self) -> bool:
        """Nothing: checkpoints are written where the weights are judged."""
        return False

    def _handle_nan_recovery(self, epoch: int) -> bool:
        """No recovery: it would go back in time unseen. :class:`StepRecord` refuses losses that are not finite."""
        return False

    def final_eval(self) -> None:
        """After the loop: judge weights that are not yet, and write the best ones in Ultralytics' own format."""
        a = self.assignment
        if self.done.steps < a.run.plan.steps:
            a.emit(Note(f"patience: Ultralytics stopped at iteration {self.done.steps} of {a.run.plan.steps}"))
        if self.done.judged != self.done.steps:
            self._judge()
        if self.args.save:
            self._write_native_weights()

    def _write_native_weights(self) -> None:
        a = self.assignment
        best = checkpoint.load(a.job.folder.checkpoint_file("best"), a.identity)
        self.ema.ema.load_state_dict(best["model"])
        self.best_fitness = self.fitness  # so that it writes its best.pt, too
        super().save_model()  # type: ignore[misc]
        self.last.unlink()
        strip_optimizer(self.best)


class YoloTrainer(_Paced, DetectionTrainer):
    """The trainer of the YOLO family."""


class TransformerTrainer(_Paced, RTDETRTrainer):
    """The trainer of RT-DETR."""


def train(assignment: Assignment) -> None:
    """The whole training.

    Raises:
        EngineError: The loss is not finite, or memory runs out.
        StopRequested: Somebody asked to stop.
    """
    kind = TransformerTrainer if assignment.config.stages == "transformer" else YoloTrainer
    kind(assignment).train()
