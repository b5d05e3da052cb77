"""A reader of files as a hunt sees it: a place for the file, and what it reads without complaint."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FOLDER = b"@folder@"
"""Stands in a content for the folder it is read in."""

Others = Mapping[str, bytes] | Callable[[], Mapping[str, bytes]]


@dataclass(frozen=True)
class Reader:
    """A reader and what it reads.

    Attributes:
        file: Where the file lies in its folder.
        read: Called with the path of the file; what it must raise for a broken one is an error of ours.
        seeds: Contents that it reads without complaint.
        others: Further files that must lie in the folder, by name, or what makes them.
        is_slow: Whether it takes too long for the tests to make many new files.
    """

    file: str
    read: Callable[[Path], object]
    seeds: Callable[[], Sequence[bytes]]
    others: Others
    is_slow: bool = False

    @cached_property
    def _others(self) -> Mapping[str, bytes]:
        return self.others() if callable(self.others) else self.others

    def read_content(self, content: bytes, folder: Path) -> object:
        """Write the content to its place and read it."""
        for name, other in {**self._others, self.file: content}.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(other.replace(FOLDER, str(folder).encode()))
        return self.read(folder / self.file)
