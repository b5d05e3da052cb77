"""What cannot run here, refused by name before anything trains."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from bunri.settings import nearest

ROTATED = ("RRPN", "RotatedAnchorGenerator", "RROIHeads", "ROIAlignRotated")
"""Parts of detectors of rotated boxes."""

DEFORMABLE = ("DeformConv", "ModulatedDeformConv", "DeformBottleneckBlock")
"""Parts that need Detectron2's compiled operators."""

NO_BOXES = ("PanopticFPN", "SemanticSegmentor", "ProposalNetwork", "PanopticDeepLab")
"""Detectors that give no boxes with classes, or need more than boxes to learn from."""

ROTATED_REASON = "the data has upright boxes only"
DEFORM_REASON = "deformable convolutions need Detectron2's compiled operators (detectron2._C), which are not here"
NO_BOXES_REASON = "it gives no boxes with classes, or needs more than boxes to learn from"


def is_compiled() -> bool:
    """Whether this Detectron2 has its compiled operators."""
    return find_spec("detectron2._C") is not None


def yacs_limits(cfg: Any) -> Iterator[str]:
    """One sentence for each thing of a yacs config that cannot run here."""
    model = cfg.MODEL
    yield from _unregistered(cfg)
    yield from _timm_mistakes(model)
    if model.META_ARCHITECTURE in NO_BOXES:
        yield f"MODEL.META_ARCHITECTURE: {model.META_ARCHITECTURE}: {NO_BOXES_REASON}"
    if any(model.RESNETS.DEFORM_ON_PER_STAGE) and not is_compiled():
        yield f"MODEL.RESNETS.DEFORM_ON_PER_STAGE: {DEFORM_REASON}"
    for place, value in _rotated_places(model):
        if value in ROTATED:
            yield f"{place}: {value}: {ROTATED_REASON}"
    if model.LOAD_PROPOSALS or model.PROPOSAL_GENERATOR.NAME == "PrecomputedProposals":
        yield "MODEL.LOAD_PROPOSALS: proposals computed elsewhere are not read; use an RPN"
    if model.ROI_BOX_HEAD.USE_FED_LOSS:
        yield "MODEL.ROI_BOX_HEAD.USE_FED_LOSS: it needs the counts of LVIS; leave it False"
    if cfg.TEST.AUG.ENABLED:
        yield "TEST.AUG.ENABLED: views at prediction are said by recipe.tta; leave it False"
    if cfg.INPUT.FORMAT not in ("BGR", "RGB"):
        yield f"INPUT.FORMAT: must be BGR or RGB, but it is {cfg.INPUT.FORMAT!r}"


def _timm_mistakes(model: Any) -> Iterator[str]:
    """Our own keys: a name that timm has, where a builder reads it."""
    is_timm, name = "_timm_" in model.BACKBONE.NAME, model.TIMM.NAME
    if name and not is_timm:
        yield f"MODEL.TIMM.NAME: is read by MODEL.BACKBONE.NAME build_timm_fpn_backbone, not by {model.BACKBONE.NAME}"
    if is_timm:
        import timm

        if name.split(".")[0] not in timm.list_models():
            yield f"MODEL.TIMM.NAME: timm has no {name!r}{nearest(name, timm.list_models())}"


def _rotated_places(model: Any) -> Iterator[tuple[str, str]]:
    yield "MODEL.PROPOSAL_GENERATOR.NAME", model.PROPOSAL_GENERATOR.NAME
    yield "MODEL.ANCHOR_GENERATOR.NAME", model.ANCHOR_GENERATOR.NAME
    yield "MODEL.ROI_HEADS.NAME", model.ROI_HEADS.NAME
    yield "MODEL.ROI_BOX_HEAD.POOLER_TYPE", model.ROI_BOX_HEAD.POOLER_TYPE


def _unregistered(cfg: Any) -> Iterator[str]:
    """Names of parts that Detectron2's registries do not have."""
    from detectron2 import modeling
    from detectron2.modeling.anchor_generator import ANCHOR_GENERATOR_REGISTRY
    from detectron2.modeling.proposal_generator import PROPOSAL_GENERATOR_REGISTRY

    registries = {
        "META_ARCHITECTURE": modeling.META_ARCH_REGISTRY,
        "BACKBONE.NAME": modeling.BACKBONE_REGISTRY,
        "ANCHOR_GENERATOR.NAME": ANCHOR_GENERATOR_REGISTRY,
        "PROPOSAL_GENERATOR.NAME": PROPOSAL_GENERATOR_REGISTRY,
        "ROI_HEADS.NAME": modeling.ROI_HEADS_REGISTRY,
    }
    for key, registry in registries.items():
        value: Any = cfg.MODEL
        for part in key.split("."):
            value = value[part]
        if value not in registry and value != "PrecomputedProposals":
            yield f"MODEL.{key}: Detectron2 has no {value!r}{nearest(str(value), [name for name, _ in registry])}"


def lazy_limits(place: str, node: Mapping[str, Any], target: str) -> Iterator[str]:
    """One sentence for each thing of a node of a LazyConfig (its ``_target_`` by name) that cannot run here."""
    names = {target.rsplit(".", 1)[-1], *(_name_of(value) for key, value in node.items() if key != "_target_")}
    for name in sorted(names & set(ROTATED)):
        yield f"{place}: {name}: {ROTATED_REASON}"
    for name in sorted(names & set(NO_BOXES)):
        yield f"{place}: {name}: {NO_BOXES_REASON}"
    for name in sorted(names & set(DEFORMABLE)):
        if not is_compiled():
            yield f"{place}: {name}: {DEFORM_REASON}"


def _name_of(value: Any) -> str:
    return value.rsplit(".", 1)[-1] if isinstance(value, str) else str(getattr(value, "__name__", ""))
