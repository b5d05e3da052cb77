"""The folder of corrections, apart from the API."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from builders import make_dataset
from bunri.errors import DataError, OutputError, UsageError
from bunri.io import load_dataset, write_coco
from bunri.photos import Photo
from bunri.serve.answers import CorrectedObject
from bunri.serve.corrections import Corrections

CLASSES = make_dataset(boxes=())


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Corrections]:
    opened = Corrections(tmp_path / "kept", CLASSES)
    yield opened
    opened.close()


def photo(grey: int) -> Photo:
    return np.full((40, 60, 3), grey, np.uint8)


def glass(*box: float) -> CorrectedObject:
    return CorrectedObject.model_validate({"class_name": "Glass", "box": box})


def test_ids_go_on_where_they_were(tmp_path: Path, kept: Corrections) -> None:
    kept.save(photo(1), [glass(0, 0, 5, 5), glass(1, 1, 9, 9)])
    kept.close()
    again = Corrections(tmp_path / "kept", CLASSES)
    again.save(photo(2), [glass(2, 2, 9, 9)])
    again.close()
    dataset = load_dataset(tmp_path / "kept" / "annotations.json")
    assert dataset.images.id.tolist() == [1, 2]
    assert dataset.annotations.id.tolist() == [1, 2, 3]
    assert dataset.annotations.image_id.tolist() == [1, 1, 2]


def test_one_server_writes_at_a_time(tmp_path: Path, kept: Corrections) -> None:
    with pytest.raises(UsageError, match="another server saves there"):
        Corrections(tmp_path / "kept", CLASSES)


def test_other_classes_are_refused(tmp_path: Path) -> None:
    write_coco(make_dataset(class_names=("A", "B", "C")), tmp_path / "annotations.json")
    with pytest.raises(DataError, match="must have the model's classes"):
        Corrections(tmp_path, CLASSES)


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        Corrections(tmp_path / "file", CLASSES)


def test_photos_of_the_same_bytes_but_another_shape_are_two(kept: Corrections) -> None:
    kept.save(photo(1), [])
    assert kept.save(photo(1).reshape(60, 40, 3), []).photos == 2
