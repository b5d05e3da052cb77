"""Judging, keeping and taking up again: the part of our trainer that Ultralytics does at the end of its epochs."""

import time
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils.torch_utils import strip_optimizer, unwrap_model

from bunri.dataset import Dataset
from bunri.engines import checkpoint
from bunri.engines.process_group import is_first
from bunri.engines.ultralytics.assignment import Assignment, Done
from bunri.engines.ultralytics.losses import StepRecord
from bunri.engines.validating import Validator, native_scalars
from bunri.events import Note, PhaseStarted, Resumed, Scalars


class KeepingTrainer(DetectionTrainer):
    """Ultralytics' trainer with checkpoints of ours, at optimizer steps."""

    assignment: Assignment
    done: Done
    record: StepRecord

    def resume_training(self, ckpt: Any) -> None:
        """Take up where our checkpoint left off, at the very batch; Ultralytics' own know whole epochs only.

        Called once everything is built, also where there is nothing to resume.
        """
        a, stored = self.assignment, self.assignment.stored
        if a.job.recipe.says("ema"):
            self.ema.decay = lambda updates: a.job.recipe.ema
        if stored is None:
            return
        unwrap_model(self.model).load_state_dict(stored["model"])
        self.ema.ema.load_state_dict(stored["average"])
        self.optimizer.load_state_dict(stored["optimizer"])
        self.scaler.load_state_dict(stored["scaler"])
        self.ema.updates, self.fitness = stored["updates"], stored["fitness"]
        self.stopper.best_fitness, self.stopper.best_epoch = stored["best_fitness"], stored["best_epoch"]
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

    def emit_scalars(self, values: Mapping[str, float]) -> None:
        """Numbers as of now."""
        epoch = self.done.batches / self.assignment.run.plan.epoch
        self.assignment.emit(Scalars(self.done.steps, dict(values), epoch))

    def judge(self) -> None:
        """Validate the average of the weights, keep the best and the last; of several processes the first does."""
        self.done.judged = self.done.steps
        a = self.assignment
        if not is_first():
            return
        if a.val is None or self._is_best(a.val):
            weights = {"model": self.ema.ema.state_dict(), "iteration": self.done.steps, "mAP50": self.done.best}
            checkpoint.save(a.job.folder.checkpoint_file("best"), a.identity, weights)
        self.keep()
        a.emit(PhaseStarted("train", a.run.plan.steps, self.done.steps))

    def _is_best(self, val: Dataset) -> bool:
        a, started = self.assignment, time.monotonic()
        a.emit(PhaseStarted("validate", len(val)))
        with patch.object(self, "world_size", 1):  # the others do not validate
            self.metrics, self.fitness = super().validate()
        validator = Validator(val, a.emit, self.done.best)
        values, is_best = validator.judge(self.validator.predictions())
        self.done.best = validator.best
        native = native_scalars({**self.metrics, "fitness": self.fitness})
        self.emit_scalars(values | native | {"time/validate": time.monotonic() - started})
        return is_best

    def keep(self) -> None:
        """Write the last checkpoint.

        Raises:
            EngineError: The loss is not finite, so neither are the weights worth keeping.
        """
        self.record.scalars(self.done.steps)
        if not is_first():
            return
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
        """What the last validation said: the loop asks at its epochs' ends, the plan validates at the recipe's."""
        return self.metrics, self.fitness

    def save_model(self) -> bool:
        """Nothing: checkpoints are written where the weights are judged."""
        return False

    def _handle_nan_recovery(self, epoch: int) -> bool:
        """No recovery: it would go back in time unseen. :class:`StepRecord` refuses losses that are not finite."""
        return False

    def final_eval(self) -> None:
        """After the loop: judge weights that are not yet, and write the best ones in Ultralytics' own format."""
        done, total = self.done, self.assignment.run.plan.steps
        if done.steps < total:
            self.assignment.emit(Note(f"patience: Ultralytics stopped at iteration {done.steps} of {total}"))
        if done.judged != done.steps:
            self.judge()
        if self.args.save and is_first():
            self._write_native_weights()

    def _write_native_weights(self) -> None:
        a = self.assignment
        best = checkpoint.load(a.job.folder.checkpoint_file("best"), a.identity)
        self.ema.ema.load_state_dict(best["model"])
        self.best_fitness = self.fitness  # so that it writes its best.pt, too
        super().save_model()
        self.last.unlink()
        strip_optimizer(self.best)
