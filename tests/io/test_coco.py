import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import assert_same_dataset, make_dataset
from bunri.errors import DataError, OutputError
from bunri.io import load_dataset, write_coco
from io_builders import Change, write_coco_json


def test_columns_are_joined_by_id(tmp_path: Path) -> None:
    dataset = load_dataset(write_coco_json(tmp_path))
    assert dataset.class_names == ("Paper", "Metal")
    assert dataset.category_ids.tolist() == [90, 5]
    assert dataset.images.id.tolist() == [7, 3]
    assert dataset.images.file_name == ("0001.jpg", "0002.jpg")
    assert dataset.images.width.tolist() == [100, 60]
    assert dataset.annotations.image_id.tolist() == [3, 7]
    assert dataset.annotations.class_index.tolist() == [1, 0]
    assert dataset.annotations.box_xyxy.tolist() == [[1, 2, 4.5, 6], [10, 20, 40, 60]]
    assert dataset.annotations.is_crowd.tolist() == [True, False]
    assert dataset.annotations.area.tolist() == [10, 1200]


def test_other_keys_are_kept_as_fields(tmp_path: Path) -> None:
    dataset = load_dataset(write_coco_json(tmp_path))
    assert dataset.images.fields == {"split": ("train", "test")}
    assert dataset.annotations.fields == {"by": ("me", None)}


def test_image_folder_is_that_of_the_file_unless_given(tmp_path: Path) -> None:
    path = write_coco_json(tmp_path)
    assert load_dataset(path).image_folder == tmp_path
    assert load_dataset(path, "photos").image_folder == Path("photos")


@pytest.mark.parametrize(
    ("change", "areas", "ids"),
    [
        (lambda coco: coco["annotations"][0].pop("area"), [14, 1200], [11, 12]),  # 3.5 x 4
        (lambda coco: coco["annotations"][1].update(area=None), [10, 1200], [11, 12]),  # 30 x 40
        (lambda coco: coco["annotations"][0].pop("id"), [10, 1200], [13, 12]),  # the next free one
        (lambda coco: [box.pop("id") for box in coco["annotations"]], [10, 1200], [1, 2]),
        (lambda coco: coco["annotations"][0].update(id=11.0), [10, 1200], [11, 12]),  # whole, though a float
    ],
)
def test_absent_keys_get_sensible_values(tmp_path: Path, change: Change, areas: list[float], ids: list[int]) -> None:
    annotations = load_dataset(write_coco_json(tmp_path, change)).annotations
    assert annotations.area.tolist() == areas
    assert annotations.id.tolist() == ids


@pytest.mark.parametrize("bbox", [[1, 2, 0, 4], [-5, -5, 10, 10], [90, 70, 500, 500], [10, 10, -3, 4]])
def test_odd_boxes_are_loaded_as_they_are(tmp_path: Path, bbox: list[float]) -> None:
    dataset = load_dataset(write_coco_json(tmp_path, lambda coco: coco["annotations"][1].update(bbox=bbox)))
    x, y, width, height = bbox
    assert dataset.annotations.box_xyxy[1].tolist() == [x, y, x + width, y + height]


def test_a_test_set_has_no_annotations(tmp_path: Path) -> None:
    dataset = load_dataset(write_coco_json(tmp_path, lambda coco: coco.pop("annotations")))
    assert len(dataset) == 2
    assert len(dataset.annotations) == 0


def test_many_records_are_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_dataset(write_coco_json(tmp_path))
    monkeypatch.setattr("bunri.io.records._BLOCK", 1)
    assert_same_dataset(load_dataset(tmp_path / "coco.json"), whole)


