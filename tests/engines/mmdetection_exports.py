"""Run by the Python that has MMDetection: exports small models, and keeps what MMDetection itself finds with them."""

import copy
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate

from bunri.engines.base import ExportWish
from bunri.engines.exported.pixels import batch_of
from bunri.engines.mmdetection import framework
from bunri.engines.mmdetection.config import from_text, resolve
from bunri.engines.mmdetection.inference import MMDetectionFinder
from bunri.engines.mmdetection.loaders import test_pipeline
from bunri.engines.mmdetection.model import build, for_boxes, with_floor
from bunri.engines.predicting import Found
from bunri.errors import BunriError
from bunri.files import write_json
from engine_jobs import native_config
from export_specs import NAMES, RECIPE

Config = dict[str, Any]

SHAPES = ((64, 96), (90, 60), (30, 31), (96, 41))
SCALES = (1.0, 1.5)
STRIDES = [4, 8, 16]
CODER = {"type": "DeltaXYWHBBoxCoder", "target_stds": [0.1, 0.1, 0.2, 0.2]}
SIGMOID = {"type": "FocalLoss", "use_sigmoid": True}
TEST = {
    "nms_pre": 200,
    "min_bbox_size": 0,
    "score_thr": 0.05,
    "nms": {"type": "nms", "iou_threshold": 0.5},
    "max_per_img": 60,
}


def _dense(kind: str, head: Config) -> Callable[[Config], None]:
    def change(config: Config) -> None:
        parts = {key: config["model"][key] for key in ("data_preprocessor", "backbone", "neck")}
        shared = {"num_classes": 3, "in_channels": 32, "feat_channels": 32, "stacked_convs": 1, "loss_cls": SIGMOID}
        config["model"] = {"type": kind, **parts, "bbox_head": {**shared, **head}, "test_cfg": copy.deepcopy(TEST)}

    return change


def _anchors(ratios: list[float], base: int, octaves: int) -> Config:
    sizes = {"octave_base_scale": base, "scales_per_octave": octaves}
    return {"type": "AnchorGenerator", "ratios": ratios, "strides": STRIDES, **sizes}


def _otherwise(config: Config) -> None:
    config["model"]["roi_head"]["bbox_head"]["reg_class_agnostic"] = True
    config["model"]["data_preprocessor"]["bgr_to_rgb"] = False
    config["model"]["data_preprocessor"]["pad_size_divisor"] = 16
    test_pipeline(config)[1]["keep_ratio"] = False  # type: ignore[index]


def _cascade(config: Config) -> None:
    roi_head = config["model"]["roi_head"]
    heads = []
    for factor in (1, 0.5, 0.3):
        coder = {"type": "DeltaXYWHBBoxCoder", "target_stds": [side * factor for side in (0.1, 0.1, 0.2, 0.2)]}
        heads.append(copy.deepcopy(roi_head["bbox_head"]) | {"reg_class_agnostic": True, "bbox_coder": coder})
    roi_head |= {"type": "CascadeRoIHead", "num_stages": 3, "stage_loss_weights": [1, 0.5, 0.25], "bbox_head": heads}
    config["model"]["type"] = "CascadeRCNN"
    config["model"]["train_cfg"] = None


def _rtmdet(config: Config) -> None:
    points = {"type": "MlvlPointGenerator", "offset": 0, "strides": STRIDES}
    head = {"type": "RTMDetSepBNHead", "with_objectness": False, "anchor_generator": points}
    loss = {"type": "QualityFocalLoss", "use_sigmoid": True}
    coder = {"type": "DistancePointBBoxCoder"}
    _dense("RTMDet", head | {"bbox_coder": coder, "loss_cls": loss, "exp_on_reg": True})(config)
    config["model"]["data_preprocessor"]["pad_size_divisor"] = 1
    _pad(config, size=(112, 96), pad_val={"img": (9, 114, 200)})


def _pad(config: Config, **values: Any) -> None:
    pipeline: Any = test_pipeline(config)
    pipeline.insert(2, {"type": "Pad", **values})


KINDS: Mapping[str, Callable[[Config], None]] = {
    "faster_rcnn": lambda config: None,
    "bgr_stretched_one_box_for_all_classes": _otherwise,
    "retinanet": _dense(
        "RetinaNet", {"type": "RetinaHead", "anchor_generator": _anchors([0.5, 1.0, 2.0], 4, 2), "bbox_coder": CODER}
    ),
    "atss": _dense("ATSS", {"type": "ATSSHead", "anchor_generator": _anchors([1.0], 8, 1), "bbox_coder": CODER}),
    "fcos": _dense("FCOS", {"type": "FCOSHead", "strides": STRIDES, "norm_on_bbox": True, "centerness_on_reg": True}),
    "cascade": _cascade,
    "rtmdet": _rtmdet,
}
"""By name what is changed of the small config."""


