"""Paths that lead into tar shards or to a URL."""

import re
from pathlib import Path
from typing import NamedTuple

from bunri.files import is_folder

_URL = re.compile(r"(?:^|/)([A-Za-z][\w+.:-]+):/+(.*)")
"""A scheme of two letters at least, at the beginning or after the folder that a relative path was put below."""

_ROOTED = frozenset({"file", "local"})
"""Schemes whose paths begin at the root of the file system."""

_TAR = ".tar"


class Place(NamedTuple):
    """Where a stored photo is."""

    source: str
    """A tar, a pattern of tars, or a folder's URL."""
    member: str
    """Its name there."""


def holds_url(text: str) -> bool:
    """Whether a path, or what is to become one, holds a URL."""
    return _URL.search(text) is not None


_LEAVES = re.compile(
    r"""^[/\\]             # from the root, or of another machine
    | ^[A-Za-z]:          # of a drive
    | (^|[/\\])\.\.([/\\]|$)  # upwards
    | ^\.?([/\\]\.?)*$   # the folder itself
    | \0""",
    re.VERBOSE,
)


def leaves_folder(file_name: str) -> bool:
    """Whether a file name could lead out of the folder it starts in, on this system or on another.

    It is absolute, climbs with ``..``, names a drive, is a URL, or is no name at all: empty, or with a NUL. Links that
    the owner of the folder has put there are followed; a file name cannot make one.
    """
    return _LEAVES.search(file_name) is not None or holds_url(file_name)


def _plain(path: Path) -> str:
    """The URL that a path holds, else the path as text."""
    text = path.as_posix()
    match = _URL.search(text)
    if match is None:
        return text
    root = "/" if match[1] in _ROOTED else ""
    return f"{match[1]}://{root}{match[2]}"


def place_of(path: Path) -> Place | None:
    """Where a photo is stored; None for a file in a folder."""
    text = _plain(path)
    source, tar, member = text.partition(f"{_TAR}/")
    if tar and not is_folder(Path(source + _TAR)):
        return Place(source + _TAR, member)
    if "://" not in text:
        return None
    folder, _, name = text.rpartition("/")
    return Place(folder, name)


def is_source(path: Path) -> bool:
    """Whether photos may be read below a path that is no folder: a tar, a pattern of tars, or a URL."""
    return holds_url(path.as_posix()) or (path.suffix == _TAR and not is_folder(path))


def source_of(path: Path) -> str:
    """The source that :func:`is_source` knows."""
    return _plain(path)


def absolute_folder(path: Path) -> Path:
    """The path from the root; one that holds a URL as it is."""
    return path if holds_url(path.as_posix()) else path.absolute()
