import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bunri.demo.classes import CLASS_NAMES, REAL_BOXES, deal, long_tail
from bunri.demo.render import render_demo
from bunri.errors import OutputError
from bunri.io import load_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo")
    render_demo(path, seed=3, train=12, test=5)
    return path


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def pixels_of(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as photo:
        return np.asarray(photo)


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    render_demo(tmp_path, seed=3, train=12, test=5)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(files) == 12 + 5 + 3
    assert [path for path in files if (folder / path).read_bytes() != (tmp_path / path).read_bytes()] == []


def test_another_seed_and_another_split_give_other_photos(folder: Path, tmp_path: Path) -> None:
    render_demo(tmp_path, seed=4, train=1, test=0)
    assert (tmp_path / "train/0001.jpg").read_bytes() != (folder / "train/0001.jpg").read_bytes()
    assert (folder / "test/0001.jpg").read_bytes() != (folder / "train/0001.jpg").read_bytes()


def test_photos_differ_in_light_and_ground(folder: Path) -> None:
    photos = [pixels_of(path).mean() for path in sorted((folder / "train").glob("*.jpg"))]
    assert np.std(photos) > 8  # grey levels


@pytest.mark.parametrize(("split", "photos"), [("train", 12), ("test", 5)])
def test_files_load_as_a_data_set(folder: Path, split: str, photos: int) -> None:
    dataset = load_dataset(folder / f"{split}.json")
    assert dataset.class_names == CLASS_NAMES
    assert len(dataset) == photos
    assert pixels_of(dataset.path_of(0)).shape == (dataset.images.height[0], dataset.images.width[0], 3)


def test_boxes_lie_on_their_photos_and_are_not_slivers(folder: Path) -> None:
    for split in ("train", "test"):
        boxes = np.array([annotation["bbox"] for annotation in read(folder / f"{split}.json")["annotations"]])
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] >= 6).all()
        assert (boxes[:, 0] + boxes[:, 2] <= 256).all()
        assert (boxes[:, 1] + boxes[:, 3] <= 192).all()


def test_the_test_images_come_without_truth(folder: Path) -> None:
    blind, full = read(folder / "test_images.json"), read(folder / "test.json")
    assert blind["annotations"] == []
    assert blind["images"] == full["images"]
    assert len(full["annotations"]) > 0


def test_a_file_in_the_way_is_our_error(tmp_path: Path) -> None:
    (tmp_path / "train").write_text("not a folder")
    with pytest.raises(OutputError, match="must be writable"):
        render_demo(tmp_path, train=1, test=0)


def test_the_tail_keeps_the_order_of_the_real_one() -> None:
    real = np.array(list(REAL_BOXES.values()))
    assert (np.argsort(long_tail(1100)) == np.argsort(real)).all()
    # Battery: 1100 * (0.4 / 10 + 0.6 * 33 / 11627) = 44 + 1.87 = 46; Paper: 44 + 0.6 * 0.2772 * 1100 = 227
    assert long_tail(1100)[[CLASS_NAMES.index("Battery"), CLASS_NAMES.index("Paper")]].tolist() == [46, 227]


@pytest.mark.parametrize(("photos", "rarest"), [(240, 25), (120, 12)])
def test_every_class_is_dealt_often_enough(photos: int, rarest: int) -> None:
    dealt = deal(photos, np.random.default_rng(0))
    assert len(dealt) == photos
    assert min(len(objects) for objects in dealt) >= 1
    assert np.bincount(np.concatenate(dealt), minlength=len(CLASS_NAMES)).min() >= rarest
