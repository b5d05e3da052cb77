"""Run by the Python that has Detectron2: exports small models, and keeps what Detectron2 itself finds with them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from detectron2.data import transforms
from detectron2.modeling.poolers import assign_boxes_to_levels
from detectron2.structures import Boxes

from bunri.engines.base import ExportWish
from bunri.engines.detectron2 import config
from bunri.engines.detectron2.exported_rules import pixels_of
from bunri.engines.detectron2.exporting import export_model
from bunri.engines.detectron2.inference import Detectron2Finder, Preparation
from bunri.engines.detectron2.native import Given, open_floor
from bunri.engines.exported.detectors import Regions, Suppression
from bunri.engines.exported.pixel_rules import Pixels
from bunri.engines.exported.pixels import batch_of, size_of
from bunri.engines.exported.two_stage import levels_of
from bunri.errors import BunriError
from bunri.files import write_json
from engine_jobs import NATIVE
from export_specs import NAMES, RECIPE

YAML, FCOS = NATIVE / "detectron2.yaml", NATIVE / "detectron2_fcos.py"
RESNET = {"MODEL.RESNETS.DEPTH": 18, "MODEL.RESNETS.RES2_OUT_CHANNELS": 64, "MODEL.RESNETS.NORM": "BN"}

KINDS: dict[str, tuple[Path, dict[str, Any]]] = {
    "faster_rcnn": (YAML, {}),
    "bgr_one_box_for_all_classes": (YAML, {"INPUT.FORMAT": "BGR", "MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG": True}),
    "last_stage_of_a_resnet_as_head": (
        YAML,
        RESNET
        | {
            "MODEL.BACKBONE.NAME": "build_resnet_backbone",
            "MODEL.RESNETS.OUT_FEATURES": ["res4"],
            "MODEL.RPN.IN_FEATURES": ["res4"],
            "MODEL.ROI_HEADS.NAME": "Res5ROIHeads",
            "MODEL.ROI_HEADS.IN_FEATURES": ["res4"],
            "MODEL.ANCHOR_GENERATOR.SIZES": [[16, 32, 64]],
            "MODEL.ANCHOR_GENERATOR.OFFSET": 0.5,
            "MODEL.TIMM.NAME": "",
        },
    ),
    "cascade": (
        YAML,
        {
            "MODEL.ROI_HEADS.NAME": "CascadeROIHeads",
            "MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG": True,
            "MODEL.RPN.POST_NMS_TOPK_TRAIN": 64,
        },
    ),
    "retinanet": (
        YAML,
        {
            "MODEL.META_ARCHITECTURE": "RetinaNet",
            "MODEL.BACKBONE.NAME": "build_retinanet_timm_fpn_backbone",
            "MODEL.RETINANET.IN_FEATURES": ["p3", "p4", "p5", "p6"],
            "MODEL.RETINANET.NUM_CONVS": 1,
            "MODEL.ANCHOR_GENERATOR.SIZES": [[16], [32], [64], [96]],
        },
    ),
    "fcos": (FCOS, {}),
}
"""By name a config and what is said over it."""

REFUSED: dict[str, dict[str, Any]] = {
    "sigmoid": {"MODEL.ROI_BOX_HEAD.USE_SIGMOID_CE": True},
    "pooling": {"MODEL.ROI_BOX_HEAD.POOLER_TYPE": "ROIPool"},
    "any_size": {"INPUT.MIN_SIZE_TEST": 0},
}
"""What is said over the first config."""

SHAPES = ((64, 96), (90, 60), (30, 31), (96, 41))
SCALES = (1.0, 1.5)


def photos() -> list[Any]:
    """Of several shapes; none is as large as the network wants it."""
    return [np.random.default_rng(h * w).integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in SHAPES]


def model_of(kind: str, said: dict[str, Any] | None = None) -> tuple[Any, Preparation]:
    """A model whose scores differ from box to box, as a trained one's do, and its test pipeline."""
    path, overrides = KINDS[kind]
    _, native = config.read(path, overrides | (said or {}))
    native.point_at(Given(len(NAMES), Path(), 0, "cpu", 0, 1, 1, 0, RECIPE))
    torch.manual_seed(3)
    model = native.build_model()
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter.detach(), nonlinearity="relu")
            parameter.detach().mul_(0.1 if "cls_score" in name or "bbox_pred" in name else 1)  # far from 0 and from 1
    open_floor(model, RECIPE)
    return model.eval(), Preparation(native)


