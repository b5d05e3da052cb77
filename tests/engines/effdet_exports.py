"""Run by the Python that has effdet: exports small models, and keeps what effdet itself finds with them."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bunri.engines.base import ExportWish
from bunri.engines.effdet.detector import EfficientDetDetector, letterbox_of, normalized
from bunri.engines.effdet.exporting import pixels_of
from bunri.engines.exported.pixels import batch_of
from bunri.errors import BunriError
from bunri.files import write_json
from bunri.recipe import Recipe
from effdet_probe import config, detector
from export_specs import NAMES, RECIPE

KINDS: dict[str, dict[str, Any]] = {
    "oblong": {"max_detection_points": 300},
    "soft": {"soft_nms": True, "image_size": [128, 128], "max_detection_points": 60},
    "mean_fill_bicubic": {"fill_color": "mean", "interpolation": "bicubic", "max_detection_points": 200},
}
"""By name what is said over the probe's config."""

SHAPES = ((64, 96), (90, 60), (30, 31), (400, 170))
ONE_SCALE = Recipe.model_validate({"score_floor": RECIPE.score_floor, "tta": {"views": [{}, {"turn": "hflip"}]}})


def photos() -> list[Any]:
    """Smaller and larger than the frame."""
    return [np.random.default_rng(h * w).integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in SHAPES]


def model_of(kind: str) -> EfficientDetDetector:
    """A model whose scores differ from box to box, as a trained one's do."""
    torch.manual_seed(3)
    made = detector(len(NAMES), **KINDS[kind])
    for parameter in made.model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter.detach(), nonlinearity="relu")
    model: Any = made.model.eval()
    for net in (model.class_net, model.box_net):
        net.predict.conv_pw.bias.detach().zero_()
    with torch.no_grad():
        outputs = model(torch.randn(1, 3, *model.config.image_size))
    for net, levels, spread in zip((model.class_net, model.box_net), outputs, (0.7, 0.5), strict=True):
        found = torch.cat([level.flatten() for level in levels])
        net.predict.conv_pw.weight.detach().mul_(spread / found.std())
    return made


def exported(kind: str, folder: Path) -> list[Any]:
    """What effdet finds, by photo."""
    made = model_of(kind)
    folder.mkdir()
    networks = made.export(ONE_SCALE, ExportWish(format="onnx", folder=folder))
    write_json(folder / "export.json", networks.model_dump(mode="json"))
    seen = made.finder(made.model, torch.device("cpu"))(photos(), 1.0)
    return [
        {"box": found.box_xyxy.tolist(), "label": found.class_index.tolist(), "score": found.score.tolist()}
        for found in seen
    ]


def pixels_are_equal(kind: str) -> list[bool]:
    """By photo, whether the export's input is that of effdet to the bit."""
    values = config(**KINDS[kind])
    letterbox = letterbox_of(values)
    given = [normalized(torch.from_numpy(letterbox(photo).image[None]), values) for photo in photos()]
    ours = batch_of(photos(), pixels_of(values, letterbox), 1.0)
    return [np.array_equal(mine, theirs[0].numpy()) for mine, theirs in zip(ours.images, given, strict=True)]


def refusal_of_a_scaled_view(folder: Path) -> str:
    """Words of the error."""
    try:
        model_of("oblong").export(RECIPE, ExportWish(format="onnx", folder=folder))
    except BunriError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def main(folder: Path) -> None:
    """Do everything; the JSON goes to ``measured.json``."""
    torch.set_num_threads(1)
    measured = {
        "found": {kind: exported(kind, folder / kind) for kind in KINDS},
        "pixels": {kind: pixels_are_equal(kind) for kind in KINDS},
        "scaled": refusal_of_a_scaled_view(folder),
    }
    write_json(folder / "measured.json", measured)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
