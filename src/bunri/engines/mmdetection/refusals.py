"""What MMDetection cannot honour of a recipe with a model."""

from collections.abc import Mapping
from typing import Any

from bunri.engines.mmdetection.loaders import innermost
from bunri.engines.mmdetection.pipelines import kind
from bunri.recipe import Recipe


def refusals(values: Mapping[str, Any], recipe: Recipe) -> list[str]:
    """One sentence for each field, ``<field>: why``."""
    return [*_sizes(values, recipe), *_optimizer(values, recipe)]


def _sizes(values: Mapping[str, Any], recipe: Recipe) -> list[str]:
    """Views of other scales need a test pipeline that says a size."""
    pipeline = innermost(values["val_dataloader"]["dataset"])["pipeline"]
    scaled = any(view.scale != 1.0 for view in recipe.tta.views)
    if scaled and not any(kind(t) in ("Resize", "FixScaleResize", "FixShapeResize") for t in pipeline):
        return ["tta: views of another scale need a Resize in val_dataloader's pipeline, and there is none"]
    return []


def _optimizer(values: Mapping[str, Any], recipe: Recipe) -> list[str]:
    """Schedules and clipping are set on one optimizer; a wrapper with several has its own."""
    said = [name for name in ("schedule", "accumulate", "clip_norm", "amp") if recipe.says(name)]
    wrapper = values.get("optim_wrapper") or {}
    if not said or recipe.says("optimizer") or "optimizer" in wrapper:
        return []
    return [f"{name}: optim_wrapper has no single optimizer it could be set on" for name in said]