def _set(section: str, row: int, key: str, value: Any) -> Change:
    return lambda coco: coco[section][row].update({key: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda coco: coco.pop("images"), "required field `images`"),
        (lambda coco: coco.update(annotations={}), r"Expected `array`, got `object` - at `\$.annotations`"),
        (lambda coco: coco["images"].insert(1, None), r"images\[1\] must be an object \{...\}, but got None"),
        (lambda coco: coco["images"][1].pop("width"), r"images\[1\].width must be an integer, but got no such key"),
        (_set("images", 1, "height", 0), r"images\[1\].height must be at least 1 pixel, but got 0"),
        (_set("images", 1, "id", "0002"), r"images\[1\].id must be an integer, but got '0002'"),
        (_set("images", 1, "id", 7), r"images\[1\].id must be unique, but 7 stands at images\[0\] too"),
        (_set("images", 0, "file_name", ""), r"images\[0\].file_name must be a text that is not empty"),
        (_set("categories", 1, "id", 90), r"categories\[1\].id must be unique"),
        (_set("categories", 1, "name", "Paper"), r"categories\[1\].name must be unique"),
        (_set("annotations", 1, "id", 11), r"annotations\[1\].id must be unique"),
        (
            _set("annotations", 1, "image_id", 4),
            r"annotations\[1\].image_id must be the id of an image of the file, but",
        ),
        (_set("annotations", 1, "image_id", 3.5), r"annotations\[1\].image_id must be an integer, but got 3.5"),
        (_set("annotations", 1, "category_id", 1), r"category_id must be one of the category ids \[90, 5\], but got 1"),
        (_set("annotations", 1, "bbox", [1, 2, 3]), r"annotations\[1\].bbox must be a list of 4 finite numbers"),
        (_set("annotations", 1, "bbox", [1, 2, 3, "4"]), r"annotations\[1\].bbox must be a list of 4 finite numbers"),
        (_set("annotations", 1, "bbox", [1, 2, 3, float("nan")]), r"annotations\[1\].bbox must be a list of 4 finite"),
        (_set("annotations", 1, "iscrowd", "no"), r"annotations\[1\].iscrowd must be 0 or 1, but got 'no'"),
        (_set("annotations", 1, "area", "big"), r"annotations\[1\].area must be a finite number, but got 'big'"),
    ],
)
def test_a_wrong_record_is_named(tmp_path: Path, change: Change, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load_dataset(write_coco_json(tmp_path, change))
    assert "coco.json" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1, column 1"),
        (b'{"images": [', "line 1, column 13"),
        (b'[{"image_id": 1}]', "Expected `object`, got `array`"),
        (b'{"images": [], "categories": [], "annotations": ["\xff"]}', "can't decode byte 0xff"),
        (b'{"images": [], "categories": [], "annotations": ' + b"[" * 100_000, "recursion"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load_dataset(path)
    assert "broken.json" in str(caught.value)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nope.json: No such file"):
        load_dataset(tmp_path / "nope.json")


def test_written_and_read_again_nothing_changes(tmp_path: Path) -> None:
    dataset = load_dataset(write_coco_json(tmp_path))
    write_coco(dataset, tmp_path / "again.json")
    assert_same_dataset(load_dataset(tmp_path / "again.json"), dataset)


def test_boxes_are_written_with_the_digits_they_came_with(tmp_path: Path) -> None:
    bbox = [458.5, 7.4, 176.4, 275.1]  # 458.5 + 176.4 - 458.5 is 176.39999999999998 in floating point
    path = write_coco_json(tmp_path, lambda coco: coco["annotations"][1].update(bbox=bbox))
    write_coco(load_dataset(path), tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text())["annotations"][1]["bbox"] == bbox


_size = st.floats(0, 3000, allow_subnormal=False)
_xywh = st.tuples(st.floats(-500, 3000, allow_subnormal=False), st.floats(-500, 3000), _size, _size)


@settings(max_examples=25)
@given(boxes=st.lists(_xywh, min_size=1, max_size=4))
def test_any_boxes_survive_a_file(tmp_path_factory: pytest.TempPathFactory, boxes: list[tuple[float, ...]]) -> None:
    xyxy = [(1, 0, (x, y, x + width, y + height)) for x, y, width, height in boxes]
    dataset = make_dataset(xyxy)
    path = tmp_path_factory.mktemp("coco") / "coco.json"
    write_coco(dataset, path)
    assert_same_dataset(load_dataset(path), dataset)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
_places = st.sampled_from(
    [("images", key) for key in ("id", "file_name", "width", "height", "split")]
    + [("annotations", key) for key in ("id", "image_id", "category_id", "bbox", "area", "iscrowd", "by")]
    + [("categories", key) for key in ("id", "name")]
)


@given(place=_places, value=_json)
def test_any_value_anywhere_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[str, str], value: object
) -> None:
    section, key = place
    path = write_coco_json(tmp_path_factory.mktemp("coco"), _set(section, 0, key, value))
    with suppress(DataError):
        dataset = load_dataset(path)
        assert np.isfinite(dataset.annotations.box_xyxy).all()
        assert np.isfinite(dataset.annotations.area).all()


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="must be writable"):
        write_coco(make_dataset(), tmp_path / "file" / "coco.json")
