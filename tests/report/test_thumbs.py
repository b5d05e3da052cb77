import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from bunri.report.thumbs import FIRST, FIRST_SIDE, SIDES, thumbnails


def photos(folder: Path, count: int, width: int = 900, height: int = 600) -> list[Path]:
    """Photos with some detail, a little different from each other."""
    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 255, (30, 45, 3), np.uint8)).resize((width, height))
    paths = [folder / f"{k:04d}.jpg" for k in range(count)]
    for path in paths:
        coarse.save(path)
    return paths


def size_of(data: str | None) -> tuple[int, int]:
    assert data is not None
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert picture.format == "WEBP"
        return picture.size


def test_few_photos_are_large(tmp_path: Path) -> None:
    thumbs = thumbnails(photos(tmp_path, 2), 1_000_000)
    assert [size_of(one) for one in thumbs.data] == [(SIDES[0], 427)] * 2
    assert (thumbs.side, thumbs.unreadable, thumbs.left_out) == (SIDES[0], [], 0)


def test_many_photos_fit_and_the_first_are_larger(tmp_path: Path) -> None:
    paths, most = photos(tmp_path, 1, 300, 200) * (FIRST + 400), 1_500_000
    thumbs = thumbnails(paths, most)
    assert sum(len(one or "") for one in thumbs.data) <= most
    assert thumbs.left_out == 0
    assert size_of(thumbs.data[-1])[0] == thumbs.side < size_of(thumbs.data[0])[0] <= FIRST_SIDE


def test_what_does_not_fit_is_counted(tmp_path: Path) -> None:
    thumbs = thumbnails(photos(tmp_path, 1) * 3, 2_000)
    assert thumbs.side == SIDES[-1]
    assert thumbs.left_out + sum(one is not None for one in thumbs.data) == 3
    assert thumbs.left_out > 0


def test_a_photo_that_is_gone_leaves_the_others(tmp_path: Path) -> None:
    thumbs = thumbnails([tmp_path / "gone.png", *photos(tmp_path, 1)], 1_000_000)
    assert [one is None for one in thumbs.data] == [True, False]
    [reason] = thumbs.unreadable
    assert "gone.png" in reason


def test_no_photo_is_no_thumbnail() -> None:
    assert thumbnails([], 1000).data == []
