from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest

from builders import make_dataset
from bunri.errors import DataError
from bunri.shards import leaves_folder

BOX = (10.0, 10.0, 50.0, 50.0)


def test_columns_are_frozen_and_copied() -> None:
    dataset = make_dataset()
    with pytest.raises(ValueError, match="read-only"):
        dataset.annotations.box_xyxy[0, 0] = 3
    with pytest.raises(FrozenInstanceError):
        dataset.class_names = ()  # type: ignore[misc]
    ids = np.array([7])
    images = replace(dataset.images, id=ids)
    ids[0] = 8
    assert images.id.tolist() == [7]


def test_rows_are_found_by_id_in_any_order() -> None:
    dataset = make_dataset([(9, 0, BOX), (4, 1, BOX)], image_ids=[9, 4, 70])
    assert dataset.rows_of(np.array([70, 9, 9, 4])).tolist() == [2, 0, 0, 1]
    assert dataset.rows_of(np.array([], np.int64)).tolist() == []


@pytest.mark.parametrize("ids", [[9, 4], []])
def test_a_stranger_among_ids(ids: list[int]) -> None:
    dataset = make_dataset([], image_ids=ids)
    with pytest.raises(DataError, match=f"image id 5 is not in the data set of {len(ids)} images"):
        dataset.rows_of(np.array([5]))


def test_a_subset_keeps_the_order_asked_for_and_its_boxes() -> None:
    dataset = make_dataset([(1, 0, BOX), (2, 1, BOX), (3, 2, BOX)], fields={"session": ("a", "b", "c")})
    part = dataset.subset([3, 1])
    assert part.images.id.tolist() == [3, 1]
    assert part.images.file_name == ("0003.jpg", "0001.jpg")
    assert part.images.fields == {"session": ("c", "a")}
    assert part.annotations.image_id.tolist() == [1, 3]
    assert part.class_names == dataset.class_names


def test_crowd_regions_are_no_boxes_to_count() -> None:
    dataset = make_dataset([(1, 0, BOX), (1, 0, BOX), (1, 2, BOX)], crowd=[False, True, False])
    assert dataset.boxes_per_class().tolist() == [1, 0, 1]


def test_boxes_on_images_that_are_not_there() -> None:
    with pytest.raises(DataError, match=r"2 image ids are unknown, first 5\. Run `bunri doctor`"):
        make_dataset([(1, 0, BOX), (5, 0, BOX), (6, 0, BOX)], image_ids=[1])


@pytest.mark.parametrize("class_index", [3, -1])
def test_a_class_beyond_the_names(class_index: int) -> None:
    with pytest.raises(DataError, match=r"class_index must lie in \[0, 3\)"):
        make_dataset([(1, class_index, BOX)])


def test_ids_that_stand_twice() -> None:
    with pytest.raises(DataError, match="image ids must be unique, but 2 stands 2 times"):
        make_dataset([], image_ids=[1, 2, 2])


def test_columns_of_other_lengths() -> None:
    with pytest.raises(DataError, match=r"columns of images must all have 1 rows, but got {'session': 2}"):
        make_dataset(fields={"session": ("a", "b")})


def test_the_path_of_a_photo_stays_in_its_folder(tmp_path: Path) -> None:
    dataset = make_dataset(image_folder=tmp_path)
    assert dataset.path_of(0) == tmp_path / "0001.jpg"
    climbing = replace(dataset, images=replace(dataset.images, file_name=("../../etc/passwd",)))
    with pytest.raises(DataError, match=r"image 1 has \.\./\.\./etc/passwd"):
        climbing.path_of(0)
    with pytest.raises(DataError, match="Give it with --images DIR"):
        make_dataset().path_of(0)


@pytest.mark.parametrize(
    ("name", "leaves"), [("a/b.jpg", False), ("a..b.jpg", False), ("/a.jpg", True), ("a/../../b.jpg", True)]
)
def test_names_that_leave(name: str, leaves: bool) -> None:
    assert leaves_folder(name) is leaves
