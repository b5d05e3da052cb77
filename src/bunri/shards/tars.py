"""The members of a tar by their heads, each checked: files only, names that stay, sizes in bounds."""

import tarfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple

from bunri.errors import DataError
from bunri.shards.places import leaves_folder

MOST_BYTES = 2**28
"""Largest photo."""

MOST_HEAD = 2**20
"""Largest piece of a head: long names, and what pax headers say."""


class Member(NamedTuple):
    """A file in a tar."""

    name: str
    start: int
    """First byte of its content."""
    size: int
    """Bytes of its content."""


class _Heads:
    """A file of which no large piece is read: a head that claims to be gigabytes long is refused, not read."""

    def __init__(self, file: Any) -> None:
        self._file, self.seek, self.tell = file, file.seek, file.tell

    def read(self, size: int) -> bytes:
        if size > MOST_HEAD:
            raise tarfile.ReadError(f"a head of {size} bytes is too long")
        return bytes(self._file.read(size))


def members_of(shard: str, file: IO[bytes]) -> Iterator[Member]:
    """The files of an uncompressed tar, in order; folders are passed over.

    Raises:
        DataError: It is no whole tar, or has a member that is a link or a device, or too large, or leaves the folder;
            the message names shard and member.
    """
    last = None
    try:
        with tarfile.open(fileobj=_Heads(file), mode="r:") as tar:  # type: ignore[call-overload]
            while (info := tar.next()) is not None:
                last = info.name
                tar.members.clear()  # else a kilobyte of each is kept
                if not info.isdir():
                    yield _checked(shard, info)
            _check_end(file, tar.offset)
    except (tarfile.TarError, OSError, ValueError, EOFError, OverflowError) as error:
        place = "at its beginning" if last is None else f"after {last!r:.200}"
        raise DataError(
            f"a shard must be a whole tar, but {shard} is not, {place}: {error}. Write it again."
        ) from error


def _checked(shard: str, info: tarfile.TarInfo) -> Member:
    wrong = None
    if not info.isreg() or info.issparse():
        wrong = "is a link, a device or sparse"
    elif leaves_folder(info.name):
        wrong = "has a name that leads out of the folder"
    elif not 0 <= info.size <= MOST_BYTES:
        wrong = f"has {info.size} bytes, and {MOST_BYTES} are allowed"
    if wrong is not None:
        raise DataError(
            f"members of a shard must be photos, but {info.name!r:.200} of {shard} {wrong}. Write it again."
        )
    return Member(PurePosixPath(info.name).as_posix(), info.offset_data, info.size)


def _check_end(file: IO[bytes], offset: int) -> None:
    """After the last member a block of zeros must stand: a tar that was cut off between two members has none."""
    file.seek(offset)
    if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("it breaks off, or what follows is broken")
