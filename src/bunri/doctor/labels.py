"""Faults of the JSON: each check yields the kind and the place of what it finds."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bunri.doctor.findings import Fault
from bunri.errors import DataError
from bunri.files import read_json
from bunri.io.records import is_box, is_integer, is_number, is_text
from bunri.shards import leaves_folder

Record = dict[str, Any]
_Rule = tuple[str, Callable[[Any], bool], str]

_PAST_BORDER_PX = 0.5
"""Less than this is rounding of coordinates."""


@dataclass(frozen=True)
class Labels:
    """The lists of a COCO file as they are; of broken records the others still count."""

    images: list[Any]
    annotations: list[Any]
    categories: list[Any]

    @cached_property
    def size_of_image(self) -> dict[int, tuple[int, int]]:
        """Width and height by image id, of the images whose records are whole."""
        return {image["id"]: (image["width"], image["height"]) for _, image in self.whole_images()}

    def whole_images(self) -> Iterator[tuple[int, Record]]:
        """Row and record of the images whose keys are there and right."""
        return _whole(self.images, _IMAGE_RULES)

    def boxes(self) -> Iterator[tuple[int, Record]]:
        """Row and record of the annotations whose keys are there and right, with a box of numbers."""
        return ((row, box) for row, box in _whole(self.annotations, _BOX_RULES) if is_box(box.get("bbox")))


def _is_size(value: Any) -> bool:
    return is_integer(value) and value >= 1


def _always(value: Any) -> bool:
    return True


_ID: _Rule = ("id", is_integer, "an integer")
_IMAGE_RULES: tuple[_Rule, ...] = (
    _ID,
    ("file_name", is_text, "a text"),
    ("width", _is_size, "a whole number of pixels"),
    ("height", _is_size, "a whole number of pixels"),
)
_BOX_RULES: tuple[_Rule, ...] = (
    ("image_id", is_integer, "an integer"),
    ("category_id", is_integer, "an integer"),
)
_BOX_KEYS: tuple[_Rule, ...] = (*_BOX_RULES, ("bbox", _always, "a box"))
_FREE_BOX_KEYS: tuple[_Rule, ...] = (
    ("id", is_integer, "an integer"),
    ("area", lambda value: value is None or is_number(value), "a finite number"),
    ("iscrowd", lambda value: value in (None, 0, 1), "0 or 1"),
)
"""They may be absent, but not of another type."""
_CATEGORY_RULES: tuple[_Rule, ...] = (_ID, ("name", is_text, "a text"))


def read_labels(path: Path) -> Labels:
    """Read the lists of a COCO file.

    Raises:
        DataError: The file is not JSON, or not an object with the lists of COCO.
    """
    file = read_json(path, "a data set")
    if not isinstance(file, dict):
        raise DataError(f"{path} must be an object with images, annotations and categories, but is a {_type(file)}")
    return Labels(*(_list_of(path, file, key) for key in ("images", "annotations", "categories")))


def _list_of(path: Path, file: Record, key: str) -> list[Any]:
    value = file.get(key, [] if key == "annotations" else None)
    if not isinstance(value, list):
        raise DataError(f"{path}: {key} must be a list, but is {'absent' if value is None else _type(value)}")
    return value


def _type(value: object) -> str:
    return type(value).__name__


def faults_of_labels(labels: Labels) -> Iterator[Fault]:
    """All faults that can be seen without the photos."""
    yield from _wrong_records("images", labels.images, _IMAGE_RULES)
    yield from _wrong_records("annotations", labels.annotations, _BOX_KEYS)
    yield from _wrong_records("categories", labels.categories, _CATEGORY_RULES)
    yield from _wrong_values("annotations", labels.annotations, _FREE_BOX_KEYS)
    for check in _CHECKS:
        yield from check(labels)


def _wrong_records(section: str, records: list[Any], rules: Iterable[_Rule]) -> Iterator[Fault]:
    for row, record in enumerate(records):
        if not isinstance(record, dict):
            yield "wrong_record", f"{section}[{row}] must be an object, but is {_type(record)}"
            continue
        for key, _, _ in rules:
            if key not in record:
                yield "wrong_record", f"{section}[{row}].{key} is absent"
    yield from _wrong_values(section, records, rules)


def _wrong_values(section: str, records: list[Any], rules: Iterable[_Rule]) -> Iterator[Fault]:
    for row, record in enumerate(records):
        for key, is_right, must in rules if isinstance(record, dict) else ():
            if key in record and not is_right(record[key]):
                yield "wrong_record", f"{section}[{row}].{key} must be {must}, but is {record[key]!r:.60}"


def _duplicate_ids(labels: Labels) -> Iterator[Fault]:
    for section, key in (("images", "id"), ("annotations", "id"), ("categories", "id"), ("categories", "name")):
        seen: dict[Any, int] = {}
        for row, record in enumerate(getattr(labels, section)):
            value = record.get(key) if isinstance(record, dict) else None
            if isinstance(value, int | str) and seen.setdefault(value, row) != row:
                yield "duplicate_id", f"{section}[{row}].{key} {value!r} is {section}[{seen[value]}].{key} too"


def _duplicate_file_names(labels: Labels) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for row, image in labels.whole_images():
        if seen.setdefault(image["file_name"], row) != row:
            yield "duplicate_file_name", f"images[{row}] and images[{seen[image['file_name']]}]: {image['file_name']}"


def _leaving_names(labels: Labels) -> Iterator[Fault]:
    for _, image in labels.whole_images():
        if leaves_folder(image["file_name"]):
            yield "file_outside_folder", place_of_image(image)


def _unknown_references(labels: Labels) -> Iterator[Fault]:
    images = _ids(labels.images)
    categories = _ids(labels.categories)
    for row, box in _whole(labels.annotations, _BOX_RULES):
        if box["image_id"] not in images:
            yield "unknown_image", f"annotations[{row}].image_id {box['image_id']}"
        if box["category_id"] not in categories:
            yield "unknown_category", f"annotations[{row}].category_id {box['category_id']}"


def _wrong_boxes(labels: Labels) -> Iterator[Fault]:
    for row, record in enumerate(labels.annotations):
        if isinstance(record, dict) and "bbox" in record and not is_box(record["bbox"]):
            yield "wrong_box", f"annotations[{row}].bbox {record['bbox']!r:.80}"


def _misplaced_boxes(labels: Labels) -> Iterator[Fault]:
    for row, box in labels.boxes():
        x, y, width, height = box["bbox"]
        place = f"{_place_of_box(row, box)} bbox {box['bbox']}"
        if width <= 0 or height <= 0:
            yield "empty_box", place
        elif box["image_id"] in labels.size_of_image:
            yield from _against_border(x, y, x + width, y + height, labels.size_of_image[box["image_id"]], place)


def _against_border(
    x_min: float, y_min: float, x_max: float, y_max: float, size: tuple[int, int], place: str
) -> Iterator[Fault]:
    width, height = size
    where = f"{place} in {width} x {height}"
    if x_min >= width or y_min >= height or x_max <= 0 or y_max <= 0:
        yield "box_outside", where
    elif max(-x_min, -y_min, x_max - width, y_max - height) > _PAST_BORDER_PX:
        yield "box_past_border", where


def _repeated_boxes(labels: Labels) -> Iterator[Fault]:
    first: dict[tuple[Any, ...], tuple[int, int]] = {}
    for row, box in labels.boxes():
        other, category = first.setdefault((box["image_id"], *box["bbox"]), (row, box["category_id"]))
        if other != row:
            kind = "duplicate_box" if category == box["category_id"] else "two_classes"
            yield kind, f"{_place_of_box(row, box)} and annotations[{other}]"


def _absences(labels: Labels) -> Iterator[Fault]:
    """Classes and images without boxes; one finding where there are no boxes at all (a test set has none)."""
    if not labels.annotations:
        yield "no_boxes", "annotations"
        return
    boxes = [box for box in labels.annotations if isinstance(box, dict)]
    used = {box["category_id"] for box in boxes if is_integer(box.get("category_id"))}
    for _, category in _whole(labels.categories, _CATEGORY_RULES):
        if category["id"] not in used:
            yield "class_without_boxes", category["name"]
    labelled = {box.get("image_id") for box in boxes if is_integer(box.get("image_id"))}
    for _, image in labels.whole_images():
        if image["id"] not in labelled:
            yield "image_without_boxes", place_of_image(image)


def _crowds(labels: Labels) -> Iterator[Fault]:
    return (("crowd", _place_of_box(row, box)) for row, box in labels.boxes() if box.get("iscrowd"))


def _zero_ids(labels: Labels) -> Iterator[Fault]:
    return (("annotation_zero", _place_of_box(row, box)) for row, box in labels.boxes() if box.get("id") == 0)


_CHECKS: tuple[Callable[[Labels], Iterator[Fault]], ...] = (
    _duplicate_ids,
    _duplicate_file_names,
    _leaving_names,
    _unknown_references,
    _wrong_boxes,
    _misplaced_boxes,
    _repeated_boxes,
    _absences,
    _crowds,
    _zero_ids,
)


def _whole(records: list[Any], rules: Iterable[_Rule]) -> Iterator[tuple[int, Record]]:
    for row, record in enumerate(records):
        if isinstance(record, dict) and all(key in record and is_right(record[key]) for key, is_right, _ in rules):
            yield row, record


def _ids(records: list[Any]) -> set[int]:
    return {record["id"] for _, record in _whole(records, (_ID,))}


def _place_of_box(row: int, box: Mapping[str, Any]) -> str:
    return f"annotations[{row}] (id {box.get('id', '-')}, image {box['image_id']})"


def place_of_image(image: Mapping[str, Any]) -> str:
    """How an image is named in a finding."""
    return f"{image['file_name']} (id {image['id']})"
