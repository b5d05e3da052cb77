"""Exports of models of three classes, in two views."""

from bunri.engines.exported.spec import ExportedNetworks, ExportSpec, Format, Source
from bunri.recipe import Recipe

NAMES = ("square", "bar", "disc")
RECIPE = Recipe.model_validate({"score_floor": 0.01, "tta": {"views": [{}, {"turn": "hflip", "scale": 1.5}]}})


def spec_of(networks: ExportedNetworks, runtime: Format) -> ExportSpec:
    """What ``bunri export`` says of the networks of a model of these classes."""
    return ExportSpec(
        **dict(networks),
        runtime=runtime,
        class_names=NAMES,
        category_ids=(3, 5, 8),
        tta=RECIPE.tta,
        score_floor=RECIPE.score_floor,
        max_boxes=RECIPE.max_boxes,
        source=Source(model="tiny", engine="torchvision", checkpoint_sha256="0" * 64),
    )
