from pathlib import Path

import numpy as np
import pytest

from builders import make_dataset, make_predictions
from bunri.dataset import Dataset
from bunri.errors import ConfigError, DataError, OutputError
from bunri.io.yolo import read_yolo, read_yolo_predictions, write_yolo, write_yolo_predictions
from io_builders import three_images, write_photo


def _photographed(folder: Path, fields: dict[str, tuple[str, ...]] | None = None) -> Dataset:
    """Three photos of 64 x 48, with two boxes and a crowd region on the first two."""
    boxes = [(1, 0, (16.0, 12.0, 48.0, 36.0)), (2, 2, (0.5, 1.25, 10.0, 20.0)), (2, 1, (0.0, 0.0, 64.0, 48.0))]
    for image_id in (1, 2, 5):
        write_photo(folder / f"{image_id:04d}.jpg", seed=image_id)
    return make_dataset(
        boxes, (1, 2, 5), width=64, height=48, crowd=(False, False, True), fields=fields, image_folder=folder
    )


def test_labels_are_class_centre_and_size_by_the_image(tmp_path: Path) -> None:
    write_yolo(_photographed(tmp_path / "photos"), tmp_path / "yolo")
    assert (tmp_path / "yolo/labels/0001.txt").read_text() == "0 0.5 0.5 0.5 0.5\n"  # 16..48 of 64, 12..36 of 48
    assert len((tmp_path / "yolo/labels/0002.txt").read_text().splitlines()) == 1  # the crowd region is left out
    assert (tmp_path / "yolo/labels/0005.txt").read_text() == ""
    assert (tmp_path / "yolo/images/0001.jpg").read_bytes() == (tmp_path / "photos/0001.jpg").read_bytes()


def test_a_data_set_comes_back_but_for_ids_and_crowds(tmp_path: Path) -> None:
    dataset = _photographed(tmp_path / "photos", {"split": ("train", "test", "train")})
    again = read_yolo(write_yolo(dataset, tmp_path / "yolo"))
    assert again.class_names == dataset.class_names
    assert again.images.file_name == ("images/0001.jpg", "images/0005.jpg", "images/0002.jpg")
    assert again.images.fields == {"split": ("train", "train", "test")}
    assert again.images.width.tolist() == [64, 64, 64]
    assert again.annotations.image_id.tolist() == [0, 2]
    assert again.annotations.class_index.tolist() == [0, 2]
    np.testing.assert_allclose(again.annotations.box_xyxy, dataset.annotations.box_xyxy[:2], atol=1e-12)
    assert again.path_of(0).is_file()


def test_written_twice_the_same(tmp_path: Path) -> None:
    dataset = _photographed(tmp_path / "photos")
    write_yolo(dataset, tmp_path / "yolo")
    again = read_yolo(write_yolo(dataset, tmp_path / "yolo"))
    assert len(again) == 3
    assert again.images.fields == {"split": ("train", "train", "train")}


@pytest.mark.parametrize("names", ["names: [Can, Cup]", "names: {0: Can, 1: Cup}"])
def test_both_spellings_of_names_and_nested_folders(tmp_path: Path, names: str) -> None:
    write_photo(tmp_path / "data/images/train/a.png")
    (tmp_path / "data/labels/train").mkdir(parents=True)
    (tmp_path / "data/labels/train/a.txt").write_text("1 0.5 0.5 1 1\n\n")
    (tmp_path / "data.yaml").write_text(f"path: data\ntrain: [images/train]\nval: images/train\n{names}\n")
    dataset = read_yolo(tmp_path / "data.yaml")
    assert dataset.class_names == ("Can", "Cup")
    assert dataset.images.file_name == ("images/train/a.png",)
    assert dataset.annotations.box_xyxy.tolist() == [[0, 0, 64, 48]]
    assert dataset.image_folder == tmp_path / "data"


def test_the_places_of_roboflow(tmp_path: Path) -> None:
    write_photo(tmp_path / "export/train/images/a.jpg")
    (tmp_path / "export/data.yaml").write_text("train: ../train/images\nval: ../valid/images\nnames: [Can]\n")
    (tmp_path / "export/valid/images").mkdir(parents=True)
    assert read_yolo(tmp_path / "export/data.yaml").images.file_name == ("train/images/a.jpg",)


