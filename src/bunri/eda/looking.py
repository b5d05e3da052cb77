"""Every photo looked at once, small: its brightness and colour, and the hash that finds its near-duplicates."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from bunri.boxes import FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.photos import Hash, Photo, UnreadablePhoto, near_duplicate_pairs, perceptual_hash
from bunri.splits import connected, rows_with_photo
from bunri.thumbnails import read_small

SMALL_SIDE = 256
"""Pixels of the longer side: four times what the hash looks at."""

LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in brightness (ITU-R BT.601)."""


@dataclass(frozen=True)
class Looks:
    """What K photos look like, in the order of ``rows``.

    Attributes:
        rows: ``(K,)`` rows in the images of the data set.
        brightness: ``(K,)`` mean luma, 0 black to 255 white.
        contrast: ``(K,)`` standard deviation of the luma.
        colourfulness: ``(K,)`` mean distance of the strongest channel to the weakest, 0 grey to 255.
        hashes: ``(K, 4)`` perceptual hashes.
        missing: Number of images without a photo in the folder.
        unreadable: Names of photos that cannot be read; ``bunri doctor`` says why.
    """

    rows: IntArray
    brightness: FloatArray
    contrast: FloatArray
    colourfulness: FloatArray
    hashes: Hash
    missing: int
    unreadable: tuple[str, ...]


def look_at_photos(dataset: Dataset) -> Looks:
    """Look at all photos of a data set that are in its folder, in threads: decoding leaves Python's lock.

    Raises:
        DataError: No photo is there, or none can be read.
    """
    rows = rows_with_photo(dataset)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = list(pool.map(lambda row: _look(dataset, int(row)), rows))
    whole = [number for number, look in enumerate(seen) if look is not None]
    if not whole:
        raise DataError(_nothing_to_see(dataset, len(rows)))
    looks = [look for look in seen if look is not None]
    brightness, contrast, colourfulness = np.array([numbers for numbers, _ in looks]).T
    return Looks(
        rows=rows[whole],
        brightness=brightness,
        contrast=contrast,
        colourfulness=colourfulness,
        hashes=np.stack([hashed for _, hashed in looks]),
        missing=len(dataset) - len(rows),
        unreadable=tuple(dataset.images.file_name[row] for row, look in zip(rows, seen, strict=True) if look is None),
    )


def _nothing_to_see(dataset: Dataset, there: int) -> str:
    what = "none of them can be read; run `bunri doctor`" if there else "none is; give the folder with --images DIR"
    return f"photos named by the annotations must be in {dataset.image_folder}, but {what}"


def _look(dataset: Dataset, row: int) -> tuple[tuple[float, float, float], Hash] | None:
    try:
        photo = read_small(dataset.path_of(row), SMALL_SIDE)
    except UnreadablePhoto:
        return None
    return numbers_of(photo), perceptual_hash(photo)


def numbers_of(photo: Photo) -> tuple[float, float, float]:
    """Brightness, contrast and colourfulness of a photo ``(H, W, 3)``, each from 0 to 255."""
    luma = photo @ LUMA
    spread = photo.max(axis=2).astype(np.float64) - photo.min(axis=2)
    return float(luma.mean()), float(luma.std()), float(spread.mean())


def duplicate_groups(looks: Looks) -> tuple[IntArray, ...]:
    """Rows of images that show nearly the same, group by group, the largest first."""
    return tuple(looks.rows[group] for group in _groups(near_duplicate_pairs(looks.hashes), len(looks.rows)))


def _groups(pairs: IntArray, count: int) -> Iterator[IntArray]:
    group = connected(pairs, count)
    sizes = np.bincount(group, minlength=1)
    for number in np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes > 1)]:
        yield np.flatnonzero(group == number)
