"""Ultralytics' own trainers, fed from our data set and paced by a plan: which batch ends a step, and at which rate."""

import copy
from typing import Any
from unittest.mock import patch

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from ultralytics.engine import trainer as ultralytics_trainer
from ultralytics.models.rtdetr.train import RTDETRTrainer
from ultralytics.utils import SETTINGS
from ultralytics.utils.torch_utils import init_seeds

from bunri.dataset import Dataset
from bunri.engines.base import StopRequested
from bunri.engines.process_group import agreed_to_stop, mean_of, part_of_seed, rank, world_size
from bunri.engines.ultralytics.assignment import Assignment, Done
from bunri.engines.ultralytics.keeping import KeepingTrainer
from bunri.engines.ultralytics.layers import origin_of, without_weights
from bunri.engines.ultralytics.losses import StepRecord, rates
from bunri.engines.ultralytics.photos import (
    RoundLoader,
    UltralyticsPhotos,
    stream_of,
    training_loader,
    validation_loader,
)
from bunri.engines.ultralytics.pixels import seed_everything
from bunri.engines.ultralytics.validation import validator_class
from bunri.engines.ultralytics.weights import load_fitting, pretrained
from bunri.errors import EngineError
from bunri.events import Facts, PhaseStarted, Progress
from bunri.optim import build_optimizer

LOG_EVERY = 10
"""Iterations between two records of the losses."""

NEVER = 1 << 60
"""Batches to a step, where the batch at hand is not to end in one."""


def _amp_works(model: nn.Module) -> bool:
    """In place of Ultralytics' check, which downloads a model to try mixed precision with."""
    return next(model.parameters()).device.type == "cuda"


def _call_nobody(trainer: Any) -> None:
    """In place of Ultralytics' loggers and its platform, which would record and upload the run beside ours."""


ultralytics_trainer.check_amp = _amp_works
ultralytics_trainer.callbacks.add_integration_callbacks = _call_nobody
SETTINGS.update({key: False for key, value in SETTINGS.items() if isinstance(value, bool)})  # telemetry, loggers


class AnywhereParallel(nn.parallel.DistributedDataParallel):
    """Torch's; Ultralytics gives the number of a GPU also to a model that has none."""

    def __init__(self, module: nn.Module, device_ids: Any = None, **kwargs: Any) -> None:
        on_cpu = next(module.parameters()).device.type == "cpu"
        super().__init__(module, device_ids=None if on_cpu else device_ids, **kwargs)


