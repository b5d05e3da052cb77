"""One process at a time in a run folder, also when the one before it was killed."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bunri.errors import OutputError, UsageError
from bunri.files import cannot_write
from bunri.run_folder import RunFolder

SECONDS_FOR_LOCK = 60.0
"""The worker of a killed run may still be saving; so long its continuation waits."""


@contextmanager
def locked(folder: RunFolder, seconds: float | None = None) -> Iterator[int]:
    """Hold a run folder; gives the file descriptor, which the worker inherits, so that a surviving one holds it, too.

    Args:
        folder: The run folder.
        seconds: How long to wait for it; null waits ``SECONDS_FOR_LOCK``.

    Raises:
        UsageError: Somebody else trains in it.
        OutputError: The folder cannot be written.
    """
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder.lock_file, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise cannot_write(folder.path, error) from error
    try:
        _wait_for_lock(descriptor, folder.path, SECONDS_FOR_LOCK if seconds is None else seconds)
        yield descriptor
    finally:
        os.close(descriptor)


def _wait_for_lock(descriptor: int, path: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise UsageError(
                    f"{path} must be free, but another process trains in it. Wait until it is done, or end it."
                ) from None
        except OSError as error:
            raise OutputError(f"{path} must be on a file system with locks, but: {error.strerror}") from error
        time.sleep(0.2)
