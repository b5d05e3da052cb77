"""Which keys a place of a config can take: the signature of the class its ``type`` names, or a group of MMEngine's."""

import inspect
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from functools import cache
from importlib import import_module
from typing import Any

from bunri.settings import nearest

ALWAYS = ("type", "_scope_", "_delete_", "init_cfg")
"""Keys any group with a ``type`` may have."""

LOADER = ("dataset", "sampler", "batch_sampler", "collate_fn", "num_batch_per_epoch", "worker_init_fn")
"""Keys of a data loader beside torch's own."""

PARAMWISE = (
    "bias_lr_mult",
    "bias_decay_mult",
    "bypass_duplicate",
    "custom_keys",
    "dcn_offset_lr_mult",
    "decay_rate",
    "decay_type",
    "dwconv_decay_mult",
    "flat_decay_mult",
    "layer_decay_rate",
    "norm_decay_mult",
    "num_layers",
)
"""Keys MMEngine's and MMDetection's optimizer constructors take."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "env_cfg": ("cudnn_benchmark", "mp_cfg", "dist_cfg", "resource_limit"),
    "auto_scale_lr": ("enable", "base_batch_size"),
    "randomness": ("seed", "diff_rank_seed", "deterministic"),
    "custom_imports": ("imports", "allow_failed_imports"),
    "train_cfg": ("by_epoch", "max_epochs", "max_iters", "val_begin", "val_interval", "dynamic_intervals"),
    "optim_wrapper.clip_grad": ("type", "max_norm", "norm_type", "error_if_nonfinite", "clip_value", "foreach"),
    "optim_wrapper.paramwise_cfg": PARAMWISE,
}
"""Groups without a ``type`` by place, and their keys."""

SUPPRESSION = (
    "type",
    "class_agnostic",
    "iou_thr",
    "iou_threshold",
    "max_num",
    "method",
    "min_score",
    "offset",
    "score_threshold",
    "sigma",
    "split_thr",
)
"""Keys of a group named ``nms``: MMCV hands them on to a function."""

TRAINING = frozenset(
    [
        "allowed_border",
        "alpha",
        "assigner",
        "beta",
        "carl",
        "center_ratio",
        "debug",
        "dynamic_rcnn",
        "ga_assigner",
        "ga_sampler",
        "ignore_ratio",
        "importance_sample_ratio",
        "init",
        "initial_assigner",
        "initial_epoch",
        "isr",
        "mask_size",
        "mask_thr_binary",
        "max_num_grid",
        "max_per_img",
        "min_bbox_size",
        "neg_pos_ratio",
        "nms",
        "nms_post",
        "nms_pre",
        "num_points",
        "oversample_ratio",
        "pos_radius",
        "pos_weight",
        "rcnn",
        "refine",
        "reg_assigner",
        "rpn",
        "rpn_proposal",
        "sampler",
        "smoothl1_beta",
    ]
)
"""Keys of ``model.train_cfg`` in what comes with MMDetection."""

LIMITS = frozenset(
    [
        "chunked_size",
        "conf_thr",
        "corner_topk",
        "distance_threshold",
        "filter_low_score",
        "filter_thr",
        "instance_on",
        "iou_thr",
        "kernel",
        "local_maximum_kernel",
        "mask_thr",
        "mask_thr_binary",
        "max_num",
        "max_per_image",
        "max_per_img",
        "min_bbox_size",
        "nms",
        "nms_across_levels",
        "nms_cfg",
        "nms_post",
        "nms_pre",
        "object_mask_thr",
        "panoptic",
        "panoptic_on",
        "rcnn",
        "rpn",
        "scale_factor",
        "score_thr",
        "score_voting",
        "semantic_on",
        "sigma",
        "subdivision_num_points",
        "subdivision_steps",
        "top_k",
        "topk",
        "with_nms",
    ]
)
"""Keys of ``model.test_cfg`` in what comes with MMDetection."""

FURTHER: Mapping[str, tuple[str, ...]] = {
    "norm_cfg": ("requires_grad",),
    "upsample_cfg": ("scale_factor", "mode", "align_corners"),
    "loss_cls": ("bg_cls_weight",),
    "optim_wrapper": ("constructor", "paramwise_cfg"),
    "param_scheduler": ("end", "convert_to_iter_based"),
    "custom_hooks": ("priority",),
    "default_hooks": ("priority",),
}
"""Keys that are read before the class is made, by the name of the place."""

ANYTHING = ("adapt_cfg", "dcn", "dqs_cfg", "*_trans")
"""Groups whose ``type`` is a word of the module that reads them, or whose keys it picks out."""

FOREIGN = ("transforms", "bbox_params", "keymap")
"""What lies below Albumentations' wrapper belongs to another package."""


