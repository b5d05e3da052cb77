"""A LazyConfig takes any key in silence: each is checked against the signature of what it is an argument of."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from bunri.engines.detectron2.limits import lazy_limits
from bunri.settings import nearest

SECTIONS = ("model", "dataloader", "optimizer", "lr_multiplier", "train")
"""What Detectron2's training script for LazyConfigs reads."""

_PLAIN: Mapping[str, Any] = {
    "dataloader": {"train": {}, "test": {}, "evaluator": {}},
    "train": {
        "output_dir": None,
        "init_checkpoint": None,
        "max_iter": None,
        "amp": {"enabled": None},
        "ddp": {"broadcast_buffers": None, "find_unused_parameters": None, "fp16_compression": None},
        "checkpointer": {"period": None, "max_to_keep": None},
        "eval_period": None,
        "log_period": None,
        "device": None,
        "seed": None,
        "cudnn_benchmark": None,
    },
}
"""Keys of the sections that are no calls, as that script reads them; below an empty mapping there are calls."""

Node = tuple[str, Mapping[str, Any]]


def nodes(value: Any, place: str = "") -> Iterator[Node]:
    """Every mapping of a plain tree with its dotted place, outer ones first."""
    if isinstance(value, Mapping):
        yield place, value
        for key, inner in value.items():
            yield from nodes(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, (list, tuple)):
        for position, inner in enumerate(value):
            yield from nodes(inner, f"{place}.{position}")


def target_name(node: Mapping[str, Any]) -> str:
    """The dotted name of what a node calls, empty where it calls nothing."""
    target = node.get("_target_", "")
    if isinstance(target, str):
        return target
    return f"{getattr(target, '__module__', '')}.{getattr(target, '__qualname__', target)}"


def tree_mistakes(tree: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each key nothing takes, each section that is missing, and each part that cannot run here."""
    for section in SECTIONS:
        if section not in tree:
            yield f"{section}: must be given, as Detectron2's training script reads {', '.join(SECTIONS)}"
    for place, node in nodes({key: tree[key] for key in SECTIONS if key in tree}):
        known = known_keys(place, node)
        for key in node if known is not None else ():
            if known is not None and key not in known and key != "_target_":
                yield f"{place}.{key}: unknown key{nearest(str(key), known)}"
        yield from lazy_limits(place, node, target_name(node))
        if "_target_" in node and known is None and not callable(located(node)):
            yield f"{place}._target_: must name something that can be called, but {target_name(node)!r} does not"


def override_mistakes(tree: Mapping[str, Any], overrides: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each dotted key that is not in the tree and that no call there takes."""
    for dotted in overrides:
        place: Any = tree
        keys = dotted.split(".")
        for depth, key in enumerate(keys):
            inner = _below(place, key)
            if inner is None and not _takes(place, ".".join(keys[:depth]), key):
                yield f"set: {dotted}: {_why(place, '.'.join(keys[:depth]), key)}"
                break
            place = inner


def _below(place: Any, key: str) -> Any:
    """What is below a key, or an empty value where there is a key with nothing in it; None where there is no key."""
    if isinstance(place, Mapping) and key in place:
        return place[key] if place[key] is not None else {}
    if isinstance(place, list) and key.isdecimal() and int(key) < len(place):
        return place[int(key)]
    return None


def _takes(place: Any, name: str, key: str) -> bool:
    if not isinstance(place, Mapping) or not name:
        return False
    known = known_keys(name, place)
    return key in known if known is not None else "_target_" in place


def _why(place: Any, name: str, key: str) -> str:
    if isinstance(place, Mapping):
        known = sorted({*place, *(known_keys(name, place) or ())} - {"_target_"})
        return f"unknown key {key!r}{nearest(key, known)}"
    if isinstance(place, list):
        return f"{name} is a list of {len(place)}; give a position from 0"
    return f"there is nothing below {name}, which is {place!r}"


def known_keys(place: str, node: Mapping[str, Any]) -> list[str] | None:
    """Keys a node may have; None where any may."""
    if "_target_" in node:
        return _arguments(located(node))
    plain: Any = _PLAIN
    for key in place.split("."):
        plain = plain.get(key) if isinstance(plain, Mapping) else None
    return list(plain) if plain else None


def located(node: Mapping[str, Any]) -> Any:
    """What a node calls, None where no module has it."""
    target = node["_target_"]
    if not isinstance(target, str):
        return target
    from detectron2.utils.registry import locate

    try:
        return locate(target)
    except Exception:  # whatever the import of a user's module raises: it is told as a mistake of the config
        return None


def _arguments(target: Any) -> list[str] | None:
    """Names of the arguments a callable takes; None where it takes any."""
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return None
    names = [parameter.name for parameter in parameters if parameter.kind is not inspect.Parameter.VAR_KEYWORD]
    if len(names) == len(parameters):
        return names
    if getattr(target, "__name__", "") == "build_detection_train_loader":
        from torch.utils.data import DataLoader

        return [*names, *inspect.signature(DataLoader).parameters]  # the further ones go there
    return None
