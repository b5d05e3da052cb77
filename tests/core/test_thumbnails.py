import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from bunri.errors import DataError
from bunri.photos import near_duplicate_pairs, perceptual_hash, read_photo
from bunri.thumbnails import data_uri, read_small
from io_builders import write_photo


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_a_small_photo_shows_what_the_large_one_shows(tmp_path: Path, suffix: str) -> None:
    path = write_photo(tmp_path / f"photo{suffix}", seed=3, size=(1600, 1200))
    small, large = read_small(path, 200), read_photo(path)
    assert small.shape == (150, 200, 3)
    assert np.abs(small.mean((0, 1)) - large.mean((0, 1))).max() < 2
    assert len(near_duplicate_pairs(np.stack([perceptual_hash(small), perceptual_hash(large)]))) == 1


def test_a_photo_that_is_small_already_stays(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "photo.png", size=(64, 48))
    np.testing.assert_array_equal(read_small(path, 200), read_photo(path))


def test_it_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    path = write_photo(tmp_path / "photo.jpg", size=(640, 480), exif=exif)
    assert read_small(path, 160).shape == (160, 120, 3)


def test_a_broken_photo_is_told_by_name(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "photo.jpg", size=(640, 480))
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(DataError, match=r"photo\.jpg"):
        read_small(path, 640)


def test_a_data_uri_is_a_picture(tmp_path: Path) -> None:
    head, _, content = data_uri(np.full((40, 80, 3), 200, np.uint8), max_side=20).partition(",")
    assert head == "data:image/webp;base64"
    assert Image.open(io.BytesIO(base64.b64decode(content))).size == (20, 10)
