"""Which keys a place of a config can take: the signature of the class its ``type`` names, or a group of MMEngine's."""

import inspect
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from importlib import import_module
from typing import Any

from bunri.engines.mmdetection.known_keys import (
    ALWAYS,
    ANYTHING,
    FOREIGN,
    FURTHER,
    GROUPS,
    LIMITS,
    LOADER,
    SUPPRESSION,
    TRAINING,
)
from bunri.engines.mmdetection.named import all_names, parameters, targets
from bunri.settings import nearest


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
