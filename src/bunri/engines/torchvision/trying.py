"""A detector is tried once before anything trains: what torchvision finds out only when photos come is told then."""

from typing import Any

import torch

from bunri.engines.torchvision.builders import build_detector
from bunri.engines.torchvision.config import DetectorConfig
from bunri.errors import ConfigError, words_of

SIDE = 128
"""Pixels of the photos of the trial, where the model takes photos of any size."""


def mistakes_when_tried(config: DetectorConfig) -> tuple[str, ...]:
    """Why a detector of random weights cannot learn from two photos and look at one; nothing where it can."""
    try:
        with torch.random.fork_rng(devices=[]):
            _try_out(config)
    except ConfigError as error:
        return error.mistakes
    except Exception as error:  # of torchvision or timm, which check little before photos come
        reason = words_of(error).splitlines()[0]
        return (f"the parts of {config.builder} do not fit: {reason}",)
    return ()


def _try_out(config: DetectorConfig) -> None:
    model: Any = build_detector(_without_weights(config), 2)[0]
    if model.transform.fixed_size is None:
        model.transform.min_size, model.transform.max_size = (SIDE,), SIDE
    photos = list(torch.rand(2, 3, SIDE, SIDE))
    target = {"boxes": torch.tensor([[8.0, 8.0, 72.0, 72.0]]), "labels": torch.tensor([1])}
    model.train()(photos, [target, target])
    with torch.no_grad():
        model.eval()(photos[:1])


def _without_weights(config: DetectorConfig) -> DetectorConfig:
    named = {key: None for key in config.arguments if key in ("weights", "weights_backbone")}
    changes: dict[str, Any] = {"weights": None, "arguments": {**config.arguments, **named}}
    if config.backbone is not None:
        changes["backbone"] = config.backbone.model_copy(update={"weights": None})
    return config.model_copy(update=changes)
