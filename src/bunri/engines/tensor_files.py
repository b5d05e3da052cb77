"""Files of tensors, which may be a stranger's: read as tensors only, so that none can run code, and none can swell."""

import struct
import zipfile
from pathlib import Path
from typing import Any

import torch

from bunri.errors import DataError


def read_tensors(path: Path, what: str) -> dict[str, Any]:
    """A file of tensors: safetensors, or torch's format read with ``weights_only``.

    Raises:
        DataError: The file is absent, broken, or holds more than tensors and plain values.
    """
    if not path.is_file():
        raise DataError(f"{what} must be a file, but {path} is not there. Check the path.")
    try:
        refuse_bomb(path)
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # whatever a broken or hostile file leads torch to
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(
            f"{what} {path} must hold tensors and plain values only, and be whole, but: {reason}"
        ) from error


def refuse_bomb(path: Path) -> None:
    """Refuse an archive that would grow when it is read: torch packs tensors as they are.

    Raises:
        ValueError: Its parts are larger than the file, or it cannot be told.
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, EOFError, struct.error) as error:
        raise ValueError(f"its table of contents is broken: {error}") from error
    if size > path.stat().st_size:
        raise ValueError(f"its parts claim {size} bytes, more than the file has")
