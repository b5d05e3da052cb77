"""Overrides by dotted key, checked one by one and merged as ``Config.merge_from_dict`` merges them."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from bunri.engines.mmdetection import keys, variables
from bunri.settings import nearest


def apply(values: Mapping[str, Any], overrides: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The config with overrides, and what is wrong with them; with mistakes nothing is merged."""
    from mmengine.config import Config

    fitting, mistakes = {}, []
    for dotted, value in overrides.items():
        mistake = _mistake(values, dotted.split("."), value)
        if mistake is None:
            fitting[dotted] = _as_before(values, dotted.split("."), value)
        else:
            mistakes.append(f"{dotted}: {mistake}")
    if mistakes or not overrides:
        return copy.deepcopy(dict(values)), mistakes
    config = Config(copy.deepcopy(dict(values)), format_python_code=False)
    try:
        config.merge_from_dict(copy.deepcopy(fitting))
    except (KeyError, TypeError) as error:
        return dict(values), [f"set: {error}"]
    return config.to_dict(), []


def _mistake(values: Mapping[str, Any], path: Sequence[str], new: Any) -> str | None:
    """What is wrong with an override, or None."""
    if path[0] in (*variables.UNREAD, *variables.SET_BY_BUNRI):
        return "is not read here: bunri sets it, or predicts by val_dataloader and recipe.tta. Remove it"
    if path[0] not in variables.runner_keys():
        return _no_key_of_the_runner(values, path[0])
    node: Any = values
    for depth, key in enumerate(path):
        place = ".".join(path[:depth])
        if isinstance(node, (list, tuple)):
            if not key.isdigit() or int(key) >= len(node):
                return f"{place} is a list of {len(node)}, so {key!r} must be a number below that"
            node = node[int(key)]
        elif isinstance(node, Mapping):
            if key not in node:
                return _unknown(node, key, place)
            node = node[key]
        else:
            return f"{place} holds {node!r}, not keys"
    return _other_kind(node, new)


def _no_key_of_the_runner(values: Mapping[str, Any], key: str) -> str:
    if key in values:
        return (
            f"{key!r} is a variable of the config file and was used when the file was read; changing it now changes "
            "nothing. Override the keys it went to"
        )
    return f"unknown key {key!r}{nearest(key, variables.runner_keys())}"


def _unknown(node: Mapping[str, Any], key: str, place: str) -> str | None:
    """A key the config does not have: fine where its place can take it."""
    known = keys.keys_of(node, place)
    if known is None or key in known:
        return None
    return f"unknown key {key!r}{nearest(key, sorted({*known, *node}))}"


def _other_kind(old: Any, new: Any) -> str | None:
    """A sentence where a number, a switch or a group of keys would become something of another kind."""
    if new is None or old is None:
        return None
    if isinstance(old, bool) != isinstance(new, bool) or (_number(old) and not _number(new)):
        return f"holds {old!r}, so it must be of that kind, got {new!r}"
    if isinstance(old, Mapping) and not isinstance(new, Mapping):
        return f"holds keys ({', '.join(map(str, old))}), so it must be keys or null, got {new!r}"
    return None


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _as_before(values: Mapping[str, Any], path: Sequence[str], new: Any) -> Any:
    """A list becomes a tuple where the config has one: YAML knows no tuples, and MMCV tells them apart."""
    node: Any = values
    for key in path:
        if isinstance(node, (list, tuple)):
            node = node[int(key)] if key.isdigit() and int(key) < len(node) else None
        else:
            node = node.get(key) if isinstance(node, Mapping) else None
    return tuple(new) if isinstance(node, tuple) and isinstance(new, list) else new
