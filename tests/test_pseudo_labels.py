from pathlib import Path

import pytest

from builders import assert_same_dataset, make_dataset, make_predictions
from bunri.errors import DataError
from bunri.io import load_dataset, write_coco
from bunri.pseudo_labels import pseudo_labels
from io_builders import three_images

BOXES = [
    (5, 0, 0.9, (10.0, 10.0, 30.0, 40.0)),
    (2, 1, 0.5, (10.0, 10.0, 30.0, 30.0)),
    (2, 2, 0.8, (50.0, 50.0, 60.0, 90.0)),  # 10 px past the lower border
    (2, 0, 0.49, (1.0, 1.0, 2.0, 2.0)),  # not confident
    (1, 0, 0.99, (120.0, 10.0, 130.0, 20.0)),  # outside: nothing of it is left
]


def test_every_confident_box_is_kept() -> None:
    labels = pseudo_labels(make_predictions(BOXES, name="swin"), three_images(), min_score=0.5)
    assert labels.annotations.image_id.tolist() == [2, 2, 5]
    assert labels.annotations.class_index.tolist() == [1, 2, 0]
    assert labels.annotations.box_xyxy.tolist() == [[10, 10, 30, 30], [50, 50, 60, 80], [10, 10, 30, 40]]
    assert labels.annotations.area.tolist() == [400, 300, 600]
    assert labels.annotations.fields == {"score": (0.5, 0.8, 0.9), "origin": ("swin", "swin", "swin")}
    assert labels.images.id.tolist() == [2, 5]


def test_annotations_of_the_data_set_itself_are_not_used() -> None:
    labels = pseudo_labels(make_predictions([(1, 2, 0.9, (0, 0, 5, 5))]), make_dataset())
    assert labels.annotations.class_index.tolist() == [2]


def test_no_confident_box_gives_no_image() -> None:
    labels = pseudo_labels(make_predictions(BOXES), three_images(), min_score=1.0)
    assert (len(labels), len(labels.annotations)) == (0, 0)


def test_the_file_keeps_score_and_origin(tmp_path: Path) -> None:
    labels = pseudo_labels(make_predictions(BOXES, name="swin"), three_images())
    write_coco(labels, tmp_path / "pseudo.json")
    assert_same_dataset(load_dataset(tmp_path / "pseudo.json"), labels)


def test_boxes_of_other_images_are_refused() -> None:
    with pytest.raises(DataError, match="image id 9 is not in the data set"):
        pseudo_labels(make_predictions([(9, 0, 0.9, (0, 0, 5, 5))]), three_images())
