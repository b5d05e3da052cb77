"""One folder for all nodes: whether a node sees it, and its locks, is tried and not believed."""

import fcntl
import os
import platform
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bunri.errors import ConfigError, OutputError, UsageError
from bunri.files import cannot_write


@dataclass(frozen=True)
class Sign:
    """A locked file of the one process that drives an experiment on a cluster, and what it wrote there."""

    path: Path
    text: str

    def check(self) -> None:
        """Look, from a node, whether the driver's file and the driver's lock are seen.

        Raises:
            ConfigError: They are not: the folder is another one here, or its locks hold on one machine only.
        """
        seen = self.path.read_text() if self.path.is_file() else None
        if seen != self.text:
            raise ConfigError(
                f"`runs` must be a folder that all nodes share under one path, but on {platform.node()} "
                f"{self.path.parent} is another one. Mount it there, or choose a shared one with runs=FOLDER."
            )
        with self.path.open("r+") as file:
            if _takes_lock(file.fileno(), self.path):
                raise ConfigError(
                    f"`runs` must be on storage whose locks all nodes see, but on {platform.node()} the lock on "
                    f"{self.path} is not held: either the process that drives the experiment has ended, or locks are "
                    "local (NFS needs version 4, Lustre the mount option flock)."
                )


@contextmanager
def driving(folder: Path) -> Iterator[Sign]:
    """Be the only one that drives the experiment in ``folder``; gives what nodes look for.

    Raises:
        UsageError: Somebody else drives it.
        OutputError: It cannot be written, or has no locks.
    """
    path, text = folder.absolute() / ".driver", uuid.uuid4().hex
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        if not _takes_lock(descriptor, path):
            raise UsageError(f"{folder} must be driven by one process, but another one runs it on a cluster. Wait.")
        os.ftruncate(descriptor, 0)
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
        yield Sign(path, text)
    finally:
        os.close(descriptor)


def _takes_lock(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise OutputError(f"{path} must be on a file system with locks, but: {error.strerror}") from error
    return True
