"""Thumbnails as many and as large as a page can carry."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from bunri.errors import DataError
from bunri.photos import Photo
from bunri.thumbnails import data_uri, read_small

SIDES = (640, 560, 480, 400, 320, 256, 224, 192, 160, 144, 128, 112, 96, 80, 64)
"""Pixels of a thumbnail's longer side, of which the largest that fits is taken."""

FIRST = 48
"""Photos at the front, which are looked at most, and may be larger than the others."""

FIRST_SIDE = 480
FIRST_SHARE = 0.2
"""Of the bytes, at most for the photos at the front."""

QUALITY = 62
SAMPLE = 16
"""Photos that tell how heavy thumbnails are."""

HEAD = "data:image/webp;base64,"


@dataclass(frozen=True)
class Thumbs:
    """WebP pictures in base64.

    Attributes:
        data: For each photo, None where it cannot be read or the page is full.
        side: Pixels of the longer side of those behind the first ones.
        unreadable: Why photos could not be read, one sentence each.
        left_out: Photos for which the page has no room.
    """

    data: Sequence[str | None]
    side: int
    unreadable: Sequence[str] = ()
    left_out: int = 0


def thumbnails(paths: Sequence[Path], max_bytes: int) -> Thumbs:
    """Thumbnails of photos in their order, all of them together at most ``max_bytes`` of base64."""
    side, first_side = _sides(paths, max_bytes)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sides = [first_side] * min(FIRST, len(paths)) + [side] * max(len(paths) - FIRST, 0)
        made = list(pool.map(_thumbnail, paths, sides))
    kept, left_out = _within(made, max_bytes)
    return Thumbs(kept, side, [str(one) for one in made if isinstance(one, DataError)], left_out)


def _within(made: Sequence[str | DataError], max_bytes: int) -> tuple[list[str | None], int]:
    kept: list[str | None] = []
    spent = left_out = 0
    for one in made:
        fits = isinstance(one, str) and spent + len(one) <= max_bytes
        kept.append(one if fits and isinstance(one, str) else None)
        spent += len(one) if fits and isinstance(one, str) else 0
        left_out += isinstance(one, str) and not fits
    return kept, left_out


def _thumbnail(path: Path, side: int) -> str | DataError:
    try:
        return _encoded(read_small(path, side))
    except DataError as error:
        return error


def _encoded(photo: Photo, side: int | None = None) -> str:
    return data_uri(photo, side, QUALITY).removeprefix(HEAD)


def _sides(paths: Sequence[Path], max_bytes: int) -> tuple[int, int]:
    """The side of most thumbnails, and that of the first ones."""
    sample = list(_readable(paths[:: max(len(paths) // SAMPLE, 1)]))
    weights = {side: _mean_weight(sample, side) for side in SIDES}
    side = next((side for side in SIDES if weights[side] * len(paths) <= 0.9 * max_bytes), SIDES[-1])
    rest = max(len(paths) - FIRST, 0)
    if side >= FIRST_SIDE or not rest:
        return side, side
    behind = next((s for s in SIDES if weights[s] * rest <= (0.9 - FIRST_SHARE) * max_bytes), None)
    if behind is None:
        return side, side
    fitting = (s for s in SIDES if s <= FIRST_SIDE and weights[s] * FIRST <= FIRST_SHARE * max_bytes)
    return behind, max(next(fitting, behind), behind)


def _readable(paths: Sequence[Path]) -> Iterator[Photo]:
    for path, side in zip(paths, repeat(SIDES[0])):
        try:
            yield read_small(path, side)
        except DataError:
            continue


def _mean_weight(sample: Sequence[Photo], side: int) -> float:
    return sum(len(_encoded(photo, side)) for photo in sample) / max(len(sample), 1)