def unknown_keys(values: Mapping[str, Any]) -> list[str]:
    """One sentence for each key of a config its place does not take, and for each ``type`` nobody registered."""
    from bunri.engines.mmdetection.variables import UNREAD, runner_keys

    return [
        mistake
        for key, value in values.items()
        if key in runner_keys() and key not in UNREAD
        for mistake in _visit(value, key)
    ]


def _visit(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        for index, entry in enumerate(value):
            yield from _visit(entry, f"{place}.{index}")
    if not isinstance(value, Mapping):
        return
    yield from _here(value, place)
    for key, inner in value.items():
        if not (key in FOREIGN and _name(value) == "Albu"):
            yield from _visit(inner, f"{place}.{key}")


def _here(values: Mapping[str, Any], place: str) -> Iterator[str]:
    name = values.get("type")
    if any(fnmatch(_place_name(place), pattern) for pattern in ANYTHING):
        return
    if isinstance(name, str) and not targets(name):
        yield f"{place}.type: {name!r} is nothing MMDetection knows{nearest(name, all_names())}"
        return
    known = keys_of(values, place)
    for key in values if known is not None else ():
        if key not in (known or ()) and key not in ALWAYS:
            yield f"{place}.{key}: {name or place} takes no such key{nearest(str(key), sorted(known or ()))}"


def _place_name(place: str) -> str:
    """The last name of a place, numbers of lists left out."""
    return next((part for part in reversed(place.split(".")) if not part.isdigit()), place)


def _name(values: Mapping[str, Any]) -> str:
    return str(values.get("type", "")).rpartition(".")[2]


def keys_of(values: Mapping[str, Any], place: str) -> frozenset[str] | None:
    """The keys a group of a config can take, or None where it takes any."""
    name = _place_name(place)
    if name == "nms":
        return frozenset(SUPPRESSION)
    if "type" in values or place == "optim_wrapper":
        return _typed(str(values.get("type", "OptimWrapper")), place)
    if place.endswith("_dataloader"):
        return _signature("torch.utils.data.DataLoader") | frozenset(LOADER)
    for start, known in (("model.train_cfg", TRAINING), ("model.test_cfg", LIMITS)):
        if place.startswith(start) and name in ("train_cfg", "test_cfg", "rcnn", "rpn", "rpn_proposal"):
            return known
    return frozenset(GROUPS[place]) if place in GROUPS else None


def _typed(name: str, place: str) -> frozenset[str] | None:
    known = parameters(name)
    if known is None:
        return None
    further = {key for part in place.split(".") for key in FURTHER.get(part, ())}
    return known.union(ALWAYS, further)


def _signature(path: str) -> frozenset[str]:
    module, _, name = path.rpartition(".")
    return frozenset(inspect.signature(getattr(import_module(module), name)).parameters) - {"self"}


@cache
def parameters(name: str) -> frozenset[str] | None:
    """Arguments of everything a ``type`` may name; None where one of them takes any."""
    found: set[str] = set()
    for target in targets(name):
        mine = _arguments(target)
        if mine is None:
            return None
        found |= mine
    return frozenset(found)


def _arguments(target: Any) -> set[str] | None:
    """Of a function or a class its arguments, through ``**kwargs`` up the classes it derives from."""
    names: set[str] = set()
    several = inspect.isclass(target) and any(len(base.__bases__) > 1 for base in target.__mro__)
    is_open = True
    for maker in _makers(target):
        try:
            signature = inspect.signature(maker).parameters.values()
        except (TypeError, ValueError):
            return None
        names |= {p.name for p in signature if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        is_open = any(p.kind is p.VAR_KEYWORD for p in signature)
        if not is_open and not several:  # of several bases a class may call any
            break
    return None if is_open and not several else names - {"self"}


def _makers(target: Any) -> Iterator[Any]:
    if not inspect.isclass(target):
        yield target
        return
    for base in target.__mro__[:-1]:
        if "__init__" in vars(base):
            yield vars(base)["__init__"]


@cache
def registries() -> tuple[Any, ...]:
    """MMDetection's registries; each also finds what MMEngine and MMCV registered."""
    from mmdet import registry
    from mmengine.registry import Registry

    return tuple(value for value in vars(registry).values() if isinstance(value, Registry))


@cache
def targets(name: str) -> tuple[Any, ...]:
    """All classes and functions a ``type`` may name."""
    found = {}
    for registry in registries():
        try:
            target = registry.get(name)
        except RuntimeError:
            continue
        if target is not None:
            found[id(target)] = target
    operator = getattr(import_module("mmcv.ops"), name.rpartition(".")[2], None)  # looked up there by name
    return tuple(found.values()) or ((operator,) if callable(operator) else ())


@cache
def all_names() -> tuple[str, ...]:
    """Every name that is registered."""
    names = set()
    for registry in registries():
        while registry is not None:
            names |= set(registry.module_dict)
            registry = registry.parent
    return tuple(sorted(names))
