"""MMEngine's own dictionaries and lists as Python's."""

from collections.abc import Mapping
from typing import Any


def plain(values: Any) -> Any:
    """The same in plain dictionaries and lists."""
    if isinstance(values, Mapping):
        return {key: plain(value) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [plain(value) for value in values]
    return values
