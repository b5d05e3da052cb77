"""From a detector config to a torchvision model."""

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from bunri.engines.timm_bodies import check_name
from bunri.engines.torchvision.backbones import build_backbone
from bunri.engines.torchvision.config import DetectorConfig, builder_class
from bunri.engines.weights import check_file, check_origin, downloading, load_detector_weights
from bunri.errors import ConfigError
from bunri.settings import nearest

OBJECT_MODULES = (
    "torchvision.models.detection.anchor_utils",
    "torchvision.models.detection.faster_rcnn",
    "torchvision.models.detection.retinanet",
    "torchvision.models.detection.fcos",
    "torchvision.models.detection.ssd",
    "torchvision.models.detection.ssdlite",
    "torchvision.models.detection.rpn",
    "torchvision.ops",
    "torch.nn",
)
"""Where the classes of ``{class: ...}`` arguments are looked up, in order; nothing else can be built from a config."""


def build_detector(config: DetectorConfig, num_foreground: int) -> tuple[nn.Module, str]:
    """The model for a number of classes (background not counted), and a sentence on the weights it starts from.

    Raises:
        ConfigError: torchvision or timm refuse the config; the message is theirs.
        DataError: A weights file does not fit.
        EngineError: Weights cannot be downloaded.
    """
    num_classes = num_foreground + 1
    arguments = {key: _value(value, num_classes, f"arguments.{key}") for key, value in config.arguments.items()}
    try:
        with downloading(f"weights of {config.builder}"):
            model, origin = _build(config, arguments, num_classes)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise ConfigError(f"torchvision refuses the config of {config.builder}: {error}") from error
    if config.weights is not None:
        origin = load_detector_weights(model, config.weights)
    return model.to(memory_format=torch.channels_last), origin


def _build(config: DetectorConfig, arguments: dict[str, Any], num_classes: int) -> tuple[nn.Module, str]:
    import torchvision.models.detection as detection

    if config.backbone is None:
        builder = getattr(detection, config.builder)
        plain: dict[str, Any] = {"weights": None, "weights_backbone": None}
        chosen = plain | arguments
        if chosen["weights"] is not None:
            return _fine_tuned(builder, chosen, num_classes)
        model: nn.Module = builder(num_classes=num_classes, **chosen)
        return model, f"torchvision {config.builder}: backbone {chosen['weights_backbone'] or 'random'}"
    backbone, origin = build_backbone(config.backbone)
    arguments = {"image_mean": backbone.image_mean, "image_std": backbone.image_std} | arguments
    if config.builder == "SSD":
        backbone.out_channels = [config.backbone.fpn.out_channels] * backbone.levels
    if "box_predictor" not in arguments:
        arguments["num_classes"] = num_classes
    return builder_class(config.builder)(backbone, **arguments), origin


def _fine_tuned(builder: Any, arguments: Mapping[str, Any], num_classes: int) -> tuple[nn.Module, str]:
    """A builder's detector with torchvision's weights, but for the layers that tell classes apart.

    torchvision builds trained detectors with the classes of their weights only. The trained backbone is taken as it is
    built then, with the norms and the layers torchvision freezes; of the heads all tensors that fit.
    """
    trained: Any = builder(**arguments)
    model: Any = builder(num_classes=num_classes, **{**arguments, "weights": None, "weights_backbone": None})
    model.backbone = trained.backbone
    wanted = model.state_dict()
    fitting = {k: v for k, v in trained.state_dict().items() if k in wanted and wanted[k].shape == v.shape}
    model.load_state_dict(fitting, strict=False)
    origin = f"torchvision {builder.__name__}: {arguments['weights']}, {len(fitting)} of {len(wanted)} tensors"
    return model, origin


def mistakes_in(config: DetectorConfig) -> tuple[str, ...]:
    """What is wrong with the values of a config, one sentence each; nothing is downloaded or trained."""
    checks: list[Callable[[], object]] = [
        partial(_value, value, 2, f"arguments.{key}") for key, value in config.arguments.items()
    ]
    if config.weights is not None:
        checks.append(partial(check_file, config.weights, "weights"))
    if config.backbone is not None:
        checks += [partial(check_name, config.backbone.name), partial(check_origin, config.backbone)]
    return tuple(mistake for check in checks for mistake in _mistakes_of(check))


def _mistakes_of(check: Callable[[], object]) -> tuple[str, ...]:
    try:
        check()
    except ConfigError as error:
        return error.mistakes
    return ()


def _value(value: Any, num_classes: int, place: str) -> Any:
    if isinstance(value, Mapping) and "class" in value:
        return _object(value, num_classes, place)
    if isinstance(value, list):
        return tuple(_value(item, num_classes, f"{place}[{i}]") for i, item in enumerate(value))
    return value


def _object(value: Mapping[str, Any], num_classes: int, place: str) -> Any:
    kind = _class(str(value["class"]), place)
    known = inspect.signature(kind).parameters
    given = {key: _value(inner, num_classes, f"{place}.{key}") for key, inner in value.items() if key != "class"}
    for key in given:
        if key not in known and not any(p.kind is p.VAR_KEYWORD for p in known.values()):
            raise ConfigError(f"{place}.{key}: {kind.__name__} takes no such{nearest(key, list(known))}")
    if "num_classes" in known:
        given.setdefault("num_classes", num_classes)
    try:
        return kind(**given)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{place}: {kind.__name__} refuses its arguments: {error}") from error


def _class(name: str, place: str) -> Any:
    known = dict(_known_classes())
    if name not in known:
        raise ConfigError(f"{place}.class: torchvision has no {name!r}{nearest(name, list(known))}")
    return known[name]


def _known_classes() -> Iterator[tuple[str, Any]]:
    for module in reversed(OBJECT_MODULES):
        for name, value in vars(importlib.import_module(module)).items():
            if inspect.isclass(value):
                yield name, value


def open_score_floor(model: nn.Module, score_floor: float, max_boxes: int) -> None:
    """Let the model give every box from the floor up, so that all models are dumped alike."""
    part: Any = getattr(model, "roi_heads", model)
    part.score_thresh = score_floor
    part.detections_per_img = max_boxes


def scale_input(model: nn.Module, scale: float) -> None:
    """Change the size the model sees by a factor; call it on a fresh copy of the transform's sizes."""
    transform: Any = model.transform
    transform.min_size = tuple(round(side * scale) for side in transform.min_size)
    transform.max_size = round(transform.max_size * scale)
    if transform.fixed_size is not None:
        transform.fixed_size = tuple(round(side * scale) for side in transform.fixed_size)
