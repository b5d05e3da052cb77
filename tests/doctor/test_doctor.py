import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bunri.doctor import Severity, examine
from bunri.doctor.findings import KINDS
from bunri.errors import DataError
from bunri.io import load_dataset
from io_builders import COCO, Change, write_coco_json, write_photo


def _found(path: Path, **options: Any) -> dict[str, int]:
    return {finding.kind: finding.count for finding in examine(path, **options).findings}


def _photographed(folder: Path, change: Change = lambda coco: None) -> Path:
    """COCO JSON without faults but one image's crowd region, with both photos."""
    write_photo(folder / "0001.jpg", seed=1, size=(100, 80))
    write_photo(folder / "0002.jpg", seed=2, size=(60, 40))
    return write_coco_json(folder, change)


def test_a_sound_data_set_has_no_faults(tmp_path: Path) -> None:
    report = examine(_photographed(tmp_path))
    assert (report.images, report.boxes, report.breaks_training) == (2, 2, False)
    assert [(finding.kind, finding.severity) for finding in report.findings] == [("crowd", Severity.INFO)]


def _box(**values: Any) -> Change:
    return lambda coco: coco["annotations"][1].update(values)


def _image(**values: Any) -> Change:
    return lambda coco: coco["images"][0].update(values)


def _again(section: str, **values: Any) -> Change:
    return lambda coco: coco[section].append(coco[section][1] | values)


@pytest.mark.parametrize(
    ("change", "kind", "place"),
    [
        (lambda coco: coco["images"].append("no object"), "wrong_record", "images[2] must be an object, but is str"),
        (lambda coco: coco["images"][0].pop("width"), "wrong_record", "images[0].width is absent"),
        (_image(height="tall"), "wrong_record", "images[0].height must be a whole number of pixels, but is 'tall'"),
        (lambda coco: coco["annotations"][1].pop("bbox"), "wrong_record", "annotations[1].bbox is absent"),
        (_again("annotations", bbox=[1, 1, 1, 1]), "duplicate_id", "annotations[2].id 12 is annotations[1].id too"),
        (_again("images", file_name="c.jpg"), "duplicate_id", "images[2].id 3 is images[1].id too"),
        (_again("categories", id=4), "duplicate_id", "categories[2].name 'Metal' is categories[1].name too"),
        (_box(id=None), "wrong_record", "annotations[1].id must be an integer, but is None"),
        (_box(area="large"), "wrong_record", "annotations[1].area must be a finite number, but is 'large'"),
        (_box(id=0), "annotation_zero", "annotations[1] (id 0, image 7)"),
        (_box(iscrowd="no"), "wrong_record", "annotations[1].iscrowd must be 0 or 1, but is 'no'"),
        (_image(id=10**400), "wrong_record", f"images[0].id must be an integer, but is 1{'0' * 59}"),
        (_box(image_id=99), "unknown_image", "annotations[1].image_id 99"),
        (_box(category_id=99), "unknown_category", "annotations[1].category_id 99"),
        (_box(bbox=[1, 2, 3]), "wrong_box", "annotations[1].bbox [1, 2, 3]"),
        (_box(bbox=[1, 2, 3, float("inf")]), "wrong_box", "annotations[1].bbox [1, 2, 3, inf]"),
        (_box(bbox=[10, 20, 0, 40]), "empty_box", "annotations[1] (id 12, image 7) bbox [10, 20, 0, 40]"),
        (_box(bbox=[10, 20, 5, -1]), "empty_box", "annotations[1] (id 12, image 7) bbox [10, 20, 5, -1]"),
        (_box(bbox=[100, 0, 5, 5]), "box_outside", "annotations[1] (id 12, image 7) bbox [100, 0, 5, 5] in 100 x 80"),
        (
            _box(bbox=[90, 0, 11, 5]),
            "box_past_border",
            "annotations[1] (id 12, image 7) bbox [90, 0, 11, 5] in 100 x 80",
        ),
        (_again("annotations", id=13), "duplicate_box", "annotations[2] (id 13, image 7) and annotations[1]"),
        (
            _again("annotations", id=13, category_id=5),
            "two_classes",
            "annotations[2] (id 13, image 7) and annotations[1]",
        ),
        (_again("categories", id=4, name="Glass"), "class_without_boxes", "Glass"),
        (_again("images", id=4, file_name="c.jpg"), "image_without_boxes", "c.jpg (id 4)"),
        (_again("images", id=4), "duplicate_file_name", "images[2] and images[1]: 0002.jpg"),
        (_image(file_name="../0001.jpg"), "file_outside_folder", "../0001.jpg (id 7)"),
        (_image(file_name="/etc/passwd"), "file_outside_folder", "/etc/passwd (id 7)"),
    ],
)
def test_a_fault_of_the_labels_is_found_with_its_place(tmp_path: Path, change: Change, kind: str, place: str) -> None:
    findings = {finding.kind: finding for finding in examine(write_coco_json(tmp_path, change), photos=False).findings}
    assert findings[kind].count == 1
    assert findings[kind].places == (place,)
    assert findings[kind].severity is KINDS[kind].severity