class YoloTrainer(KeepingTrainer):
    """The trainer of the YOLO family. What is not overridden here or in its base is Ultralytics' own."""

    device: Any

    def __init__(self, assignment: Assignment) -> None:
        """Prepare; nothing is built before :meth:`train`."""
        self.assignment, self.done, self.record = assignment, Done.of(assignment.stored), StepRecord()
        self.is_transformer = assignment.config.stages == "transformer"
        model = str(assignment.config.model.get("yaml_file", "model.yaml"))
        super().__init__(overrides=copy.deepcopy(assignment.run.args) | {"model": model})
        torch.set_num_threads(assignment.job.threads)  # Ultralytics took as many as it found
        if world_size() > 1:  # it counts GPUs only, and would start the others itself
            self.world_size, self.ddp = world_size(), False
            init_seeds(self.args.seed, deterministic=self.args.deterministic)  # and one seed makes the weights
        self.add_callback("on_pretrain_routine_end", YoloTrainer.begin)
        self.add_callback("on_train_batch_end", YoloTrainer.end_batch)

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
        length = plan.round * batch // world_size()
        stream = stream_of(a.train, a.job.recipe, a.job.seed, length, lambda: self.done.batches * batch)
        photos = self._photos(a.train, batch, learning=True)
        loader = training_loader(
            photos, stream, batch // world_size(), a.job.loader_workers, self.device.type == "cuda"
        )
        return loader.left_by(lambda: plan.left_of_round(self.done.batches))

    def _photos(self, dataset: Dataset, batch: int, learning: bool) -> UltralyticsPhotos:
        recipe = self.assignment.job.recipe if learning else None
        return UltralyticsPhotos(dataset, self.args, self.stride, self.is_transformer, batch, recipe)

    def _setup_ddp(self) -> None:
        """The processes have found each other: what is left is the GPU."""
        if self.device.type == "cuda":
            self.device = torch.device("cuda", rank())

    def _setup_train(self) -> None:
        with patch.object(nn.parallel, "DistributedDataParallel", AnywhereParallel):
            super()._setup_train()

    def setup_model(self) -> None:
        """Build the config's layers and load what it starts from, running no code of a file."""
        a = self.assignment
        name = a.config.args["pretrained"]
        weights = pretrained(name) if isinstance(name, str) and a.stored is None else None
        layers = copy.deepcopy(a.config.model) if a.stored is None else without_weights(a.config.model)
        self.model = self.get_model(cfg=layers, weights=weights.module if weights else None)
        origin = origin_of(self.model) if a.stored is None else "the last checkpoint"
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

    def build_optimizer(self, model: Any, *args: Any, **kwargs: Any) -> Any:
        """The recipe's optimizer where it says one, else the config's."""
        recipe = self.assignment.job.recipe
        if recipe.says("optimizer"):
            return build_optimizer(model, recipe.optimizer)
        return super().build_optimizer(model, *args, **kwargs)

    def _setup_scheduler(self) -> None:
        if not self.assignment.run.ours:
            super()._setup_scheduler()
            return
        self.lf = lambda epoch: 1.0  # it only notes the base rates; preprocess_batch sets the rates
        self.scheduler = LambdaLR(self.optimizer, self.lf)

    def _get_warmup_iterations(self, num_batches: int) -> int:
        return self.assignment.run.plan.warmup

    def _build_train_pipeline(self) -> None:
        if self.optimizer is not None:  # Ultralytics would go on with half the batch
            raise EngineError(
                f"the GPU's memory must hold a batch, but it ran out with {self.assignment.run.batch} photos. "
                "Lower recipe.batch_size and raise recipe.accumulate as much."
            )
        super()._build_train_pipeline()

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Set the pace of the batch at hand: Ultralytics' warm-up has set its rates, the step is still to come."""
        seed_everything(self.assignment.job.seed, self.done.batches + 1, *part_of_seed())
        plan = self.assignment.run.plan
        self.accumulate = 0 if plan.ends_step[self.done.batches] else NEVER
        if self.assignment.run.ours:
            factor = self.assignment.job.recipe.schedule.factor(self.done.steps, plan.steps)
            for group in self.optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
        return dict(super().preprocess_batch(batch))

    def optimizer_step(self) -> None:
        """Ultralytics' step, which clips gradients at a norm of 10; with the recipe's norm where it says one."""
        recipe = self.assignment.job.recipe
        if self.is_transformer and world_size() > 1:
            self._undo_sum()
        if not recipe.says("clip_norm"):
            super().optimizer_step()
            return
        self.scaler.unscale_(self.optimizer)
        if recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        self.ema.update(self.model)

    def _undo_sum(self) -> None:
        """Ultralytics sums gradients over processes, as YOLO's loss grows with the batch; RT-DETR's does not."""
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                parameter.grad /= world_size()

    def begin(self) -> None:
        """Called back before the first batch."""
        a = self.assignment
        a.emit(Facts({"optimizer": type(self.optimizer).__name__}))
        a.emit(PhaseStarted("train", a.run.plan.steps, self.done.steps))
        seed_everything(a.job.seed, self.done.batches)
        self.record.restart()

    def end_batch(self) -> None:
        """Called back after each batch.

        Raises:
            StopRequested: Somebody asked to stop; the last checkpoint is written.
        """
        plan, batch = self.assignment.run.plan, self.done.batches
        # YOLO's loss grows with the batch, and both with the number of processes.
        per_photo = world_size() if self.is_transformer else self.assignment.run.batch
        self.record.add(self.loss / per_photo, self.loss_items)
        self.done.batches += 1
        if not plan.ends_step[batch]:
            return
        self.done.steps += 1
        self._tell()
        self.stop = self.done.steps == plan.steps
        if plan.judged[batch]:
            self.judge()
        if agreed_to_stop():
            if not plan.judged[batch]:
                self.keep()
            raise StopRequested
        self.record.restart()

    def _tell(self) -> None:
        self.assignment.emit(Progress(self.done.steps))
        if self.done.steps % LOG_EVERY == 0 or self.done.steps == self.assignment.run.plan.steps:
            self.emit_scalars(mean_of(self.record.scalars(self.done.steps)) | rates(self.optimizer.param_groups))


class TransformerTrainer(YoloTrainer, RTDETRTrainer):
    """The trainer of RT-DETR."""


def train(assignment: Assignment) -> None:
    """The whole training.

    Raises:
        EngineError: The loss is not finite, or memory runs out.
        StopRequested: Somebody asked to stop.
    """
    kind = TransformerTrainer if assignment.config.stages == "transformer" else YoloTrainer
    kind(assignment).train()
