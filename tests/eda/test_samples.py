import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from builders import make_dataset
from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.eda.augmented import telling_row
from bunri.eda.looking import look_at_photos, numbers_of
from bunri.eda.resizing import longer_side
from bunri.eda.samples import CROP_SIDE, Tile, extremes, resized_objects, samples_per_class

ALL = np.arange(4)


def picture(tile: Tile) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(tile.uri.partition(",")[2]))).convert("RGB"))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Four grey photos, each lighter than the one before, with red and blue squares."""
    boxes = [(i, 0, (100.0, 100.0, 200.0, 200.0)) for i in (1, 2, 3, 4)] + [(1, 1, (300.0, 200.0, 310.0, 220.0))]
    for number in (1, 2, 3, 4):
        photo = np.full((300, 400, 3), 50 * number, np.uint8)
        photo[100:200, 100:200] = (250, 0, 0)
        photo[200:220, 300:310] = (0, 0, 250)
        Image.fromarray(photo).save(tmp_path / f"{number:04d}.jpg", quality=95)
    return make_dataset(boxes, width=400, height=300, image_folder=tmp_path)


def test_samples_show_the_object_of_their_class(dataset: Dataset) -> None:
    samples = samples_per_class(dataset, ALL)
    assert {name: len(tiles) for name, tiles in samples.items()} == {"Paper": 4, "Metal": 1}
    assert len({tile.text for tile in samples["Paper"]}) == 4
    red, blue = picture(samples["Paper"][0]), picture(samples["Metal"][0])
    assert max(red.shape) == CROP_SIDE
    assert red[64, 64].tolist() == pytest.approx([250, 0, 0], abs=12)
    middle = blue[blue.shape[0] // 2, blue.shape[1] // 2]
    assert middle[2] > 200 > 100 > middle[0]


def test_samples_of_some_photos_only(dataset: Dataset) -> None:
    [tile] = samples_per_class(dataset, np.array([2]))["Paper"]
    assert tile.text == "0003.jpg"


def test_the_same_seed_shows_the_same(dataset: Dataset) -> None:
    first, again, other = (samples_per_class(dataset, ALL, seed)["Paper"] for seed in (0, 0, 1))
    assert first == again
    assert {tile.text for tile in first} == {tile.text for tile in other}


def test_extremes_of_light(dataset: Dataset) -> None:
    looks = look_at_photos(dataset)
    assert np.all(np.diff(looks.brightness) > 20)
    shown = extremes(dataset, looks)
    assert shown["dark"][0].text == shown["bright"][-1].text == "0001.jpg"
    assert set(shown) == {"dark", "bright", "grey", "colourful"}


def test_what_resizing_leaves_of_the_smallest_object(dataset: Dataset) -> None:
    first, *_ = resized_objects(dataset, ALL, longer_side(100))
    assert first.text == "Metal, 0001.jpg"
    assert (first.photo.text, first.network.text) == ("10 × 20 px", "2 × 5 px")
    assert max(picture(first.photo).shape) == max(picture(first.network).shape) == CROP_SIDE


@pytest.mark.parametrize(
    ("colour", "numbers"), [((0, 0, 0), (0, 0, 0)), ((255, 255, 255), (255, 0, 0)), ((100, 0, 0), (29.9, 0, 100))]
)
def test_numbers_of_one_colour(colour: tuple[int, int, int], numbers: tuple[float, float, float]) -> None:
    assert numbers_of(np.full((8, 9, 3), colour, np.uint8)) == pytest.approx(numbers)


@pytest.mark.parametrize(("rows", "expected"), [(ALL, 0), (np.array([1, 2]), 1)])
def test_the_telling_photo_has_several_classes(dataset: Dataset, rows: IntArray, expected: int) -> None:
    assert telling_row(dataset, rows) == expected