@pytest.mark.parametrize(("overshoot", "found"), [(0.4, {}), (0.6, {"box_past_border": 1})])
def test_half_a_pixel_past_the_border_is_rounding(tmp_path: Path, overshoot: float, found: dict[str, int]) -> None:
    path = write_coco_json(tmp_path, _box(bbox=[90, 0, 10 + overshoot, 80]))
    assert _found(path, photos=False) == {"crowd": 1} | found


def test_a_test_set_is_told_once_that_it_has_no_boxes(tmp_path: Path) -> None:
    path = write_coco_json(tmp_path, lambda coco: coco.pop("annotations"))
    assert _found(path, photos=False) == {"no_boxes": 1}
    assert not examine(path, photos=False).breaks_training


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"images": {}, "categories": []}', '{"images": [], "categories": 3}', "\0"]
)
def test_a_file_that_is_not_coco_is_one_finding(tmp_path: Path, content: str) -> None:
    path = tmp_path / "coco.json"
    path.write_text(content)
    report = examine(path)
    assert report.breaks_training
    assert [finding.kind for finding in report.findings] == ["not_coco"]
    assert "coco.json" in report.findings[0].places[0]


def test_all_faults_are_named_at_once_the_worst_first(tmp_path: Path) -> None:
    def spoil(coco: dict[str, Any]) -> None:
        _box(bbox=[90, 0, 20, 5])(coco)
        _image(file_name="0009.jpg")(coco)
        coco["annotations"].append({"image_id": 3, "category_id": 1, "bbox": None})

    found = _found(_photographed(tmp_path, spoil))
    assert list(found) == ["unknown_category", "wrong_box", "missing_photo", "box_past_border", "crowd"]


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:300])


def _resize(path: Path) -> None:
    write_photo(path, seed=1, size=(50, 40))


def _rotate(path: Path) -> None:
    _save_rotated(path, (80, 100))


def _rotate_behind_the_labels(path: Path) -> None:
    _save_rotated(path, (100, 80))


