from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from builders import make_dataset
from bunri.errors import DataError, UsageError
from bunri.inference import photos_of
from bunri.io import write_coco
from video_files import write_video

CLASSES = make_dataset()


def write_photo(path: Path, width: int = 40, height: int = 30, grey: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), grey, np.uint8)).save(path)


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
    images = photos.dataset.images
    assert list(images.file_name) == names
    assert images.id.tolist() == list(range(1, len(names) + 1))
    assert photos.dataset.class_names == CLASSES.class_names
    assert [photo.shape[1::-1] for photo in photos.photos()] == list(zip(images.width, images.height, strict=True))


def test_photos_can_be_gone_through_twice(street: Path) -> None:
    photos = photos_of([str(street)], CLASSES)
    first, second = ([photo.shape for photo in photos.photos()] for _ in range(2))
    assert first == second == [(30, 50, 3), (30, 40, 3), (30, 40, 3)]


def test_frames_of_a_video_are_images_with_number_and_time(street: Path) -> None:
    write_video(street / "clip.mp4", frames=7, size=(64, 48), rate=10)
    photos = photos_of([str(street)], CLASSES, every=3)
    assert list(photos.dataset.images.file_name[3:]) == [
        "clip.mp4/frame000000_0.000s.jpg",
        "clip.mp4/frame000003_0.300s.jpg",
        "clip.mp4/frame000006_0.600s.jpg",
    ]
    assert photos.dataset.images.width.tolist() == [50, 40, 40, 64, 64, 64]
    assert [photo.shape for photo in photos.photos()][3:] == [(48, 64, 3)] * 3


def test_a_coco_json_keeps_its_ids_and_may_have_its_photos_elsewhere(tmp_path: Path) -> None:
    write_coco(make_dataset(image_ids=[7, 1]), tmp_path / "test.json")
    for name in ("0007.jpg", "0001.jpg"):
        write_photo(tmp_path / "photos" / name, 100, 80)
    photos = photos_of([str(tmp_path / "test.json")], CLASSES, tmp_path / "photos")
    assert photos.dataset.images.id.tolist() == [7, 1]
    assert photos.dataset.image_folder == tmp_path / "photos"


def test_boxes_are_in_the_pixels_of_the_file_whatever_the_json_says(tmp_path: Path) -> None:
    write_coco(make_dataset(), tmp_path / "test.json")  # says 100 x 80
    write_photo(tmp_path / "0001.jpg", 50, 40)
    images = photos_of([str(tmp_path / "test.json")], CLASSES).dataset.images
    assert (images.width.tolist(), images.height.tolist()) == ([50], [40])


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


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-300])


def test_broken_photos_are_named_at_the_door(street: Path) -> None:
    (street / "x.jpg").write_bytes(b"\xff\xd8 not a photo")
    truncate(street / "b.jpg")
    with pytest.raises(DataError, match=r"2 of 4 are not:\n(.|\n)*b\.jpg: (.|\n)*x\.jpg: (.|\n)*--skip-broken"):
        photos_of([str(street)], CLASSES)


def test_many_broken_photos_are_counted(tmp_path: Path) -> None:
    for number in range(13):
        (tmp_path / f"{number:02d}.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"13 of 13 are not:(.|\n)*09\.jpg(.|\n)*and 3 more"):
        photos_of([str(tmp_path)], CLASSES)


def test_broken_photos_can_be_left_out_by_name(street: Path) -> None:
    truncate(street / "b.jpg")
    said: list[str] = []
    photos = photos_of([str(street)], CLASSES, skip_broken=said.append)
    assert list(photos.dataset.images.file_name) == ["a.png", "more/c.JPG"]
    assert len(said) == 1
    assert said[0].startswith(f"left out: {street}/b.jpg: ")


def test_broken_photos_of_a_coco_json_can_be_left_out(tmp_path: Path) -> None:
    write_coco(make_dataset(image_ids=[7, 1]), tmp_path / "test.json")
    write_photo(tmp_path / "0001.jpg", 100, 80)
    said: list[str] = []
    photos = photos_of([str(tmp_path / "test.json")], CLASSES, skip_broken=said.append)
    assert photos.dataset.images.id.tolist() == [1]
    assert "0007.jpg" in said[0]


@pytest.mark.parametrize("coco", [True, False])
def test_nothing_left_is_an_error(tmp_path: Path, coco: bool) -> None:
    (tmp_path / "0001.jpg").write_bytes(b"")
    write_coco(make_dataset(), tmp_path / "test.json")
    named = tmp_path / ("test.json" if coco else "0001.jpg")
    with pytest.raises(DataError, match="whole"):
        photos_of([str(named)], CLASSES, skip_broken=lambda line: None)
