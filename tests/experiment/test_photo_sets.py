from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from builders import make_dataset
from bunri.errors import DataError, UsageError
from bunri.experiment.photo_sets import photos_of
from bunri.io import write_coco

CLASSES = make_dataset()


def write_photo(path: Path, width: int = 40, height: int = 30) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(path)


@pytest.fixture
def street(tmp_path: Path) -> Path:
    for name in ("b.jpg", "a.png", "more/c.JPG"):
        write_photo(tmp_path / "street" / name, width=50 if name == "a.png" else 40)
    (tmp_path / "street" / "notes.txt").write_text("no photo")
    return tmp_path / "street"


@pytest.mark.parametrize(
    ("inputs", "names"),
    [
        (["b.jpg"], ["b.jpg"]),
        (["b.jpg", "a.png", "b.jpg"], ["b.jpg", "a.png"]),
        (["."], ["a.png", "b.jpg", "more/c.JPG"]),
        (["*.*g"], ["a.png", "b.jpg"]),
        (["**/*.JPG"], ["c.JPG"]),
    ],
)
def test_files_folders_and_patterns(
    street: Path, inputs: list[str], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(street)
    photos = photos_of(inputs, CLASSES)
    assert list(photos.images.file_name) == names
    assert photos.images.id.tolist() == list(range(1, len(names) + 1))
    assert photos.class_names == CLASSES.class_names
    assert all(photos.path_of(row).is_file() for row in range(len(photos)))


def test_sizes_are_read_from_the_photos(street: Path) -> None:
    photos = photos_of([str(street / "a.png"), str(street / "b.jpg")], CLASSES)
    assert (photos.images.width.tolist(), photos.images.height.tolist()) == ([50, 40], [30, 30])


def test_a_coco_json_keeps_its_ids_and_may_have_its_photos_elsewhere(tmp_path: Path) -> None:
    write_coco(make_dataset(image_ids=[7, 1]), tmp_path / "test.json")
    photos = photos_of([str(tmp_path / "test.json")], CLASSES, tmp_path / "photos")
    assert photos.images.id.tolist() == [7, 1]
    assert photos.image_folder == tmp_path / "photos"


def test_a_coco_json_of_other_classes_is_refused(tmp_path: Path) -> None:
    write_coco(make_dataset(class_names=("Glass", "Metal", "Paper")), tmp_path / "test.json")
    with pytest.raises(DataError, match="must have the model's classes"):
        photos_of([str(tmp_path / "test.json")], CLASSES)


@pytest.mark.parametrize("text", ["absent.jpg", "*.tiff", "empty"])
def test_an_input_that_fits_nothing_is_refused(street: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(street)
    (street / "empty").mkdir()
    with pytest.raises(UsageError, match="fits none"):
        photos_of(["b.jpg", text], CLASSES)


def test_a_broken_photo_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"\xff\xd8 not a photo")
    with pytest.raises(DataError, match=r"x\.jpg"):
        photos_of([str(tmp_path)], CLASSES)
