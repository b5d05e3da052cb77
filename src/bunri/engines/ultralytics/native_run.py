"""From a native config and a recipe to how Ultralytics is to run: its own arguments, and the plan of the training."""

from dataclasses import dataclass
from typing import Any

from bunri.dataset import Dataset
from bunri.engines.base import Job
from bunri.engines.feeding import repeat_factors
from bunri.engines.ultralytics.config import NativeConfig
from bunri.engines.ultralytics.plan import Pace, Plan
from bunri.errors import ConfigError
from bunri.recipe import Recipe

RANDOM_AUGMENTATION = (
    "hsv_h",
    "hsv_s",
    "hsv_v",
    "degrees",
    "translate",
    "scale",
    "shear",
    "perspective",
    "flipud",
    "fliplr",
    "bgr",
    "mosaic",
    "mixup",
    "cutmix",
    "copy_paste",
)
"""Keys of Ultralytics' own augmentation of detectors; all are 0 where the recipe brings its pipeline."""


@dataclass(frozen=True)
class NativeRun:
    """How Ultralytics is to train.

    Attributes:
        args: Its arguments, all of them.
        plan: Every batch.
        batch: Photos in a batch.
        ours: Whether the recipe says the optimizer or the schedule, and so the rate at every step.
    """

    args: dict[str, Any]
    plan: Plan
    batch: int
    ours: bool


def batch_refusal(config: NativeConfig, recipe: Recipe) -> list[str]:
    """Why the batch size of a config cannot be used, where the recipe says none."""
    batch = config.args["batch"]
    if recipe.says("batch_size") or (batch >= 1 and batch == int(batch)):
        return []
    return [
        f"batch_size: the config says batch: {batch}, which lets Ultralytics measure the memory; an experiment must be "
        "the same on every machine. Say recipe.batch_size"
    ]


def batch_of(config: NativeConfig, recipe: Recipe) -> int:
    """Photos in a batch, where :func:`batch_refusal` has nothing against it."""
    return recipe.batch_size if recipe.says("batch_size") else int(config.args["batch"])


def native_run(config: NativeConfig, job: Job, train: Dataset, device: str) -> NativeRun:
    """What the recipe says wins; what it does not say stays as the native config has it.

    Args:
        config: The native config.
        job: Recipe, seed and run folder.
        train: Photos to learn.
        device: As Ultralytics writes it.

    Raises:
        ConfigError: The config's batch size is none.
    """
    recipe = job.recipe
    if refusals := batch_refusal(config, recipe):
        raise ConfigError(f"recipe.{refusals[0]}")
    batch = batch_of(config, recipe)
    ours = recipe.says("optimizer") or recipe.says("schedule")
    plan = Plan.of(_pace(config, recipe, float(repeat_factors(train, recipe).sum()), batch, ours))
    changed = _places(job, device) | _paces(recipe, plan, batch, ours) | _augmentation(recipe)
    changed |= _precision(config, recipe, device) | _predictions(config, recipe)
    return NativeRun({**config.args, **changed}, plan, batch, ours)


def _pace(config: NativeConfig, recipe: Recipe, photos: float, batch: int, ours: bool) -> Pace:
    said = _says_step(recipe)
    return Pace(
        epoch=photos / batch,
        epochs=float(recipe.epochs or config.args["epochs"]),
        steps=recipe.iterations,
        accumulate=recipe.accumulate if said else max(round(config.args["nbs"] / batch), 1),
        warmup_epochs=0.0 if ours else float(config.args["warmup_epochs"]),
        validate_every=recipe.validate_every,
        rising=not (said or ours),
    )


def _says_step(recipe: Recipe) -> bool:
    """Whether the recipe says how many photos make a step, which else is the config's nominal ``nbs``."""
    return recipe.says("batch_size") or recipe.says("accumulate")


def _places(job: Job, device: str) -> dict[str, Any]:
    """What the experiment owns: where the data is, where files go, on what it runs."""
    data = str(job.train.annotations) if job.train is not None else None
    owned: dict[str, Any] = {"data": data, "save_dir": str(job.folder.native_folder), "project": None, "name": None}
    return owned | {
        "exist_ok": True,
        "device": device,
        "workers": job.loader_workers,
        "seed": job.seed,
        "val": True,
    }


def _paces(recipe: Recipe, plan: Plan, batch: int, ours: bool) -> dict[str, Any]:
    changed: dict[str, Any] = {"batch": batch, "epochs": plan.rounds}
    if _says_step(recipe):
        changed["nbs"] = batch * recipe.accumulate
    if ours:
        changed["warmup_epochs"] = 0.0
    if recipe.says("optimizer"):
        changed["optimizer"] = recipe.optimizer.name
    return changed


def _augmentation(recipe: Recipe) -> dict[str, Any]:
    if not recipe.says("augment"):
        return {}
    return {**dict.fromkeys(RANDOM_AUGMENTATION, 0.0), "close_mosaic": 0}


def _precision(config: NativeConfig, recipe: Recipe, device: str) -> dict[str, Any]:
    """Mixed precision only on a GPU; a CPU would take the words of the recipe for bfloat16."""
    amp: Any = recipe.amp if recipe.says("amp") else config.args["amp"]
    return {"amp": amp if device != "cpu" or amp == "bf16" else False}


def _predictions(config: NativeConfig, recipe: Recipe) -> dict[str, Any]:
    """Nothing is cut before the recipe's own floor and number of boxes."""
    return {"conf": recipe.score_floor, "max_det": max(config.args["max_det"], recipe.max_boxes)}
