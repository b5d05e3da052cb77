from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import assert_same_predictions, make_dataset, make_predictions
from bunri.dataset import Images
from bunri.errors import DataError
from bunri.io import load_dataset, read_predictions, write_predictions
from bunri.io.submission import submit
from bunri.predictions import Predictions
from io_builders import predictions_on_three_images, three_images

HEAD = "PredictionString,image_id\n"


def _read(folder: Path, text: str) -> Predictions:
    path = folder / "member.csv"
    path.write_text(text)
    return read_predictions(path, three_images())


def test_boxes_and_empty_images(tmp_path: Path) -> None:
    read = _read(tmp_path, HEAD + "2 0.5 1 2 3 4 0 0.25 5.5 6 7 8 ,0002.jpg\n,0005.jpg\n")
    assert read.image_id.tolist() == [2, 2]
    assert read.class_index.tolist() == [2, 0]
    assert read.score.tolist() == [0.5, 0.25]
    assert read.box_xyxy.tolist() == [[1, 2, 3, 4], [5.5, 6, 7, 8]]
    assert read.seen_image_id.tolist() == [2, 5]  # image 1 was not looked at
    assert read.name == "member"


@pytest.mark.parametrize(
    "text",
    [
        "image_id,PredictionString\n0002.jpg,1 0.5 1 2 3 4\n",
        "PredictionString,image_id\n1 0.5 1 2 3 4,2\n",  # by id
        "PredictionString,image_id\r\n1 0.5 1 2 3 4,0002.jpg\r\n",
        'PredictionString,image_id\n"1 0.5 1 2 3 4",0002.jpg\n',
        ",image_id,PredictionString\n0,0002.jpg,1 0.5 1 2 3 4\n",  # with the index pandas writes
        "PredictionString,image_id\n 1  0.5 1 2\t3 4 ,0002.jpg\n",
        "PredictionString,image_id\n1.0 5e-1 1. 2 3 4,0002.jpg",
        "\ufeffPredictionString,image_id\n1 0.5 1 2 3 4,0002.jpg\n",
    ],
)
def test_spellings_of_the_same(tmp_path: Path, text: str) -> None:
    expected = make_predictions([(2, 1, 0.5, (1, 2, 3, 4))])
    assert_same_predictions(_read(tmp_path, text), expected)


def test_images_come_in_the_order_of_the_data_set(tmp_path: Path) -> None:
    read = _read(tmp_path, HEAD + "0 0.1 1 2 3 4,0005.jpg\n0 0.2 1 2 3 4 0 0.3 1 2 3 4,0001.jpg\n")
    assert read.image_id.tolist() == [1, 1, 5]
    assert read.score.tolist() == [0.2, 0.3, 0.1]