@pytest.mark.parametrize(
    "line", ["0 0.5 0.5 1", "0 0.5 0.5 1 nan", "2 0.5 0.5 1 1", "x 0.5 0.5 1 1", "0 0.5 0.5 -1 1", "0.5 0.5 0.5 1 1"]
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    write_photo(tmp_path / "images/a.jpg")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text(f"0 0.5 0.5 1 1\n{line}\n")
    (tmp_path / "data.yaml").write_text("train: images\nnames: [Can, Cup]\n")
    with pytest.raises(DataError, match=rf"a.txt, line 2 must be 5 numbers, .* but got '{line}'"):
        read_yolo(tmp_path / "data.yaml")


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("train: images", ConfigError, "names is absent"),
        ("[", ConfigError, "must be YAML"),
        ("names: {1: Can, 2: Cup}", ConfigError, "a mapping from 0, 1, ... to names"),
        ("names: [Can]\ntrain: nowhere", DataError, "must be a folder or a .txt list, but .*nowhere"),
        ("names: [Can]\npath: a\ntrain: ../images", DataError, "photos must lie below"),
    ],
)
def test_a_wrong_data_yaml_is_named(tmp_path: Path, content: str, error: type[Exception], message: str) -> None:
    write_photo(tmp_path / "images/a.jpg")
    (tmp_path / "a").mkdir()
    (tmp_path / "data.yaml").write_text(content)
    with pytest.raises(error, match=message):
        read_yolo(tmp_path / "data.yaml")


def test_images_of_one_stem_are_refused(tmp_path: Path) -> None:
    dataset = make_dataset((), (1, 2))
    object.__setattr__(dataset.images, "file_name", ("a.jpg", "a.png"))
    with pytest.raises(DataError, match=r"text file of its own, but two would write a.txt"):
        write_yolo(dataset, tmp_path)


def test_predictions_both_ways(tmp_path: Path) -> None:
    predictions = make_predictions([(1, 2, 0.25, (10, 8, 30, 40)), (5, 0, 0.75, (0, 0, 100, 80))])
    write_yolo_predictions(predictions, tmp_path / "member", three_images())
    assert (tmp_path / "member/0005.txt").read_text() == "0 0.5 0.5 1.0 1.0 0.75\n"
    read = read_yolo_predictions(tmp_path / "member", three_images())
    np.testing.assert_array_equal(read.image_id, predictions.image_id)
    np.testing.assert_array_equal(read.class_index, predictions.class_index)
    np.testing.assert_array_equal(read.score, predictions.score)
    np.testing.assert_allclose(read.box_xyxy, predictions.box_xyxy, atol=1e-12)
    assert read.seen_image_id.tolist() == [1, 2, 5]
    assert read.name == "member"


@pytest.mark.parametrize("line", ["0 0.5 0.5 1 1", "0 0.5 0.5 1 1 1.5"])
def test_a_wrong_prediction_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "0002.txt").write_text(line)
    with pytest.raises(DataError, match=r"0002.txt, line 1 must be 6 numbers, .* confidence in \[0, 1\]"):
        read_yolo_predictions(tmp_path, three_images())


def test_a_folder_of_other_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must have a text file for an image of the data set, such as .*0001.txt"):
        read_yolo_predictions(tmp_path, three_images())


def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    dataset = _photographed(tmp_path / "photos")
    (tmp_path / "yolo").mkdir()
    (tmp_path / "yolo/images").write_text("in the way")
    with pytest.raises(OutputError, match="must be writable"):
        write_yolo(dataset, tmp_path / "yolo")


def test_label_files_are_written_as_they_were_read(tmp_path: Path) -> None:
    write_photo(tmp_path / "images/a.png", size=(317, 211))
    labels = "1 0.328413 0.5 0.102837 0.25\n0 0.1 0.900001 0.003 0.1\n"
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text(labels)
    (tmp_path / "data.yaml").write_text("train: images\nnames: [Can, Cup]\n")
    write_yolo(read_yolo(tmp_path / "data.yaml"), tmp_path / "again")
    assert (tmp_path / "again/labels/a.txt").read_text() == labels
