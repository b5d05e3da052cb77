"""Overrides of an experiment: ``dotted.key=value`` of the command line, and a model's recipe over the common one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from bunri.errors import ConfigError
from bunri.settings import nearest, parse_yaml

OPEN_KEYS = ("set", "where", "layer_factors", "weights")
"""Below these, the rest of a dotted path is one key: names of the framework, of the data and of layers have dots."""

LENGTHS = ("epochs", "iterations")
"""A recipe gives one of them; a model that gives one replaces the other of the common recipe."""

SAMPLERS = (("repeat_factor_threshold",), ("name", "arguments"))
"""A recipe has one kind of sampler; a model that gives one replaces the other of the common recipe."""


def apply_overrides(values: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """A copy of plain values with overrides applied; values are read as YAML, list entries by position or name.

    Raises:
        ConfigError: One is not of the form ``dotted.key=value``, or leads through something that has no keys.
    """
    changed = _copy(values)
    for override in overrides:
        key, sign, text = override.partition("=")
        if not sign or not key:
            raise ConfigError(f"an override must be dotted.key=value, but got {override!r}")
        _put(changed, _split(key), _parsed(override, text), key)
    return dict(changed)


def with_value(values: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of plain values with one at a dotted key.

    Raises:
        ConfigError: The key leads through something that has no keys.
    """
    changed = _copy(values)
    _put(changed, _split(key), value, key)
    return dict(changed)


def _copy(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {key: _copy(value) for key, value in values.items()}
    return [_copy(value) for value in values] if isinstance(values, list) else values


def _parsed(override: str, text: str) -> Any:
    try:
        return parse_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"the value of {override!r} must be YAML, but: {error}") from error


def _split(key: str) -> list[str]:
    parts = key.split(".")
    opened = next((place for place, part in enumerate(parts[:-1]) if part in OPEN_KEYS), len(parts))
    return parts[: opened + 1] + ([".".join(parts[opened + 1 :])] if opened + 1 < len(parts) else [])


def _put(values: Any, parts: Sequence[str], value: Any, key: str) -> None:
    *way, last = parts
    for part in way:
        values = _step(values, part, key)
    if isinstance(values, list):
        values[_position(values, last, key)] = value
    elif isinstance(values, dict):
        values[last] = value
    else:
        raise ConfigError(f"{key}: {'.'.join(way)} has no keys below it")


def _step(values: Any, part: str, key: str) -> Any:
    if isinstance(values, list):
        return values[_position(values, part, key)]
    if not isinstance(values, dict):
        raise ConfigError(f"{key}: there are no keys at {part!r}")
    if values.get(part) is None:
        values[part] = {}
    return values[part]


def _position(entries: list[Any], part: str, key: str) -> int:
    names = [str(entry.get("name", "")) if isinstance(entry, dict) else "" for entry in entries]
    if part in names:
        return names.index(part)
    if part.isdecimal() and int(part) < len(entries):
        return int(part)
    raise ConfigError(f"{key}: no entry is called {part!r}{nearest(part, [name for name in names if name])}")


def merge_recipes(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A model's recipe: the common one with the model's own values over it, mapping by mapping.

    >>> merge_recipes({"epochs": 3, "optimizer": {"lr": 0.1, "name": "SGD"}}, {"iterations": 9, "optimizer": {"lr": 1}})
    {'optimizer': {'lr': 1, 'name': 'SGD'}, 'iterations': 9}
    """
    length_given = any(own.get(key) is not None for key in LENGTHS)
    kept = {key: value for key, value in common.items() if not (length_given and key in LENGTHS)}
    return _merged(_without_other_sampler(kept, own.get("sampler")), own)


def _without_other_sampler(common: Mapping[str, Any], own: Any) -> dict[str, Any]:
    """The common recipe without the kind of sampler that a model's own replaces."""
    kept, sampler = dict(common), common.get("sampler")
    if not isinstance(own, Mapping) or not isinstance(sampler, Mapping):
        return kept
    replaced = [key for kind in SAMPLERS if not any(own.get(k) is not None for k in kind) for key in kind]
    if len(replaced) < sum(map(len, SAMPLERS)):
        kept["sampler"] = {key: value for key, value in sampler.items() if key not in replaced}
    return kept


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(merged.get(key), Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
