"""Tiny detectors of torchvision, untrained, and their exports."""

from pathlib import Path
from typing import Any

import torch

from bunri.engines.base import ExportWish
from bunri.engines.exported.model import ExportedModel, open_export
from bunri.engines.exported.spec import Format
from bunri.engines.torchvision.builders import build_detector, open_score_floor
from bunri.engines.torchvision.config import read_config
from bunri.engines.torchvision.exporting import export_model
from bunri.exporting.converting import to_openvino
from bunri.exporting.naming import Place, put
from export_specs import NAMES, RECIPE, spec_of

TINY = {"name": "test_resnet", "arguments": {"out_indices": [2, 3]}, "fpn": {"out_channels": 32, "extra_blocks": None}}
ANCHORS = {"class": "AnchorGenerator", "sizes": [[16], [32]], "aspect_ratios": [[0.5, 1.0], [1.0, 2.0]]}
ROI_ALIGN = {"class": "MultiScaleRoIAlign", "featmap_names": ["0", "1"], "output_size": 3, "sampling_ratio": 2}
HEAD = {"class": "TwoMLPHead", "in_channels": 288, "representation_size": 32}
PREDICTOR = {"class": "FastRCNNPredictor", "in_channels": 32}
SIDES = {"min_size": 64, "max_size": 96}
ONE = {"class": "AnchorGenerator", "sizes": [[16], [32]], "aspect_ratios": [[1.0], [1.0]]}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "FasterRCNN": {
        "rpn_anchor_generator": ANCHORS,
        "box_roi_pool": ROI_ALIGN,
        "box_head": HEAD,
        "box_predictor": PREDICTOR,
        **SIDES,
    },
    "RetinaNet": {"anchor_generator": ANCHORS, **SIDES},
    "FCOS": {"anchor_generator": ONE, **SIDES},
    "SSD": {"anchor_generator": {"class": "DefaultBoxGenerator", "aspect_ratios": [[2], [2]]}, "size": [96, 64]},
}


def tiny_model(builder: str) -> Any:
    """A detector whose scores differ from box to box, as a trained one's do."""
    torch.manual_seed(3)
    config = {"builder": builder, "backbone": TINY, "arguments": ARGUMENTS[builder]}
    model = build_detector(read_config(config, "model.yaml"), len(NAMES))[0]
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter.detach(), nonlinearity="relu")
    open_score_floor(model, RECIPE.score_floor, RECIPE.max_boxes)
    return model.eval()


def write_export(model: Any, runtime: Format, folder: Path) -> Path:
    """An export of a model; gives its folder."""
    wish = ExportWish(format="torchscript" if runtime == "torchscript" else "onnx", folder=folder)
    folder.mkdir()
    spec = spec_of(export_model(model, RECIPE, wish), wish.format)
    spec = to_openvino(spec, folder) if runtime == "openvino" else spec
    put(spec, folder, Place(folder / "out", "model"))
    return folder / "out"


def opened(model: Any, runtime: Format, folder: Path) -> ExportedModel:
    """The same, open."""
    return open_export(write_export(model, runtime, folder), threads=1)
