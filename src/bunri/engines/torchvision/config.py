"""The native config of the torchvision engine: one of torchvision's builders and its arguments, in its own words."""

import copy
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field

from bunri.engines.base import ResolvedConfig
from bunri.engines.timm_bodies import BodyConfig
from bunri.errors import ConfigError
from bunri.settings import Settings, known_keys, nearest, read_yaml


class FPNConfig(Settings):
    """``torchvision.ops.FeaturePyramidNetwork`` over the backbone's features."""

    out_channels: Annotated[int, Field(gt=0)] = 256
    """Channels of every level; FCOS wants a multiple of 32 (GroupNorm)."""
    extra_blocks: Literal["LastLevelMaxPool", "LastLevelP6P7"] | None = "LastLevelMaxPool"
    """Coarser levels on top: one by pooling, or two by convolutions."""


class BackboneConfig(BodyConfig):
    """A feature backbone of timm with an FPN."""

    fpn: FPNConfig = FPNConfig()
    """The pyramid on top."""


class DetectorConfig(Settings):
    """One detector."""

    builder: str
    """A function of ``torchvision.models.detection`` (``retinanet_resnet50_fpn_v2``), or with ``backbone`` one of its
    classes (``FasterRCNN``, ``RetinaNet``, ``FCOS``, ``SSD``)."""
    arguments: dict[str, Any] = {}
    """Arguments of the builder. An argument that is an object is written ``{class: AnchorGenerator, sizes: ...}``."""
    backbone: BackboneConfig | None = None
    """The backbone of a class builder."""
    weights: str | None = None
    """Local file with weights of the whole detector to start from; layers of another number of classes start anew."""

    @property
    def stages(self) -> str:
        """``two`` for the R-CNN family, else ``one``."""
        return "two" if "rcnn" in self.builder.lower() else "one"


CLASS_BUILDERS: Mapping[str, str] = {
    "FasterRCNN": "faster_rcnn",
    "RetinaNet": "retinanet",
    "FCOS": "fcos",
    "SSD": "ssd",
}
"""Classes of ``torchvision.models.detection`` that take a backbone, and their modules."""

FUNCTION_CLASSES: Mapping[str, str] = {
    "fasterrcnn_": "FasterRCNN",
    "retinanet_": "RetinaNet",
    "fcos_": "FCOS",
    "ssd": "SSD",
}
"""Start of a builder function's name and the class its further arguments go to."""

OWN_ARGUMENTS = ("num_classes", "backbone")
"""What the data set and the ``backbone`` section say; refused in ``arguments``."""


def read_config(text: Mapping[str, Any], source: str) -> DetectorConfig:
    """A checked detector config.

    Raises:
        ConfigError: Unknown keys, an unknown builder, or arguments the builder does not take.
    """
    config = DetectorConfig.validated(text, source)
    known = builder_arguments(config.builder, source)
    if (config.backbone is None) == (config.builder in CLASS_BUILDERS):
        need = "needs" if config.backbone is None else "takes no"
        raise ConfigError(f"{source}: builder {config.builder!r} {need} `backbone`; classes are {list(CLASS_BUILDERS)}")
    for key in config.arguments:
        if key in OWN_ARGUMENTS:
            raise ConfigError(f"{source}: arguments.{key} comes from the data set or `backbone`; remove it")
        if key not in known:
            raise ConfigError(f"{source}: arguments.{key}: {config.builder} takes no such{nearest(key, known)}")
    return config


def resolve(path: Path, overrides: Mapping[str, Any]) -> tuple[DetectorConfig, ResolvedConfig]:
    """The config of a file with overrides by dotted key, and its text before and after."""
    before = read_yaml(path, "the model config")
    read_config(before, str(path))
    after = copy.deepcopy(before)
    for dotted, value in overrides.items():
        _override(after, dotted.split("."), value)
    config = read_config(after, f"{path} with overrides")
    return config, ResolvedConfig(before=_as_text(before), after=_as_text(after))


def _as_text(values: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True))


def _override(values: dict[str, Any], keys: list[str], value: Any) -> None:
    place = values
    for depth, key in enumerate(keys[:-1]):
        if key not in place and key not in known_keys(DetectorConfig, keys[:depth]):
            raise ConfigError(f"set: {'.'.join(keys)}: unknown key {key!r}{nearest(key, list(place))}")
        inner = place.get(key)
        if inner is not None and not isinstance(inner, dict):
            raise ConfigError(f"set: {'.'.join(keys)}: {key!r} holds {inner!r}, not keys")
        place[key] = place = dict(inner or {})
    place[keys[-1]] = value


def builder_arguments(builder: str, source: str) -> list[str]:
    """Names of the arguments a builder takes, those it hands on to its class and transform included.

    Raises:
        ConfigError: torchvision has no such builder; the message names the nearest.
    """
    import torchvision.models.detection as detection
    from torchvision.models.detection.transform import GeneralizedRCNNTransform

    functions = [
        name
        for name in vars(detection)
        if name.startswith(tuple(FUNCTION_CLASSES)) and callable(getattr(detection, name))
    ]
    if builder not in (*functions, *CLASS_BUILDERS):
        raise ConfigError(
            f"{source}: builder: torchvision has no {builder!r}{nearest(builder, [*functions, *CLASS_BUILDERS])}"
        )
    makers: list[Any] = [builder_class(_class_name(builder)), GeneralizedRCNNTransform]
    if builder in functions:
        makers.append(getattr(detection, builder))
    names = {name for maker in makers for name in inspect.signature(maker).parameters}
    return sorted(names - {"self", "kwargs"})


def _class_name(builder: str) -> str:
    return next((name for start, name in FUNCTION_CLASSES.items() if builder.startswith(start)), builder)


def builder_class(name: str) -> Any:
    """The detector class of a name in ``CLASS_BUILDERS``."""
    import importlib

    return getattr(importlib.import_module(f"torchvision.models.detection.{CLASS_BUILDERS[name]}"), name)
