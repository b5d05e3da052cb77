"""The ``model`` of a config made ours: the classes of the data set, boxes only, nothing cut before our floor."""

from collections.abc import Iterator, Mapping
from typing import Any

from bunri.engines.mmdetection import loaders, named, ops
from bunri.errors import BunriError
from bunri.recipe import Recipe

MASK_KEYS = ("mask_head", "mask_roi_extractor")
"""Parts of a region head that make masks; boxes do without."""

MASK_TYPES = (
    "BoxInst",
    "BoxInstBboxHead",
    "CondInst",
    "CondInstBboxHead",
    "DETRPanopticFPN",
    "GridRoIHead",
    "HybridTaskCascadeRoIHead",
    "Mask2Former",
    "MaskFormer",
    "MaskScoringRCNN",
    "MaskScoringRoIHead",
    "PanopticFPN",
    "PointRend",
    "PointRendRoIHead",
    "QueryInst",
    "RTMDetInsHead",
    "RTMDetInsSepBNHead",
    "RefineRoIHead",
    "SCNet",
    "SCNetRoIHead",
    "SOLO",
    "SOLOv2",
    "YOLACT",
    "YOLACTHead",
)
"""Detectors and heads that cannot be trained without masks."""

OTHER_TASKS = ("RPN", "FastRCNN", "GLIP", "GroundingDINO")
"""Detectors that need more than photos with boxes (proposals, text), or find no classes."""

NO_CLASSES_IN = ("backbone", "rpn_head", "semantic_head", "glbctx_head")
"""Parts whose ``num_classes`` means something else."""


def unfit(values: Mapping[str, Any]) -> list[str]:
    """Why a model is none that learns boxes from photos: one sentence for each part that says so."""
    model = values.get("model")
    if not isinstance(model, Mapping) or "type" not in model:
        return ["model: must be given, with the `type` of a detector"]
    if not named.targets(str(model["type"])):
        return []  # told as an unknown type
    if not _is_detector(str(model["type"])):
        return [f"model.type: must be one of MMDetection's detectors, but it is {model['type']}"]
    return [f"{place}: {why}" for place, why in _unfit_parts(model, "model")]


def _unfit_parts(values: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(values, (list, tuple)):
        for index, value in enumerate(values):
            yield from _unfit_parts(value, f"{place}.{index}")
    if not isinstance(values, Mapping):
        return
    kind = str(values.get("type", "")).rpartition(".")[2]
    if kind in MASK_TYPES:
        yield f"{place}.type", f"{kind} learns masks, and the data set has boxes only. Choose a detector of boxes"
    if kind in OTHER_TASKS:
        yield f"{place}.type", f"{kind} needs more than photos with boxes, or finds no classes. Choose another detector"
    if "semantic_head" in values:
        yield f"{place}.semantic_head", "needs segmentation maps, and the data set has boxes only. Remove it"
    for key, value in values.items():
        yield from _unfit_parts(value, f"{place}.{key}")


def _is_detector(name: str) -> bool:
    from mmdet.models.detectors import BaseDetector

    return any(isinstance(target, type) and issubclass(target, BaseDetector) for target in named.targets(name))


def cannot_be_built(values: Mapping[str, Any]) -> list[str]:
    """Why MMDetection cannot make the model, found by making it with random weights and throwing it away."""
    try:
        build(for_boxes(values["model"], 2))
    except BunriError as error:
        return [f"model: {error}"]
    except Exception as error:  # whatever a wrong value leads to, deep inside
        return [f"model: MMDetection cannot build it: {type(error).__name__}: {error}"]
    return []


def transforms_cannot_be_built(values: Mapping[str, Any]) -> list[str]:
    """Which transforms of the pipelines refuse their arguments, found by making them."""
    return [
        f"{place}: MMDetection cannot build it: {type(error).__name__}: {error}"
        for name in ("train_dataloader", "val_dataloader")
        for place, transform in loaders.all_transforms(values[name]["dataset"], f"{name}.dataset")
        if (error := _failure(transform)) is not None
    ]


def _failure(transform: Mapping[str, Any]) -> Exception | None:
    from mmdet.registry import TRANSFORMS
    from mmengine.config import ConfigDict

    try:
        TRANSFORMS.build(ConfigDict(transform))
    except Exception as error:  # of whatever its class checks
        return error
    return None


def build(model: Mapping[str, Any]) -> Any:
    """The detector of a config, on the CPU, with random weights."""
    from mmdet.registry import MODELS
    from mmengine.config import ConfigDict
    from mmengine.model import revert_sync_batchnorm

    return revert_sync_batchnorm(MODELS.build(ConfigDict(model)))


def for_boxes(model: Mapping[str, Any], classes: int) -> dict[str, Any]:
    """The model for a number of classes, without masks, and with torchvision's RoIAlign where MMCV's is not there."""
    changed: dict[str, Any] = _with_classes(_without_masks(model), classes)
    return changed if ops.compiled() else _with_torchvision(changed)


def _without_masks(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {key: _without_masks(value) for key, value in values.items() if key not in MASK_KEYS}
    if isinstance(values, (list, tuple)):
        return type(values)(_without_masks(value) for value in values)
    return values


def _with_classes(values: Any, classes: int) -> Any:
    """``num_classes`` wherever a part of the model takes it, also where the config forgot it."""
    if isinstance(values, (list, tuple)):
        return type(values)(_with_classes(value, classes) for value in values)
    if not isinstance(values, Mapping):
        return values
    inner = {key: value if key in NO_CLASSES_IN else _with_classes(value, classes) for key, value in values.items()}
    if "num_classes" in inner or _takes_classes(inner):
        inner["num_classes"] = classes
    return inner


def _takes_classes(values: Mapping[str, Any]) -> bool:
    name = str(values.get("type", ""))
    return bool(name) and any("num_classes" in (named.parameters(name) or ()) for _ in named.targets(name)[:1])


def _with_torchvision(values: Any) -> Any:
    if isinstance(values, (list, tuple)):
        return type(values)(_with_torchvision(value) for value in values)
    if not isinstance(values, Mapping):
        return values
    inner = {key: _with_torchvision(value) for key, value in values.items()}
    if str(inner.get("type", "")).rpartition(".")[2] == "RoIAlign":
        inner["use_torchvision"] = True
    return inner


def with_floor(model: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    """The model with the thresholds of its last stage opened to the recipe's floor and number of boxes."""
    test = model.get("test_cfg")
    return dict(model) if not isinstance(test, Mapping) else {**model, "test_cfg": _opened(test, recipe)}


def _opened(values: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    """Proposals (``rpn``) stay as they are: they are no predictions."""
    opened = dict(values)
    for key, value in values.items():
        if key == "score_thr":
            opened[key] = min(float(value), recipe.score_floor)
        elif key == "max_per_img" and value >= 0:
            opened[key] = max(int(value), recipe.max_boxes)
        elif isinstance(value, Mapping) and key not in ("rpn", "nms"):
            opened[key] = _opened(value, recipe)
    return opened


def stages(name: str) -> str:
    """``two`` for detectors with proposals, ``transformer`` for the DETR family, else ``one``."""
    from mmdet.models.detectors import DETR, TwoStageDetector
    from mmdet.models.detectors.base_detr import DetectionTransformer

    for target in named.targets(name):
        if issubclass(target, TwoStageDetector):
            return "two"
        if issubclass(target, (DetectionTransformer, DETR)):
            return "transformer"
    return "one"
