"""A folder of a file system of fsspec, with errors that say what to do."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, Self
from uuid import uuid4

from bunri.errors import BunriError, ConfigError, DataError, OutputError
from bunri.file_systems import file_system_of
from bunri.store.settings import url_mistakes

WHOLE_OBJECTS = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"}
"""File systems where a file appears when all of it has been written; elsewhere it gets another name until then."""

UNFINISHED = ".unfinished"
"""End of that name."""

TRIAL = ".bunri-"
"""Beginning of the name of a file that is written to see whether it can be."""


class Store:
    """A folder somewhere, which may not be there yet. Paths are relative to it, with ``/``."""

    def __init__(self, url: str) -> None:
        """Take the folder's URL; nothing is asked of the storage yet.

        Raises:
            ConfigError: It is no URL of a file system that fsspec knows, or holds a password.
            MissingPackageError: fsspec, or what it needs for this storage, is not installed.
        """
        if mistakes := list(url_mistakes(url)):
            raise ConfigError(f"the URL of a store {mistakes[0]}")
        self.url = url.rstrip("/")
        self._system, root = file_system_of(self.url)
        self._root = root.rstrip("/")

    def folder(self, path: str) -> Self:
        """A folder in it."""
        return type(self)(f"{self.url}/{path}")

    def check(self) -> None:
        """Write a small file and delete it, which all that is done later needs.

        Raises:
            OutputError: It cannot be done.
        """
        path = f"{TRIAL}{uuid4().hex}"
        self.write(path, b"may bunri write here?")
        self.delete(path)

    def files(self) -> list[str]:
        """All files below it, sorted; none where there is no such folder.

        Raises:
            DataError: It cannot be listed, or a name in it leads out of it.
        """
        with self._asked("listed", DataError):
            self._system.invalidate_cache()
            found = self._system.find(self._root)
        paths = [str(path).removeprefix(self._root).lstrip("/") for path in found]
        for path in paths:
            if ".." in PurePosixPath(path).parts:
                raise DataError(f"{self.url}: names of files must stay in the folder, but there is {path!r}")
        return sorted(path for path in paths if path and not path.endswith((UNFINISHED, "/")) and TRIAL not in path)

    def read(self, path: str) -> bytes | None:
        """The content of a file, None where there is none.

        Raises:
            DataError: It cannot be read.
        """
        with self._asked(f"read ({path})", DataError):
            try:
                content: bytes = self._system.cat_file(self._at(path))
            except FileNotFoundError:
                return None
        return content

    def read_json(self, path: str) -> dict[str, Any]:
        """A file of JSON, empty where there is none.

        Raises:
            DataError: It cannot be read, or is no JSON.
        """
        content = self.read(path)
        try:
            return {} if content is None else dict(json.loads(content))
        except (ValueError, TypeError) as error:
            raise DataError(f"{self.url}/{path} must be as bunri writes it, but is not: {error}. Delete it.") from error

    def write(self, path: str, content: bytes) -> None:
        """Write a small file whole or not at all.

        Raises:
            OutputError: It cannot be written.
        """
        with self._writing(path) as at:
            self._system.pipe_file(at, content)

    def put(self, file: Path, path: str) -> None:
        """Copy a local file there, whole or not at all.

        Raises:
            OutputError: It cannot be written.
        """
        with self._writing(path) as at:
            self._system.put_file(str(file), at)

    def get(self, path: str, file: Path) -> None:
        """Copy a file from there.

        Raises:
            DataError: It cannot be read.
        """
        with self._asked(f"read ({path})", DataError):
            self._system.get_file(self._at(path), str(file))

    def delete(self, path: str) -> None:
        """Delete a file that may be gone already.

        Raises:
            OutputError: It cannot be deleted.
        """
        with self._asked(f"written ({path} is to be deleted)", OutputError), suppress(FileNotFoundError):
            self._system.rm_file(self._at(path))

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    @contextmanager
    def _writing(self, path: str) -> Iterator[str]:
        protocol = self._system.protocol
        names = {protocol} if isinstance(protocol, str) else set(protocol)
        with self._asked(f"written ({path})", OutputError):
            if names & WHOLE_OBJECTS:
                yield self._at(path)
                return
            self._system.makedirs(self._at(path).rpartition("/")[0], exist_ok=True)
            yield self._at(path + UNFINISHED)
            self._system.mv(self._at(path + UNFINISHED), self._at(path))

    @contextmanager
    def _asked(self, done: str, kind: type[BunriError]) -> Iterator[None]:
        """Every storage has errors of its own, which say what came in their first line."""
        try:
            yield
        except BunriError:
            raise
        except Exception as error:
            said = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
            raise kind(
                f"{self.url} must be a place that can be {done}, but: {said}. Check that it exists, and the rights, "
                "keys and endpoint in the environment of this process."
            ) from error
