"""A model's ``sweep``: lists of values by dotted key become one model for each combination."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from bunri.config.overrides import with_value
from bunri.errors import ConfigError

SWEPT = ("set", "recipe")
"""Parts of a model that a sweep may change."""

MOST_ARMS = 1000
"""Models of one sweep; more are a slip of the pen."""


LONGEST_LABEL = 60
"""Letters of a key and its value in the name of an arm: names of folders have limits."""


def expand_sweeps(values: dict[str, Any]) -> list[str]:
    """Put the arms of every sweep in place of their model; gives the mistakes, and leaves out a sweep that has some.

    Arms are named ``<model>-<key>_<value>...``, by the last part of each dotted key, or by all of it where two keys of
    the sweep end alike.
    """
    mistakes: list[str] = []
    models = values.get("models")
    if isinstance(models, list):
        values["models"] = [arm for position, model in enumerate(models) for arm in _arms(model, position, mistakes)]
    return mistakes


def _arms(model: Any, position: int, mistakes: list[str]) -> list[Any]:
    if not isinstance(model, dict):
        return [model]
    sweep, single = model.get("sweep"), {key: value for key, value in model.items() if key != "sweep"}
    if sweep is None:
        return [single]
    place = f"models.{model.get('name', position)}.sweep"
    wrong = list(_mistakes(sweep, place))
    if not wrong:
        try:
            return [_arm(single, dict(zip(sweep, chosen, strict=True))) for chosen in product(*sweep.values())]
        except ConfigError as error:
            wrong = [f"{place}.{error}"]
    mistakes += wrong
    return [single]


def _mistakes(sweep: Any, place: str) -> Iterator[str]:
    if not isinstance(sweep, Mapping) or not sweep:
        yield f"{place}: must have dotted keys, each with a list of values"
        return
    for key, choices in sweep.items():
        part, dot, rest = str(key).partition(".")
        if part not in SWEPT or not dot or not rest:
            yield f"{place}.{key}: must begin with {' or '.join(f'{part}.' for part in SWEPT)}"
        if not isinstance(choices, list) or not choices:
            yield f"{place}.{key}: must be a list of values, but got {choices!r}"
    count = _product([len(choices) for choices in sweep.values() if isinstance(choices, list)])
    if count > MOST_ARMS:
        yield f"{place}: must give at most {MOST_ARMS} models, but gives {count}"


def _product(lengths: Sequence[int]) -> int:
    count = 1
    for length in lengths:
        count *= length
    return count


def _arm(model: dict[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    arm = model
    for key, value in chosen.items():
        arm = with_value(arm, key, value)
    name = str(model.get("name"))
    return {"arm_of": name, **arm, "name": "-".join([name, *_labels(chosen)])}


def _labels(chosen: Mapping[str, Any]) -> Iterator[str]:
    """What tells an arm from the others; a name becomes a folder, so other letters become ``_``."""
    ends = [key.rpartition(".")[2] for key in chosen]
    keys = ends if len(set(ends)) == len(ends) else list(chosen)
    for key, value in zip(keys, chosen.values(), strict=True):
        yield re.sub(r"[^\w.+]+", "_", f"{key}_{_said(value)}").strip("_")[:LONGEST_LABEL]


def _said(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
