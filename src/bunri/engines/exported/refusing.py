"""Refusing what cannot be exported exactly, by name."""

from collections.abc import Mapping
from typing import Any

from bunri.errors import ConfigError


def must_be(framework: str, part: Any, *kinds: type) -> None:
    """Refuse a part of another class, as one of the user's own may compute anything.

    Raises:
        ConfigError: Naming it and what it must be.
    """
    if type(part) not in kinds:
        known = " or ".join(kind.__name__ for kind in kinds)
        raise ConfigError(
            f"a {type(part).__name__} of {framework} cannot be exported, only {known}. `bunri predict` runs it in its "
            "framework."
        )


def must_hold(values: Mapping[str, Any], place: str, **wanted: Any) -> None:
    """Refuse values that are said otherwise.

    Raises:
        ConfigError: Naming the first, and what it must be.
    """
    for key, value in wanted.items():
        if values.get(key, value) != value:
            raise ConfigError(f"{place}.{key} must be {value!r} for an export, but is {values[key]!r}")