def exported(kind: str, folder: Path) -> list[Any]:
    """What Detectron2 finds, by scale and photo."""
    model, prepare = model_of(kind)
    folder.mkdir()
    networks = export_model(model, prepare, RECIPE, ExportWish(format="onnx", folder=folder))
    write_json(folder / "export.json", networks.model_dump(mode="json"))
    find = Detectron2Finder(model, prepare)
    return [
        [
            {"box": found.box_xyxy.tolist(), "label": found.class_index.tolist(), "score": found.score.tolist()}
            for found in find(photos(), scale)
        ]
        for scale in SCALES
    ]


def pixels_are_equal(kind: str) -> list[bool]:
    """By scale and photo, whether the export's input is that of Detectron2 to the bit."""
    model, prepare = model_of(kind)
    pixels = pixels_of(model, prepare)
    return [
        np.array_equal(
            batch_of([photo], pixels, scale).images, model.preprocess_image([prepare(photo, scale)]).tensor.numpy()
        )
        for scale in (0.7, *SCALES)
        for photo in photos()
    ]


def sizes_that_differ() -> list[list[int]]:
    """Of all shapes up to 300 pixels, and of those whose exact sides are halves."""
    wrong = []
    for least, most in ((96, 160), (800, 1333), (75, 100)):
        rule = Pixels(min_side=least, max_side=most, rounding="step_by_step", mean=(0, 0, 0), std=(1, 1, 1))
        shapes = [(h, w) for h in range(1, 300, 3) for w in range(1, 300)] + [(n, 2 * n) for n in range(300, 1400)]
        for height, width in (*shapes, *((w, h) for h, w in shapes[-1100:])):
            theirs = transforms.ResizeShortestEdge.get_output_shape(height, width, least, most)
            if min(theirs) > 0 and size_of(height, width, rule, 1.0) != theirs:
                wrong.append([height, width, least, most])
    return wrong


def levels_that_differ() -> int:
    """Of proposals of all sizes, and of some at the borders between levels."""
    random = np.random.default_rng(5)
    side = np.concatenate([random.uniform(0, 900, (5000, 2)), np.repeat([[56], [112], [224], [448]], 2, axis=1)])
    box = np.concatenate([np.zeros_like(side), side], axis=1).astype(np.float32)
    shared: dict[str, Any] = {"canonical_side": 224, "canonical_level": 4, "weights": (1, 1, 1, 1), "ratio_slack": 1e-8}
    rule = Regions(finest=2, coarsest=5, level_slack=0, suppression=Suppression(iou=0.5, max_boxes=9), **shared)
    theirs = assign_boxes_to_levels([Boxes(torch.from_numpy(box))], 2, 5, 224, 4).numpy()
    return int((levels_of(box, rule) != theirs).sum())


def refusal(said: dict[str, Any], folder: Path) -> str:
    """Words of the error."""
    try:
        export_model(*model_of("faster_rcnn", said), RECIPE, ExportWish(format="onnx", folder=folder))
    except BunriError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def main(folder: Path) -> None:
    """Do everything; the JSON goes to ``measured.json``."""
    torch.set_num_threads(1)
    of_kind: Callable[[str], list[Any]] = lambda kind: exported(kind, folder / kind)  # noqa: E731
    measured = {
        "found": {kind: of_kind(kind) for kind in KINDS},
        "pixels": {kind: pixels_are_equal(kind) for kind in ("faster_rcnn", "bgr_one_box_for_all_classes")},
        "sizes": sizes_that_differ(),
        "levels": levels_that_differ(),
        "refused": {name: refusal(said, folder) for name, said in REFUSED.items()},
    }
    write_json(folder / "measured.json", measured)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
