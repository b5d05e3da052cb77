"""Paths in settings files: relative to the file, with variables of the environment, and what must be there."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bunri.files import is_file, is_folder
from bunri.shards import holds_url, is_source

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class PathPlace(NamedTuple):
    """A path in plain values: where it stands, and what is there: a key of ``_THERE``."""

    holder: Any
    """The mapping or list it stands in."""
    key: Any
    place: str
    kind: str

    @property
    def text(self) -> str | None:
        """The path as it is written; None where there is none, or something that is no text."""
        there = self.key in self.holder if isinstance(self.holder, dict) else True
        return self.holder[self.key] if there and isinstance(self.holder[self.key], str) else None


PHOTOS = "folder, tar or URL of photos"
"""What is there where photos are."""

_THERE: Mapping[str, Callable[[Path], bool]] = {
    "file": is_file,
    "folder": is_folder,
    PHOTOS: lambda path: is_folder(path) or is_source(path),
    "file of each run": lambda path: True,  # named by fold and seed: looked for when the data of the runs is written
}


def expand_paths(places: Iterable[PathPlace], folder: Path) -> list[str]:
    """Make paths absolute where they stand; ``${NAME}`` and ``${NAME:-default}`` expand. Returns what is wrong."""
    mistakes = []
    for place in places:
        text = place.text
        if text is None:
            continue
        missing = [m[1] for m in _VARIABLE.finditer(text) if m[1] not in os.environ and m[2] is None]
        if missing:
            mistakes.append(f"{place.place}: the environment variable {missing[0]} must be set, but it is not")
            continue
        path = absolute(folder, _VARIABLE.sub(lambda m: os.environ.get(m[1], m[2] or ""), text))
        place.holder[place.key] = str(path)
        if not _THERE[place.kind](path):
            mistakes.append(f"{place.place}: must be a {place.kind}, but {path} is none")
    return mistakes


def absolute(folder: Path, text: str) -> Path:
    """Not resolved, nor URLs: an interpreter that is a link knows its environment by the place of the link."""
    if holds_url(text):
        return Path(text)
    return Path(os.path.abspath(folder / os.path.expanduser(text)))  # noqa: PTH100, PTH111 - resolve() follows links
