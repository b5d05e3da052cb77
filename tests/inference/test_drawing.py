from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from builders import make_dataset, make_predictions
from bunri.dataset import Dataset
from bunri.errors import OutputError
from bunri.inference import PhotoSet
from bunri.inference.drawing import draw_predictions
from bunri.inference.photo_sets import Files
from bunri.photos import photo_size, read_photo


def grey_photo(folder: Path, name: str) -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((80, 100, 3), 128, np.uint8)).save(folder / name, format="PNG")
    return folder


def set_of(dataset: Dataset) -> PhotoSet:
    return PhotoSet(dataset, (Files(tuple(dataset.path_of(row) for row in range(len(dataset)))),))


def test_boxes_above_the_score_are_drawn_on_a_copy(tmp_path: Path) -> None:
    photos = set_of(make_dataset(image_folder=grey_photo(tmp_path / "photos", "0001.jpg")))
    found = make_predictions([(1, 0, 0.9, (20.0, 30.0, 60.0, 70.0)), (1, 1, 0.1, (70.0, 5.0, 95.0, 20.0))])
    [path] = draw_predictions(found, photos, tmp_path / "drawn", min_score=0.3)
    assert path == tmp_path / "drawn" / "0001.jpg"
    changed = np.abs(read_photo(path).astype(np.int64) - 128).max(axis=2) > 40
    assert changed[50, 20]  # the left side of the box
    assert not changed[45:60, 35:50].any()  # its inside
    assert not changed[:20, 75:].any()  # the unsure box
    assert read_photo(tmp_path / "photos" / "0001.jpg").max() == 128


def test_a_photo_of_an_unknown_kind_is_drawn_as_png(tmp_path: Path) -> None:
    dataset = make_dataset(image_folder=grey_photo(tmp_path, "raw/0001.photo"))
    photos = set_of(replace(dataset, images=replace(dataset.images, file_name=("raw/0001.photo",))))
    [path] = draw_predictions(make_predictions(), photos, tmp_path / "drawn")
    assert path == tmp_path / "drawn" / "raw" / "0001.photo.png"
    assert photo_size(path) == (100, 80)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    photos = set_of(make_dataset(image_folder=grey_photo(tmp_path, "0001.jpg")))
    (tmp_path / "drawn").write_text("")
    with pytest.raises(OutputError):
        draw_predictions(make_predictions(), photos, tmp_path / "drawn")
