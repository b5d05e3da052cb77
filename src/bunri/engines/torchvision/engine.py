"""The adapter: reads the native config and builds the detector; the loop is bunri's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bunri.engines.base import ResolvedConfig
from bunri.engines.loop.engine import LoopEngine
from bunri.engines.torchvision.builders import build_detector, mistakes_in, open_score_floor
from bunri.engines.torchvision.config import read_config, resolve
from bunri.engines.torchvision.detector import TorchvisionDetector
from bunri.engines.torchvision.trying import mistakes_when_tried
from bunri.errors import ConfigError
from bunri.recipe import Recipe
from bunri.settings import parse_yaml


class TorchvisionEngine(LoopEngine):
    """torchvision's detectors behind the engine's door."""

    def resolve(self, config: Path, overrides: Mapping[str, Any]) -> ResolvedConfig:
        """The native config with overrides; downloads nothing, but looks whether what it names is there and fits."""
        detector, resolved = resolve(config, overrides)
        if mistakes := mistakes_in(detector) or mistakes_when_tried(detector):
            raise ConfigError("\n".join(mistakes), mistakes)
        return resolved

    def build(self, config: str, class_names: tuple[str, ...], recipe: Recipe) -> TorchvisionDetector:
        """The model of a builder or class, with its floor opened down to the recipe's."""
        checked = read_config(parse_yaml(config), "the resolved config")
        model, origin = build_detector(checked, len(class_names))
        open_score_floor(model, recipe.score_floor, recipe.max_boxes)
        filled_in = (
            f"# Filled in: num_classes {len(class_names) + 1} with the background, from the data; "
            f"score floor {recipe.score_floor:g} and at most {recipe.max_boxes} boxes, from the recipe.\n"
        )
        return TorchvisionDetector(model, {"weights": origin, "stages": checked.stages}, config + filled_in)
