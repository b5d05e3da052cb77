"""Writing photos to tar shards: the same photos give the same bytes."""

import io
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bunri.errors import DataError, UsageError
from bunri.files import cannot_write
from bunri.shards.reading import read_file
from bunri.shards.tars import MOST_BYTES


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        shards: Their names, in order.
        photos: How many photos are in them.
    """

    shards: tuple[str, ...]
    photos: int


def write_shards(photos: Iterable[tuple[str, Path]], folder: Path, shard_bytes: int = 2**28) -> Written:
    """Write photos, byte for byte, to ``000000.tar`` and so on in a new folder; whole or not at all.

    The tars are in the layout of webdataset. Order, names and content alone decide the bytes: owner, mode and time are
    the same for all.

    Args:
        photos: Name and path of each, in order.
        folder: Must not be there yet, or be empty.
        shard_bytes: A shard is closed when its photos have so many.

    Raises:
        DataError: A photo is not there, or is larger than ``MOST_BYTES``.
        OutputError: The folder cannot be written.
        UsageError: There is something in the folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"shards must go to a new folder, but there is something at {folder}. Give another --out.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        written = _write(photos, temporary, shard_bytes)
        temporary.chmod(0o755)
        temporary.replace(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return written


def _write(photos: Iterable[tuple[str, Path]], folder: Path, shard_bytes: int) -> Written:
    left, shards, count = _contents(photos), list[str](), 0
    for first in left:
        shards.append(f"{len(shards):06}.tar")
        room = shard_bytes
        with tarfile.open(folder / shards[-1], "w", format=tarfile.PAX_FORMAT) as tar:
            for name, content in chain([first], left):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
                room, count = room - len(content), count + 1
                if room <= 0:
                    break
    return Written(tuple(shards), count)


def _contents(photos: Iterable[tuple[str, Path]]) -> Iterator[tuple[str, bytes]]:
    for name, path in photos:
        try:
            content = read_file(path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise DataError(
                f"every photo must be there, but {path}: {reason}. Give their folder with --images."
            ) from error
        if len(content) > MOST_BYTES:
            raise DataError(f"a photo must have {MOST_BYTES} bytes at most, but {path} has {len(content)}")
        yield name, content
