"""Detectron2's trainers with our hooks: its default trainer for yacs configs, its loop for LazyConfigs."""

from typing import Any

from detectron2.config import instantiate
from detectron2.engine import (
    AMPTrainer,
    DefaultTrainer,
    SimpleTrainer,
    create_ddp_model,
    default_writers,
    defaults,
    hooks,
)
from detectron2.solver import LRMultiplier

from bunri.engines.detectron2.hooks import Keeper, Recorder, validate_and_keep
from bunri.engines.detectron2.lazy_config import LazyModel
from bunri.engines.detectron2.models import prepare_to_train, restore
from bunri.engines.detectron2.run import Run
from bunri.engines.detectron2.yacs_config import YacsModel
from bunri.engines.process_group import is_first
from bunri.errors import EngineError


def _parallel(model: Any, **kwargs: Any) -> Any:
    """Detectron2's :func:`create_ddp_model`, for models on the CPU too, and for parameters that a batch may not use."""
    return create_ddp_model(model, **{"find_unused_parameters": True, "device_ids": None, **kwargs})


defaults.create_ddp_model = _parallel  # what its default trainer calls, with broadcast_buffers=False


class YacsTrainer(DefaultTrainer):
    """Detectron2's default trainer: photos in our order, the recipe's optimizer and schedule, our checkpoints."""

    def __init__(self, run: Run, cfg: Any) -> None:
        self.run = run
        super().__init__(cfg)
        self.start_iter = run.done

    def build_optimizer(self, cfg: Any, model: Any) -> Any:
        """The recipe's, else the config's."""
        return self.run.optimizer(model, lambda: DefaultTrainer.build_optimizer(cfg, model))

    def build_lr_scheduler(self, cfg: Any, optimizer: Any) -> Any:
        """The recipe's, else the config's."""
        schedule = self.run.schedule()
        if schedule is None:
            return DefaultTrainer.build_lr_scheduler(cfg, optimizer)
        return LRMultiplier(optimizer, schedule, self.run.lengths.total)

    def build_train_loader(self, cfg: Any) -> Any:
        """Photos in our order."""
        return self.run.loader()

    def build_hooks(self) -> list[Any]:
        """The trainer's own hooks, with our checkpoints in place of its."""
        own = [hook for hook in super().build_hooks() if not isinstance(hook, hooks.PeriodicCheckpointer)]
        return [Recorder(self.run), *own, Keeper(self.run)]

    def test(self, cfg: Any, model: Any, evaluators: Any = None) -> dict[str, Any]:
        """What the trainer's own evaluation hook calls."""
        return validate_and_keep(self.run, self)


def lazy_trainer(run: Run, native: LazyModel) -> Any:
    """The trainer of Detectron2's script for LazyConfigs, with the same hooks as there."""
    model = native.build_model()
    optimizer = run.optimizer(model, lambda: native.build_optimizer(model))
    kind = AMPTrainer if native.cfg.train.amp.enabled else SimpleTrainer
    trainer = kind(_parallel(model, **native.ddp_arguments()), run.loader(), optimizer)
    trainer.register_hooks(
        [
            Recorder(run),
            hooks.IterationTimer(),
            hooks.LRScheduler(scheduler=run.schedule() or instantiate(native.cfg.lr_multiplier)),
            hooks.EvalHook(run.lengths.validate_every, lambda: validate_and_keep(run, trainer)),
            *_native_writers(run, native),
            Keeper(run),
        ]
    )
    return trainer


def _native_writers(run: Run, native: LazyModel) -> list[Any]:
    if not is_first():
        return []
    writers = default_writers(str(run.job.folder.native_folder), run.lengths.total)
    return [hooks.PeriodicWriter(writers, native.log_period)]


def trainer_of(run: Run) -> Any:
    """The trainer of a run's kind of config."""
    if isinstance(run.native, LazyModel):
        return lazy_trainer(run, run.native)
    assert isinstance(run.native, YacsModel)
    return YacsTrainer(run, run.native.cfg)


def train(run: Run) -> None:
    """Train to the end.

    Raises:
        EngineError: The loss is not finite.
        StopRequested: Somebody asked to stop; the last checkpoint is written.
    """
    trainer = trainer_of(run)
    prepare_to_train(run, trainer)
    restore(run, trainer)
    if run.done >= run.lengths.total:
        return
    try:
        if isinstance(trainer, YacsTrainer):
            trainer.train()
        else:
            trainer.train(run.done, run.lengths.total)
    except FloatingPointError as error:
        raise EngineError(
            f"the loss must be finite, but {error}. "
            "Lower optimizer.lr, lengthen schedule.warmup_iterations or set clip_norm."
        ) from error
