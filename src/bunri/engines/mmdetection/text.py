"""A config as text: Python that MMEngine reads back, one key a line so that differences are seen."""

import keyword
import math
from collections.abc import Mapping
from typing import Any

WIDTH = 100
"""What fits into so many characters stays on one line."""


def as_text(values: Mapping[str, Any]) -> str:
    """A whole config; read alone it says everything."""
    return "".join(f"{key} = {_value(value, 0)}\n" for key, value in values.items())


def _value(value: Any, depth: int) -> str:
    if isinstance(value, Mapping):
        return _dict(value, depth)
    if isinstance(value, (list, tuple)):
        return _sequence(value, depth)
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    if value is None or isinstance(value, (str, int, float, bytes)):
        return repr(value)
    return repr(f"{value.__module__}.{value.__qualname__}" if hasattr(value, "__qualname__") else str(value))


def _dict(values: Mapping[Any, Any], depth: int) -> str:
    if all(isinstance(key, str) and key.isidentifier() and not keyword.iskeyword(key) for key in values):
        return _joined("dict(", [f"{key}={_value(value, depth + 1)}" for key, value in values.items()], ")", depth)
    entries = [f"{key!r}: {_value(value, depth + 1)}" for key, value in values.items()]
    return _joined("{", entries, "}", depth)


def _sequence(values: list[Any] | tuple[Any, ...], depth: int) -> str:
    entries = [_value(value, depth + 1) for value in values]
    if isinstance(values, tuple):
        return _joined("(", entries, ",)" if len(entries) == 1 else ")", depth)
    return _joined("[", entries, "]", depth)


def _joined(start: str, entries: list[str], end: str, depth: int) -> str:
    line = start + ", ".join(entries) + end
    if len(line) <= WIDTH - 4 * depth and "\n" not in line:
        return line
    indent = "    " * (depth + 1)
    body = "".join(f"\n{indent}{entry}," for entry in entries)
    return f"{start}{body}\n{'    ' * depth}{end.lstrip(',')}"
