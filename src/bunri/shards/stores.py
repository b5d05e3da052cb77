"""Files on this machine or behind a URL, with the few things shards need of them."""

import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Protocol

from bunri.errors import BunriError, DataError
from bunri.file_systems import file_system_of

READ_AHEAD = 2**20
"""Bytes of a remote shard fetched in one go while its heads are read."""


class Store(Protocol):
    """Where shards lie."""

    def files(self, pattern: str) -> list[str]:
        """Sorted paths of the files that a pattern, or a folder with its objects, names."""

    def opened(self, path: str) -> Any:
        """A context with the file, to be read and sought in."""

    def state(self, path: str) -> tuple[int, int]:
        """Size in bytes, and when the file was changed (0 where that is not known)."""

    def read(self, path: str, state: tuple[int, int], start: int, size: int) -> bytes:
        """Some bytes of a file, which must be in the state it was in."""


class Folders:
    """This machine's files."""

    def files(self, pattern: str) -> list[str]:
        """Sorted paths of the files that a pattern names."""
        if os.path.isfile(pattern):  # noqa: PTH113 - a name with brackets is no pattern
            return [pattern]
        return sorted(path for path in glob.glob(pattern) if os.path.isfile(path))  # noqa: PTH113, PTH207

    def opened(self, path: str) -> IO[bytes]:
        """A context with the file."""
        return Path(path).open("rb")

    def state(self, path: str) -> tuple[int, int]:
        """Size in bytes, and when the file was changed."""
        status = Path(path).stat()
        return status.st_size, status.st_mtime_ns

    def read(self, path: str, state: tuple[int, int], start: int, size: int) -> bytes:
        """Some bytes of a file, which must be in the state it was in."""
        with self.opened(path) as file:
            status = os.fstat(file.fileno())
            if (status.st_size, status.st_mtime_ns) != state:
                raise DataError(f"a shard must stay as it is while it is used, but {path} was changed. Start again.")
            file.seek(start)
            return file.read(size)


class Remote:
    """What fsspec reaches."""

    def __init__(self, url: str) -> None:
        """Find what speaks the URL's scheme.

        Raises:
            UsageError: As :func:`bunri.file_systems.file_system_of`.
        """
        self._system, _ = file_system_of(url)

    def files(self, pattern: str) -> list[str]:
        """Sorted paths of the files that a pattern, or a folder with its objects, names."""
        inner = self._system._strip_protocol(pattern)
        is_pattern = glob.has_magic(inner) or inner.endswith(".tar")
        if is_pattern:
            return sorted(self._system.glob(inner))
        return sorted(entry["name"] for entry in self._system.ls(inner, detail=True) if entry["type"] == "file")

    def opened(self, path: str) -> Any:
        """A context with the file, fetched as it is read."""
        return self._system.open(path, "rb", block_size=READ_AHEAD, cache_type="readahead")

    def state(self, path: str) -> tuple[int, int]:
        """Size in bytes, and 0."""
        return int(self._system.size(path)), 0

    def read(self, path: str, state: tuple[int, int], start: int, size: int) -> bytes:
        """Some bytes of a file, in one request; whether it was changed is not asked."""
        return bytes(self._system.cat_file(path, start=start, end=start + size))


@lru_cache(maxsize=16)
def store_of(source: str) -> Store:
    """The store a source lies in."""
    return Remote(source) if "://" in source else Folders()


os.register_at_fork(after_in_child=store_of.cache_clear)  # connections belong to the process that made them


@contextmanager
def told(source: str) -> Iterator[None]:
    """Tell what a store raises as an error of ours.

    Raises:
        DataError: It cannot be read.
    """
    try:
        yield
    except BunriError:
        raise
    except Exception as error:  # each of fsspec's stores has exceptions of its own
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(
            f"photos must be readable in {source}, but: {reason}. Check the place and your rights."
        ) from error
