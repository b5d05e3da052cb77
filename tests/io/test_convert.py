from pathlib import Path

import numpy as np
import pytest

from builders import assert_same_predictions
from bunri.errors import UsageError
from bunri.io import load_dataset, read_predictions
from bunri.io.convert import convert_dataset, convert_predictions
from io_builders import write_coco_json, write_photo


def test_a_data_set_to_yolo_and_back(tmp_path: Path) -> None:
    coco = write_coco_json(tmp_path)
    write_photo(tmp_path / "0001.jpg", seed=1, size=(100, 80))
    write_photo(tmp_path / "0002.jpg", seed=2, size=(60, 40))
    convert_dataset(coco, tmp_path / "yolo")
    convert_dataset(tmp_path / "yolo/data.yaml", tmp_path / "back.json")
    before, after = load_dataset(coco), load_dataset(tmp_path / "back.json", tmp_path / "yolo")
    assert after.class_names == before.class_names
    assert after.images.file_name == ("images/0001.jpg", "images/0002.jpg")
    np.testing.assert_allclose(after.annotations.box_xyxy, before.annotations.box_xyxy[1:])  # the first is a crowd


@pytest.mark.parametrize("between", ["member.parquet", "member.json", "member"])
def test_predictions_by_way_of_another_format(tmp_path: Path, between: str) -> None:
    coco = write_coco_json(tmp_path)
    (tmp_path / "in.csv").write_text("PredictionString,image_id\n1 0.5 10 20 30 40,0001.jpg\n,0002.jpg\n")
    convert_predictions(tmp_path / "in.csv", tmp_path / between, coco)
    convert_predictions(tmp_path / between, tmp_path / "out.csv", coco)
    dataset = load_dataset(coco)
    assert_same_predictions(
        read_predictions(tmp_path / "out.csv", dataset), read_predictions(tmp_path / "in.csv", dataset)
    )


@pytest.mark.parametrize(
    ("source", "target"), [("coco.json", "out.csv"), ("in.csv", "out.json"), ("labels", "out.json")]
)
def test_predictions_are_not_taken_for_a_data_set(tmp_path: Path, source: str, target: str) -> None:
    write_coco_json(tmp_path)
    (tmp_path / "labels").mkdir()
    with pytest.raises(UsageError, match="If these are predictions, give the images they are on"):
        convert_dataset(tmp_path / source, tmp_path / target)
    assert not (tmp_path / target).exists()