@pytest.mark.parametrize(
    ("line", "must", "got"),
    [
        ("0 0.5 1 2 3,0002.jpg", "6 numbers a box", "5 values"),
        ("0 nan 1 2 3 4,0002.jpg", "finite numbers", "0 nan 1 2 3 4"),
        ("0 0.5 1 2 inf 4,0002.jpg", "finite numbers", "inf"),
        ("3 0.5 1 2 3 4,0002.jpg", r"class indexes in \[0, 3\)", "3 0.5"),
        ("-1 0.5 1 2 3 4,0002.jpg", "class indexes", "-1 0.5"),
        ("1.5 0.5 1 2 3 4,0002.jpg", "class indexes", "1.5 0.5"),
        ("0 1.5 1 2 3 4,0002.jpg", r"scores must lie in \[0, 1\]", "0 1.5"),
        ("0 0.5 3 2 1 4,0002.jpg", "xmin <= xmax", "0 0.5 3 2 1 4"),
        ("0 0.5 one 2 3 4,0002.jpg", "must be numbers", "'one'"),
        ("0 0.5 1 2 3 4,0003.jpg", r"a file name \(such as '0001.jpg'\) or id of the 3 images", "not among them"),
        (",0001.jpg", "one row", "a second row"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, must: str, got: str) -> None:
    image = line.rpartition(",")[2]
    with pytest.raises(DataError, match=rf"member.csv, line 3, image '{image}': .*{must}.* but got .*{got}"):
        _read(tmp_path, f"{HEAD}0 0.5 1 2 3 4,0001.jpg\n{line}\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must be a CSV file"),
        (b"a,b\n1,2\n", "must have the columns PredictionString, image_id, but has a, b"),
        (bytes(range(256)), "must be a CSV file"),
        (b"PredictionString,image_id\n,0001.jpg,more\n", "must be a CSV file"),
    ],
)
def test_a_file_that_is_no_submission(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "member.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_predictions(path, three_images())
    assert "member.csv" in str(caught.value)


@given(content=st.binary(max_size=60) | st.text('01. -+eE",\nnaif', max_size=60).map(str.encode))
def test_any_content_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("csv") / "member.csv"
    path.write_bytes(HEAD.encode() + content)
    try:
        read = read_predictions(path, three_images())
    except DataError:
        return
    assert np.isfinite(read.box_xyxy).all()


@settings(max_examples=25)
@given(predictions=predictions_on_three_images())
def test_written_and_read_again_nothing_changes(
    tmp_path_factory: pytest.TempPathFactory, predictions: Predictions
) -> None:
    path = tmp_path_factory.mktemp("csv") / "model.csv"
    write_predictions(predictions, path, three_images())
    again = read_predictions(path, three_images())
    assert_same_predictions(again, predictions)
    assert again.name == "model"


def test_the_shortest_digits_are_written(tmp_path: Path) -> None:
    dataset = three_images()
    predictions = make_predictions([(5, 2, 0.1, (1.0, 2.5, 3.25, 99.0))], seen=[1, 5])
    write_predictions(predictions, tmp_path / "out.csv", dataset)
    assert (tmp_path / "out.csv").read_text() == HEAD + ",0001.jpg\n2 0.1 1.0 2.5 3.25 99.0,0005.jpg\n"


def test_names_with_commas_are_quoted(tmp_path: Path) -> None:
    content = '{"images": [{"id": 1, "file_name": "a, \\"b\\".jpg", "width": 9, "height": 9}], "categories": []}'
    (tmp_path / "coco.json").write_text(content)
    dataset = load_dataset(tmp_path / "coco.json")
    write_predictions(make_predictions((), seen=[1]), tmp_path / "out.csv", dataset)
    assert read_predictions(tmp_path / "out.csv", dataset).seen_image_id.tolist() == [1]


def test_images_of_one_name_cannot_be_submitted(tmp_path: Path) -> None:
    content = '{"images": [{"id": 1, "file_name": "a", "width": 9, "height": 9}], "categories": []}'
    twice = content.replace("}]", '}, {"id": 2, "file_name": "a", "width": 9, "height": 9}]')
    (tmp_path / "coco.json").write_text(twice)
    with pytest.raises(DataError, match="file names must be unique to write a submission, but 'a' stands"):
        write_predictions(make_predictions(()), tmp_path / "out.csv", load_dataset(tmp_path / "coco.json"))


def test_names_that_stand_twice_in_the_data_set_are_never_taken_for_two(tmp_path: Path) -> None:
    images = Images(np.array([1, 2]), ("a.jpg", "a.jpg"), np.array([9, 9]), np.array([9, 9]))
    dataset = replace(make_dataset([], image_ids=[1, 2]), images=images)
    (tmp_path / "p.csv").write_text("PredictionString,image_id\n0 0.5 1 1 2 2,a.jpg\n,a.jpg\n")
    with pytest.raises(DataError, match="every image must have one row"):
        read_predictions(tmp_path / "p.csv", dataset)


def test_submit_gives_every_image_a_row(tmp_path: Path) -> None:
    submit(make_predictions([(5, 2, 0.5, (1, 2, 3, 4)), (2, 0, 0.5, (1, 2, 3, 4))]), tmp_path / "s.csv", three_images())
    lines = (tmp_path / "s.csv").read_text().splitlines()
    assert lines[1:] == [",0001.jpg", "0 0.5 1.0 2.0 3.0 4.0,0002.jpg", "2 0.5 1.0 2.0 3.0 4.0,0005.jpg"]


def test_predictions_of_other_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="image id 9 is not in the data set"):
        submit(make_predictions([(9, 0, 0.5, (1, 2, 3, 4))]), tmp_path / "s.csv", make_dataset())
    assert not (tmp_path / "s.csv").exists()
