"""Where each photo of a source lies, found once in a process."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from bunri.boxes import IntArray
from bunri.errors import DataError
from bunri.shards.places import is_source, source_of
from bunri.shards.stores import Store, store_of, told
from bunri.shards.tars import MOST_BYTES, members_of


@dataclass(frozen=True, eq=False)
class Index:
    """The N photos of a source.

    Attributes:
        files: The shards, or the photos themselves.
        states: Size of each and when it was changed.
        row: Row of each photo by its name.
        file: ``(N,)`` position in ``files``.
        start: ``(N,)`` first byte.
        size: ``(N,)`` bytes.
    """

    files: tuple[str, ...]
    states: tuple[tuple[int, int], ...]
    row: dict[str, int]
    file: IntArray
    start: IntArray
    size: IntArray

    def content(self, row: int, store: Store) -> bytes:
        """The bytes of a photo.

        Raises:
            DataError: The shard is not as it was, or the photo too large.
        """
        number, start, size = int(self.file[row]), int(self.start[row]), int(self.size[row])
        path = self.files[number]
        if size > MOST_BYTES:
            raise DataError(f"a photo must have {MOST_BYTES} bytes at most, but {path} has {size}")
        content = store.read(path, self.states[number], start, size)
        if len(content) < size:
            raise DataError(f"{path} must have {size} bytes from {start} on, but has {len(content)}. Write it again.")
        if len(content) > size:
            raise DataError(
                f"a server must give parts of a file, but asked for {size} bytes of {path} from {start} on it gave "
                f"{len(content)}. Copy the shards to one that knows HTTP's ranges, or to this machine."
            )
        return content


@lru_cache(maxsize=16)
def index_of(source: str) -> Index:
    """The index of a tar, a pattern of tars or a folder's URL.

    Raises:
        DataError: There is no file, a shard is broken, or two members have one name.
        UsageError: The scheme of a URL is not known.
    """
    store = store_of(source)
    with told(source):
        files = store.files(source)
        if not files:
            raise DataError(f"there must be a shard or a photo at {source}, but there is none. Check the path.")
        states = tuple(map(store.state, files))
        rows, row = list[tuple[int, int, int]](), dict[str, int]()
        for name, *place in _photos(source, store, files, states):
            if row.setdefault(name, len(rows)) != len(rows):
                twice = files[rows[row[name]][0]], files[place[0]]
                raise DataError(
                    f"members must have names of their own, but {name!r:.200} is in {' and in '.join(twice)}"
                )
            rows.append((place[0], place[1], place[2]))
    file, start, size = np.array(rows, np.int64).reshape(-1, 3).T
    return Index(tuple(files), states, row, file, start, size)


def _photos(
    source: str, store: Store, files: list[str], states: tuple[tuple[int, int], ...]
) -> Iterator[tuple[str, int, int, int]]:
    """Name, file, first byte and size of each."""
    for number, path in enumerate(files):
        if not source.endswith(".tar"):
            yield path.rpartition("/")[2], number, 0, states[number][0]
            continue
        with store.opened(path) as file:
            for name, start, size in members_of(path, file):
                yield name, number, start, size


def prepare(folder: Path | None) -> None:
    """Make the index of an image folder that is none, before processes are forked that would each make it.

    Raises:
        DataError, UsageError: As :func:`index_of`.
    """
    if folder is not None and is_source(folder) and folder.suffix == ".tar":
        index_of(source_of(folder))
