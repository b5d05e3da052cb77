"""Reading photos: upright, RGB, 8 bits, or an error that names the file."""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from bunri.boxes import IntArray
from bunri.errors import DataError
from bunri.pixels import SIDEWAYS, orientation_of, pixels_of
from bunri.shards import read_stored

Photo = NDArray[np.uint8]
"""``(H, W, 3)`` RGB."""

Hash = NDArray[np.uint64]
"""256 bits: ``(4,)`` of a photo, ``(M, 4)`` of many."""

NEAR_DUPLICATE_BITS = 44
"""Photos whose hashes differ in at most this many bits show the same thing."""

_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "HEIF", "AVIF", "BMP", "GIF", "TIFF", "JPEG2000", "PPM", "TGA")
"""Formats of photos by Pillow's names. Others are refused unread: of some, like EPS, reading runs a program."""

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
"""Bytes 8 to 12 of a HEIC file, after ``ftyp`` (ISO/IEC 23008-12)."""

_BROKEN = (OSError, SyntaxError, ValueError, EOFError, RuntimeError, struct.error)
"""What Pillow, and libheif in it, raise for a file that is absent or truncated."""


class UnreadablePhoto(DataError):  # noqa: N818 - what it is, as the doctor says it
    """A file that is no photo; ``reason`` says why."""

    def __init__(self, path: Path | str, reason: str) -> None:
        hint = "Run `bunri doctor` to find all such files."
        super().__init__(f"a photo must be a whole image file, but {path}: {reason}. {hint}")
        self.reason = reason


class TooManyPixels(UnreadablePhoto):
    """A photo larger than its reader allows."""


def read_photo(path: str | PathLike[str]) -> Photo:
    """Read a photo as it is to be seen.

    The EXIF orientation is applied, transparency is laid on white, 16-bit grey is scaled to 8 bits, and CMYK, palette
    and grey become RGB. Of an animation the first frame is read. JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP, GIF, JPEG
    2000, PPM and TGA are read, whatever the file is called. The path may lead into tar shards (:mod:`bunri.shards`).

    Returns:
        ``(H, W, 3)`` uint8 RGB.

    Raises:
        DataError: The file is absent, truncated, not an image, or far larger than a photo (a decompression bomb).
    """
    with opened(Path(path)) as image:
        return pixels_of(image)


def photo_from_bytes(content: bytes, max_pixels: int) -> Photo:
    """Read a photo from a stranger: as :func:`read_photo`, but no larger than ``max_pixels`` (width x height).

    Raises:
        TooManyPixels: It is larger; nothing has been decoded.
        UnreadablePhoto: It is no whole photo.
    """
    with opened(io.BytesIO(content), "the photo") as image:
        width, height = image.size
        if width * height > max_pixels:
            raise TooManyPixels("the photo", f"it has {width} x {height} pixels, and {max_pixels} are allowed")
        return pixels_of(image)


def photo_size(path: str | PathLike[str]) -> tuple[int, int]:
    """Width and height in pixels as the photo is to be seen (EXIF applied), read from the file's head only.

    Raises:
        DataError: As :func:`read_photo`, but a truncated body is not noticed.
    """
    with opened(Path(path)) as image:
        turned = orientation_of(image) in SIDEWAYS and image.format != "TIFF"  # of TIFF, Pillow tells the turned size
        return _swapped(image.size) if turned else image.size


def exif_orientation(path: str | PathLike[str]) -> int:
    """The EXIF orientation, 1 (upright, also where there is none) to 8.

    Raises:
        DataError: As :func:`photo_size`.
    """
    with opened(Path(path)) as image:
        return orientation_of(image)


MOST_PIXELS = {"JPEG2000": 75_000_000, "WEBP": 100_000_000}
"""Width x height by format where at Pillow's own limit, 179 million, its decoder takes more than 2 GB."""


@contextmanager
def opened(file: Path | IO[bytes], name: Path | str = "") -> Iterator[Image.Image]:
    """The image of a file, its pixels not yet read; what Pillow raises in the block is told as an unreadable photo."""
    name = name or str(file)
    try:
        if isinstance(file, Path) and (stored := read_stored(file)) is not None:
            file = io.BytesIO(stored)
        _learn_heic(file, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large photos and odd EXIF; both are read or refused here
            with Image.open(file, formats=_formats()) as image:
                _refuse_too_large(image, name)
                yield image
    except Image.DecompressionBombError as error:
        raise TooManyPixels(name, str(error)) from error
    except UnidentifiedImageError as error:
        raise UnreadablePhoto(name, "it is of no format of photos that is known") from error
    except _BROKEN as error:
        raise UnreadablePhoto(name, getattr(error, "strerror", None) or str(error)) from error


def _refuse_too_large(image: Image.Image, name: Path | str) -> None:
    (width, height), most = image.size, MOST_PIXELS.get(image.format or "")
    if most is not None and width * height > most:
        raise TooManyPixels(name, f"it has {width} x {height} pixels, and {most} are allowed of {image.format}")


def _formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _learn_heic(file: Path | IO[bytes], name: Path | str) -> None:
    """Let Pillow read HEIC, when the first such file comes: most data sets have none."""
    if "HEIF" in Image.OPEN or _head(file)[8:12] not in _HEIC_BRANDS:
        return
    if find_spec("pillow_heif") is None:
        raise UnreadablePhoto(name, "it is HEIC, which needs a package here: `pip install pillow-heif`")
    from pillow_heif import register_heif_opener

    register_heif_opener(thumbnails=False)


def _head(file: Path | IO[bytes]) -> bytes:
    if isinstance(file, Path):
        with file.open("rb") as beginning:
            return beginning.read(12)
    head = file.read(12)
    file.seek(0)
    return head


def _swapped(size: tuple[int, int]) -> tuple[int, int]:
    return size[1], size[0]


def perceptual_hash(photo: Photo) -> Hash:
    """The 256-bit DCT hash of a photo ``(H, W, 3)`` as 4 words: scaling and recompression change few bits.

    Source: C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010, section 3.2.1.
    """
    import imagehash  # brings scipy's FFT: not for reading a photo

    bits = imagehash.phash(Image.fromarray(photo).convert("L"), hash_size=16).hash
    return np.packbits(bits).view(np.uint64)


def near_duplicate_pairs(hashes: Hash, max_bits: int = NEAR_DUPLICATE_BITS) -> IntArray:
    """Pairs of rows ``(P, 2)``, the smaller first, of hashes ``(M, 4)`` that differ in at most ``max_bits`` bits."""
    pairs = [np.empty((0, 2), np.int64)]
    for row in range(len(hashes) - 1):
        distance = np.bitwise_count(hashes[row + 1 :] ^ hashes[row]).sum(axis=1, dtype=np.int64)
        near = row + 1 + np.flatnonzero(distance <= max_bits)
        pairs.append(np.stack([np.full(len(near), row), near], axis=1))
    return np.concatenate(pairs)