def _save_rotated(path: Path, stored_size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    write_photo(path, seed=1, size=stored_size, exif=exif)


def _copy_of_the_other(path: Path) -> None:
    path.write_bytes((path.parent / "0002.jpg").read_bytes())


def _other_compressed_anew(path: Path) -> None:
    with Image.open(path.parent / "0002.jpg") as photo:
        photo.save(path, quality=100)


@pytest.mark.parametrize(
    ("spoil", "kind", "place"),
    [
        (Path.unlink, "missing_photo", "0001.jpg"),
        (_truncate, "unreadable_photo", "0001.jpg"),
        (_resize, "wrong_size", "0001.jpg (id 7) states 100 x 80, but is 50 x 40"),
        (_rotate, "rotated_photo", "0001.jpg (id 7) orientation 6"),
        (
            _rotate_behind_the_labels,
            "wrong_size",
            "0001.jpg (id 7) states 100 x 80, but is 80 x 100, EXIF orientation 6 applied",
        ),
        (_copy_of_the_other, "same_photo", "0001.jpg (id 7) and 0002.jpg (id 3)"),
        (_other_compressed_anew, "near_duplicate", "0001.jpg (id 7) and 0002.jpg (id 3)"),
    ],
)
def test_a_fault_of_a_photo_is_found_with_its_place(tmp_path: Path, spoil: Any, kind: str, place: str) -> None:
    path = _photographed(tmp_path)
    spoil(tmp_path / "0001.jpg")
    findings = {finding.kind: finding for finding in examine(path).findings}
    assert findings[kind].count == 1
    assert place in findings[kind].places[0]


def test_photos_are_looked_for_in_the_folder_given(tmp_path: Path) -> None:
    path = write_coco_json(tmp_path)
    _photographed(tmp_path / "photos")
    assert _found(path) == {"missing_photo": 2, "crowd": 1}
    assert _found(path, image_folder=tmp_path / "photos") == {"crowd": 1}
    assert _found(path, photos=False) == {"crowd": 1}


@pytest.mark.parametrize(("name", "kind"), [("a" * 300, "missing_photo"), ("nul\0byte", "file_outside_folder")])
def test_a_name_no_file_can_have_is_told(tmp_path: Path, name: str, kind: str) -> None:
    assert _found(_photographed(tmp_path, _image(file_name=name)))[kind] == 1


def test_all_are_counted_but_only_some_places_named(tmp_path: Path) -> None:
    def many(coco: dict[str, Any]) -> None:
        coco["annotations"] = [COCO["annotations"][1] | {"id": k, "image_id": 50} for k in range(9)]

    finding = next(f for f in examine(write_coco_json(tmp_path, many), photos=False, max_places=2).findings)
    assert (finding.kind, finding.count) == ("unknown_image", 9)
    assert finding.places == ("annotations[0].image_id 50", "annotations[1].image_id 50")


def test_the_report_is_plain_values(tmp_path: Path) -> None:
    values = json.loads(json.dumps(examine(_photographed(tmp_path, _box(image_id=99))).to_dict()))
    assert values["breaks_training"] is True
    assert values["findings"][0]["severity"] == "breaks training"
    assert values["findings"][0]["kind"] == "unknown_image"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


_KEYS = ["id", "file_name", "width", "image_id", "category_id", "bbox", "area", "iscrowd", "name", None]
_anywhere = given(
    section=st.sampled_from(["images", "annotations", "categories"]), key=st.sampled_from(_KEYS), value=_json
)


def _spoilt(section: str, key: str | None, value: Any) -> Change:
    def spoil(coco: dict[str, Any]) -> None:
        if key is None:
            coco[section][0] = value
        else:
            coco[section][0][key] = value

    return spoil


@_anywhere
def test_any_value_anywhere_is_survived(
    tmp_path_factory: pytest.TempPathFactory, section: str, key: str | None, value: Any
) -> None:
    report = examine(write_coco_json(tmp_path_factory.mktemp("doctor"), _spoilt(section, key, value)))
    assert report.count("missing_photo") <= 2
    assert all(np.char.str_len(place) > 0 for finding in report.findings for place in finding.places)


@_anywhere
def test_what_cannot_be_loaded_is_a_fault_that_breaks_training(
    tmp_path_factory: pytest.TempPathFactory, section: str, key: str | None, value: Any
) -> None:
    path = write_coco_json(tmp_path_factory.mktemp("doctor"), _spoilt(section, key, value))
    try:
        load_dataset(path)
    except DataError:
        assert examine(path, photos=False).breaks_training
