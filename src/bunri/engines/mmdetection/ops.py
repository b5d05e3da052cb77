"""What stands in for MMCV's compiled operators where they are not built, and which models need more than that.

MMCV from a package index is built without its operators unless torch and a compiler were there at the time. NMS and
RoIAlign are torchvision's then; the rest cannot run and is refused by name.
"""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from bunri.errors import MissingPackageError

EXTENSION = "mmcv._ext"

OP_OF_TYPE: Mapping[str, str] = {
    **dict.fromkeys(("DCN", "DeformConv", "DeformConv2d", "DeformConv2dPack", "SAC"), "deform_conv"),
    **dict.fromkeys(
        ("TOODHead", "RepPointsHead", "VFNetHead", "StageCascadeRPNHead", "CentripetalHead"), "deform_conv"
    ),
    **dict.fromkeys(("DCNv2", "ModulatedDeformConv2d", "ModulatedDeformConv2dPack"), "modulated_deform_conv"),
    **dict.fromkeys(("DyHead", "ATSSVLFusionHead"), "modulated_deform_conv"),
    **dict.fromkeys(("GuidedAnchorHead", "GARetinaHead", "GARPNHead", "MaskedConv2d"), "masked_conv2d"),
    **dict.fromkeys(("carafe", "CARAFEPack", "FPN_CARAFE"), "carafe"),
    **dict.fromkeys(("DeformRoIPool", "DeformRoIPoolPack", "ModulatedDeformRoIPoolPack"), "deform_roi_pool"),
    **dict.fromkeys(("RoIAlignRotated", "RiRoIAlignRotated"), "roi_align_rotated"),
    "RoIPool": "roi_pool",
    "PrRoIPool": "prroi_pool",
    "BorderAlign": "border_align",
    "PSAMask": "psamask",
    "MMSyncBN": "sync_bn",
    "CLRHead": "line_nms",
    "ScoreHLRSampler": "nms_match",
    "soft_nms": "softnms",
    "nms_match": "nms_match",
    "nms_rotated": "nms_rotated",
    "nms_quadri": "nms_quadri",
}
"""A ``type`` of a native config and the compiled operator below it."""

OP_OF_SWITCH: Mapping[str, str] = {
    "dcn_on_last_conv": "modulated_deform_conv",
    "use_dcn": "modulated_deform_conv",
    "with_deform": "deform_conv",
}
"""A key of a native config that is an operator where it is true."""


class MissingOps(ModuleType):
    """Stands for ``mmcv._ext``: an operator nobody has built says so when it is called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*arguments: object, **named: object) -> None:
            raise MissingPackageError(
                f"MMCV must have its compiled operator {name} for this model, but it was installed without. "
                "Build mmcv with its operators (MMCV_WITH_OPS=1, --no-build-isolation), or choose another model."
            )

        return missing


def prepare() -> None:
    """Make ``mmcv.ops`` importable: with the compiled operators where they load, else with torchvision's.

    Raises:
        ImportError: MMCV itself is not installed.
    """
    import mmcv  # noqa: F401 - says what is missing
    import torch  # noqa: F401 - the compiled operators need its libraries loaded

    if EXTENSION in sys.modules:
        return
    try:
        importlib.import_module(EXTENSION)
    except ImportError:
        module = MissingOps(EXTENSION)
        module.__spec__ = ModuleSpec(EXTENSION, loader=None)  # MMEngine asks whether mmcv.ops can be imported: it can
        vars(module)["nms"] = _nms
        sys.modules[EXTENSION] = module


def compiled() -> bool:
    """Whether MMCV has its compiled operators."""
    prepare()
    return not isinstance(sys.modules[EXTENSION], MissingOps)


def _nms(boxes: Any, scores: Any, iou_threshold: float, offset: int) -> Any:
    """Rows kept; ``offset`` 1 counts the last pixel in, as boxes one wider and higher do."""
    import torch
    from torchvision.ops import nms

    wide = torch.cat([boxes[:, :2], boxes[:, 2:] + offset], dim=1) if offset else boxes
    return nms(wide, scores, iou_threshold)


def needed_ops(values: Any, place: str) -> Iterator[tuple[str, str]]:
    """Dotted keys below a place of a config, and the compiled operators they need."""
    if isinstance(values, Mapping):
        yield from _needed_here(values, place)
        for key, value in values.items():
            yield from needed_ops(value, f"{place}.{key}")
    elif isinstance(values, (list, tuple)):
        for index, value in enumerate(values):
            yield from needed_ops(value, f"{place}.{index}")


def _needed_here(values: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    kind = str(values.get("type", "")).rpartition(".")[2]
    if kind in OP_OF_TYPE:
        yield f"{place}.type", OP_OF_TYPE[kind]
    if kind == "CTResNetNeck" and values.get("use_dcn", True):  # on unless it says no
        yield f"{place}.use_dcn", OP_OF_SWITCH["use_dcn"]
        return
    for key, op in OP_OF_SWITCH.items():
        if values.get(key) is True:
            yield f"{place}.{key}", op
