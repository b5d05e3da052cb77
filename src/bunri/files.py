"""Files written whole or not at all, read with an error that says what to do, and hashed."""

import errno
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from bunri.errors import DataError, OutputError

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_RIGHT = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; it takes the place of ``path`` when the block ends without error.

    Raises:
        OutputError: The folder cannot be written or the disk is full. Nothing half-written is left.
    """
    temporary: Path | None = None
    try:
        _refuse_device(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        _flush_to_disk(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _refuse_device(path: Path) -> None:
    """A device or a pipe cannot be replaced by a file; whoever may would break it for all programs."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(None, "it is a device or a pipe, not a file")


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The error for a place that cannot be written, with the next step."""
    reason = error.strerror or str(error)
    step = "Give yourself the right to write there" if error.errno in _NO_RIGHT else "Free space"
    return OutputError(f"{path} must be writable, but: {reason}. {step}, or choose another folder.")


def takes_no_more(error: OSError) -> bool:
    """Whether it is the disk that refuses: full, or not to be written."""
    return error.errno in _NO_SPACE | {errno.EROFS}


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes whole or not at all."""
    with replace_atomically(path) as temporary:
        temporary.write_bytes(content)


def write_encoded(path: Path, encode: Callable[[IO[bytes]], object]) -> None:
    """Write what ``encode`` puts into a file in memory, whole or not at all.

    For libraries that do not notice that a full disk took a part only, as Pillow does not.
    """
    content = io.BytesIO()
    encode(content)
    write_bytes(path, content.getvalue())


def append(file: io.FileIO, content: bytes) -> None:
    """Append to a file opened with ``"ab", buffering=0``: all of the content or, where the disk is full, none of it.

    Raises:
        OSError: The disk takes no more.
    """
    end, rest = os.fstat(file.fileno()).st_size, memoryview(content)
    try:
        while rest:  # a disk that is nearly full takes a part and says nothing
            rest = rest[file.write(rest) :]
    except OSError:
        with suppress(OSError):
            file.truncate(end)
        raise


def delete(path: Path) -> None:
    """Delete a file; it is no error that it is not there.

    Raises:
        OutputError: Its folder cannot be written.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all; NaN is refused, as no other program reads it."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def read_bytes(path: Path, what: str) -> bytes:
    """Read a file that must exist; ``what`` names it in the error.

    Raises:
        DataError: The file is absent, a folder, or not readable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{what} must be a readable file, but {path}: {reason}. Check the path.") from error


def read_json(path: Path, what: str) -> Any:
    """Read UTF-8 JSON that must exist and be whole.

    Raises:
        DataError: The file cannot be read, or breaks off (the message has the line and column), or has a text that is
            none.
    """
    content = read_bytes(path, what)
    try:
        values = json.loads(content)
        if b"\\ud" in content.lower() or b"\xed" in content:  # half a surrogate pair could not be written again
            json.dumps(values, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        place = f"{path}, line {error.lineno}, column {error.colno}"
        raise DataError(f"{what} must be JSON, but {place}: {error.msg}. Write the file again.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{what} must be JSON in UTF-8, but {path}: {error}. Write the file again.") from error
    return values


def is_file(path: Path) -> bool:
    """Whether a file is there; a path that can be none (too long, or not to be encoded) is no error."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder is there, as :func:`is_file`."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
