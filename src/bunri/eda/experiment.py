"""What an experiment file says of augmentation and of the size its models see."""

import json
from dataclasses import dataclass
from pathlib import Path

from bunri.augment import Pipeline
from bunri.config import Experiment, ModelSettings, load_experiment
from bunri.config.overrides import apply_overrides
from bunri.eda.resizing import Resize, native_resize
from bunri.errors import DataError, UsageError
from bunri.settings import nearest, read_yaml


@dataclass(frozen=True)
class Plan:
    """What becomes of photos before a model sees them.

    Attributes:
        pipeline: The Albumentations transforms.
        models: Names of the models with this pipeline.
        resizes: Ways the models resize photos, as far as their configs say it alone; unique by name.
        python_path: Folders of transforms of the user's own.
    """

    pipeline: Pipeline
    models: tuple[str, ...]
    resizes: tuple[Resize, ...]
    python_path: tuple[Path, ...]


def read_plan(path: Path, model: str | None = None) -> Plan:
    """The plan of a model of an experiment; without a name that of the first model that augments.

    Raises:
        ConfigError: The experiment has mistakes.
        UsageError: It has no model of this name.
    """
    experiment = load_experiment(path)
    chosen = _chosen(experiment, model)
    like = [other for other in experiment.models if other.recipe.augment == chosen.recipe.augment]
    return Plan(
        pipeline=chosen.recipe.augment,
        models=(chosen.name,) if model else tuple(other.name for other in like),
        resizes=_resizes([chosen] if model else list(experiment.models)),
        python_path=experiment.python_path,
    )


def _chosen(experiment: Experiment, model: str | None) -> ModelSettings:
    names = [settings.name for settings in experiment.models]
    if model is None:
        return next((settings for settings in experiment.models if settings.recipe.augment), experiment.models[0])
    if model not in names:
        raise UsageError(f"--model must be one of the experiment's, but {model!r} is not{nearest(model, names)}")
    return experiment.model(model)


def _resizes(models: list[ModelSettings]) -> tuple[Resize, ...]:
    named = {resize.name: resize for model in models if (resize := _resize_of(model)) is not None}
    return tuple(named.values())


def _resize_of(model: ModelSettings) -> Resize | None:
    if model.config.suffix not in (".yaml", ".yml"):
        return None
    values = read_yaml(model.config, f"the config of {model.name}")
    overrides = [f"{key}={json.dumps(value)}" for key, value in model.set.items()]
    return native_resize(model.engine, apply_overrides(values, overrides))


def augmentation_of(plan: Plan | None) -> Plan:
    """The plan, where it augments.

    Raises:
        DataError: There is none; the message says how to give one.
    """
    if plan is None:
        raise DataError("an experiment must say how photos are augmented; give it with --experiment EXPERIMENT.yaml.")
    if not plan.pipeline:
        raise DataError(f"{', '.join(plan.models)} must have transforms in recipe.augment, but there are none.")
    return plan