def _set(*path: str | int, value: Any) -> Callable[[Config], None]:
    def change(config: Config) -> None:
        place: Any = config
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


REFUSED: Mapping[str, Callable[[Config], None]] = {
    "heads": lambda config: config["model"]["roi_head"].update(type="DoubleHeadRoIHead", reg_roi_scale_factor=1.3),
    "suppression": _set("model", "test_cfg", "rcnn", "nms", value={"type": "soft_nms", "iou_threshold": 0.5}),
    "padding": _set("model", "data_preprocessor", "pad_value", value=114),
    "backend": lambda config: test_pipeline(config)[1].update(backend="pillow"),  # type: ignore[attr-defined]
    "padded_by_its_shape": lambda config: _pad(config, size_divisor=32),
    "padded_twice": lambda config: _pad(config, size=(112, 96)),
    "coder": _set("model", "rpn_head", "bbox_coder", "clip_border", value=False),
}
"""What is said of it that an export cannot honour."""


def photos() -> list[Any]:
    """Of several shapes; none is as large as the network wants it."""
    return [np.random.default_rng(h * w).integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in SHAPES]


def model_of(change: Callable[[Config], None]) -> tuple[Any, Any]:
    """A model whose scores differ from box to box, as a trained one's do, and its test pipeline."""
    config = from_text(resolve(native_config("mmdetection"), {}).after)
    change(config)
    torch.manual_seed(3)
    model = build(with_floor(for_boxes(config["model"], len(NAMES)), RECIPE))
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter.detach(), nonlinearity="relu")
            parameter.detach().mul_(0.1 if "_cls" in name or "_reg" in name else 1)  # far from 0 and from 1
    return model.eval(), test_pipeline(config)


def exported(change: Callable[[Config], None], folder: Path) -> list[Any]:
    """What MMDetection finds, by scale and photo."""
    from bunri.engines.mmdetection.exporting import export_model

    model, pipeline = model_of(change)
    folder.mkdir()
    networks = export_model(model, pipeline, RECIPE, ExportWish(format="onnx", folder=folder))
    write_json(folder / "export.json", networks.model_dump(mode="json"))
    find = MMDetectionFinder(model, pipeline)
    return [
        [_plain(found, shape) for found, shape in zip(find(photos(), scale), SHAPES, strict=True)] for scale in SCALES
    ]


def _plain(found: Found, shape: tuple[int, int]) -> Any:
    """Cut at the borders of the photo, as predictions are; in a frame MMDetection cuts at the frame's."""
    box = np.clip(found.box_xyxy, 0, np.tile(shape[::-1], 2))
    return {"box": box.tolist(), "label": found.class_index.tolist(), "score": found.score.tolist()}


def pixels_are_equal(change: Callable[[Config], None]) -> list[bool]:
    """By scale and photo, whether the export's input is that of MMDetection to the bit."""
    from bunri.engines.mmdetection.exported_pixels import pixels_of

    model, pipeline = model_of(change)
    pixels, find = pixels_of(model.data_preprocessor, pipeline), MMDetectionFinder(model, pipeline)

    def theirs(photo: Any, scale: float) -> Any:
        sample = find._prepared(scale)(find._values(0, photo))
        return model.data_preprocessor(pseudo_collate([sample]), False)["inputs"].numpy()

    return [
        np.array_equal(batch_of([photo], pixels, scale).images, theirs(photo, scale))
        for scale in (0.7, *SCALES)
        for photo in photos()
    ]


def refusal(change: Callable[[Config], None], folder: Path) -> str:
    """Words of the error."""
    from bunri.engines.mmdetection.exporting import export_model

    try:
        export_model(*model_of(change), RECIPE, ExportWish(format="onnx", folder=folder))
    except BunriError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def main(folder: Path) -> None:
    """Do everything; the JSON goes to ``measured.json``."""
    framework.load()
    torch.set_num_threads(1)
    measured = {
        "found": {kind: exported(KINDS[kind], folder / kind) for kind in KINDS},
        "pixels": {kind: pixels_are_equal(KINDS[kind]) for kind in ("faster_rcnn", "rtmdet", list(KINDS)[1])},
        "refused": {name: refusal(REFUSED[name], folder) for name in REFUSED},
    }
    write_json(folder / "measured.json", measured)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
