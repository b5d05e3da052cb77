import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from builders import assert_same_predictions, make_predictions
from bunri.errors import DataError
from bunri.io import read_predictions, write_predictions
from bunri.predictions import Predictions
from io_builders import predictions_on_three_images, three_images

RESULT: dict[str, Any] = {"image_id": 2, "category_id": 4, "bbox": [1.0, 2.0, 3.0, 4.0], "score": 0.5}


def _read(folder: Path, content: object) -> Predictions:
    path = folder / "member.json"
    path.write_text(json.dumps(content))
    return read_predictions(path, three_images())


def test_category_ids_become_class_indexes_and_all_images_count_as_seen(tmp_path: Path) -> None:
    read = _read(tmp_path, [RESULT])  # categories are 1, 4, 7
    assert_same_predictions(read, make_predictions([(2, 1, 0.5, (1, 2, 4, 6))], seen=[1, 2, 5]))
    assert read.name == "member"


def test_an_empty_list_is_every_image_found_empty(tmp_path: Path) -> None:
    read = _read(tmp_path, [])
    assert len(read) == 0
    assert read.seen_image_id.tolist() == [1, 2, 5]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "Expected `array`, got `object`"),
        ([3], r"results\[0\] must be an object"),
        ([RESULT, RESULT | {"image_id": 3}], r"results\[1\].image_id must be an image id of the data set, but got 3"),
        ([RESULT | {"category_id": 0}], r"category_id must be one of the category ids \[1, 4, 7\], but got 0"),
        ([RESULT | {"bbox": [1, 2, 3]}], r"bbox must be a list of 4 finite numbers"),
        ([RESULT | {"bbox": [1, 2, -3, 4]}], r"bbox must be x, y, width >= 0, height >= 0, but got \[1.0, 2.0, -3.0"),
        ([RESULT | {"score": 1.01}], r"results\[0\].score must be in \[0, 1\], but got 1.01"),
        ([RESULT | {"score": float("nan")}], r"results\[0\].score must be a finite number, but got None"),
        ([{k: RESULT[k] for k in ("image_id", "category_id", "bbox")}], r"score must be a finite number"),
    ],
)
def test_a_wrong_record_is_named(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        _read(tmp_path, content)
    assert "member.json" in str(caught.value)


def test_the_written_file_is_what_pycocotools_reads(tmp_path: Path) -> None:
    write_predictions(make_predictions([(2, 1, 0.5, (1, 2, 4, 6))]), tmp_path / "out.json", three_images())
    assert json.loads((tmp_path / "out.json").read_text()) == [RESULT]


@settings(max_examples=25)
@given(predictions=predictions_on_three_images())
def test_after_one_round_nothing_changes(tmp_path_factory: pytest.TempPathFactory, predictions: Predictions) -> None:
    path = tmp_path_factory.mktemp("results") / "model.json"
    write_predictions(predictions, path, three_images())
    first = read_predictions(path, three_images())
    np.testing.assert_array_equal(first.score, predictions.score)
    np.testing.assert_allclose(first.box_xyxy, predictions.box_xyxy, rtol=0, atol=1e-12)
    write_predictions(first, path, three_images())
    assert_same_predictions(read_predictions(path, three_images()), first)
