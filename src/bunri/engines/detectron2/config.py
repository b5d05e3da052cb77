"""Which of Detectron2's two kinds a config is, and reading either."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bunri.engines.base import Job, ResolvedConfig
from bunri.engines.detectron2.lazy_config import LazyModel, read_lazy
from bunri.engines.detectron2.native import Given
from bunri.engines.detectron2.yacs_config import YacsModel, check_text, read_yacs
from bunri.engines.detectron2.zoo import config_file, zoo_folder
from bunri.engines.weights import check_file, check_origin
from bunri.errors import BunriError, ConfigError
from bunri.files import read_bytes
from bunri.recipe import Recipe

Model = YacsModel | LazyModel


def resolve(config: Path, overrides: Mapping[str, Any]) -> ResolvedConfig:
    """A native config of either kind with overrides; its model is built once to see that it can be, without weights."""
    before, model = read(config, overrides)
    check_weights(model)
    resolved = ResolvedConfig(before=before, after=model.text)
    check_building(model_of_text(resolved), str(config))
    return resolved


def check_building(model: Model, source: str) -> None:
    """Build a model, which fails where its parts do not fit, as anchors and levels may not; it is used up by that.

    Raises:
        ConfigError: Detectron2 refuses; the reason is its own.
    """
    model.point_at(_NOTHING_GIVEN)
    model.without_backbone_weights()
    try:
        model.build_model()
    except BunriError:
        raise
    except Exception as error:  # of the framework or of a part of the user's own, in whatever way it fails
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{source}: Detectron2 cannot build the model, as its parts do not fit: {reason}") from error


_NOTHING_GIVEN = Given(2, Path(), 0, "cpu", 0, 1, 1, 0, Recipe())
"""For a model that is built and thrown away."""


def is_code(config: Path) -> bool:
    """Whether a config is a LazyConfig that does not come with Detectron2; a yacs config is data."""
    path = config_file(config)
    if path.resolve().is_relative_to(zoo_folder()):
        return False
    return _is_lazy_file(path)


def _is_lazy_file(path: Path) -> bool:
    return path.suffix == ".py" or is_lazy(read_bytes(path, "the model config"), str(path))


def check_weights(model: Model) -> None:
    """Find out whether the weights to start from are there, as far as that takes no network.

    Raises:
        ConfigError: A file is absent, or the packaged weights are of another backbone.
    """
    if model.weights and "://" not in model.weights:
        check_file(model.weights.split("?")[0], "MODEL.WEIGHTS (train.init_checkpoint)")
    for backbone in model.timm_weights():
        check_origin(backbone, "the weights of the timm backbone")


def read(config: Path, overrides: Mapping[str, Any]) -> tuple[str, Model]:
    """A config of a file or of the model zoo: its text before the overrides, and the model with them."""
    path = config_file(config)
    if _is_lazy_file(path):
        return read_lazy(path, overrides)
    return read_yacs(path, overrides)


def model_of_job(job: Job) -> Model:
    """The model of a job: as it was resolved before, else resolved now."""
    if job.resolved is not None:
        return read(job.resolved, {})[1]
    return read(job.config, job.overrides)[1]


def model_of_text(resolved: ResolvedConfig) -> Model:
    """The model of a resolved config's text."""
    if not is_lazy(resolved.after.encode(), "the resolved config"):
        return YacsModel(check_text(resolved.after))
    from omegaconf import OmegaConf

    return LazyModel(OmegaConf.create(yaml.unsafe_load(resolved.after), flags={"allow_objects": True}))


def is_lazy(text: bytes, source: str) -> bool:
    """Whether a YAML text is a saved LazyConfig: its keys are written small; nothing of it is constructed.

    Raises:
        ConfigError: It is not YAML.
    """
    try:
        top = yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"the model config {source} must be YAML or end in .py, but: {error}") from error
    keys = [key.value for key, _ in top.value] if isinstance(top, yaml.MappingNode) else []
    return "model" in keys
