"""Real file systems that are small, full or read-only, for tests; where they cannot be mounted the tests skip."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PAGE = 4096
"""Bytes of a block of a tmpfs."""


class Disk:
    """A file system of its own in memory.

    Attributes:
        folder: Where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler.bin"

    def fill(self, pages_left: int = 0) -> None:
        """Take all space but a few pages."""
        free = os.statvfs(self.folder).f_bavail - pages_left
        with self._filler.open("wb") as file:
            file.write(b"\0" * PAGE * max(free, 0))

    def free(self) -> None:
        """Give the space back."""
        self._filler.unlink()

    def protect(self) -> None:
        """Let nobody write, root neither."""
        _mount("-o", "remount,ro", str(self.folder))

    def allow(self) -> None:
        """Let everybody write again."""
        _mount("-o", "remount,rw", str(self.folder))

    def content(self) -> dict[str, bytes]:
        """Every file but the filler and locks, temporary and hidden ones too."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.name not in ("filler.bin", ".lock")]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}


@contextmanager
def mounted(folder: Path, size: str = "2m") -> Iterator[Disk]:
    """A small file system at ``folder``; skips the test where it cannot be mounted."""
    folder.mkdir(parents=True)
    try:
        _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small file system cannot be mounted here (root and mount are needed): {error}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
