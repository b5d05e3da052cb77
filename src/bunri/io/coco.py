"""COCO JSON: the file of images and boxes (https://cocodataset.org/#format-data)."""

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bunri.boxes import FloatArray, IntArray, area, xywh_to_xyxy
from bunri.dataset import Annotations, Dataset, Images
from bunri.errors import DataError
from bunri.files import write_bytes
from bunri.io.exact import xyxy_to_exact_xywh
from bunri.io.records import Records, blocks_of, decode_file

_IMAGE_KEYS = frozenset({"id", "file_name", "width", "height"})
_ANNOTATION_KEYS = frozenset({"id", "image_id", "category_id", "bbox", "area", "iscrowd"})


class _CocoFile(msgspec.Struct):
    """The outer shape of the file; records are decoded block by block."""

    images: list[msgspec.Raw]
    categories: list[msgspec.Raw]
    annotations: list[msgspec.Raw] = []


def load_dataset(path: str | PathLike[str], image_folder: str | PathLike[str] | None = None) -> Dataset:
    """Read a data set from COCO JSON.

    Class indexes follow the order of ``categories``; ids may be sparse and start anywhere. A file without
    ``annotations`` is a test set. Keys that COCO does not need are kept as ``fields``. Boxes without an area get
    width x height, without ``iscrowd`` are no crowd, without an id get the next free one. Boxes of no size or past the
    border are loaded as they are.

    Args:
        path: The JSON file.
        image_folder: Where the file names start; by default the folder of the JSON file.

    Raises:
        DataError: The file is not JSON or a record is wrong; the message has file, record, key and what came.
    """
    path = Path(path)
    file = decode_file(path, "a data set", _CocoFile)
    class_names, category_ids = _read_categories(path, file.categories)
    images = _read_images(path, file.images)
    annotations = _read_annotations(path, file.annotations, images.id, category_ids)
    folder = path.parent if image_folder is None else Path(image_folder)
    return Dataset(class_names, category_ids, images, annotations, folder)


def _read_categories(path: Path, raws: Sequence[msgspec.Raw]) -> tuple[tuple[str, ...], IntArray]:
    blocks = list(blocks_of(path, "categories", raws))
    ids = np.concatenate([block.integers("id") for block in blocks])
    names = [name for block in blocks for name in block.texts("name")]
    _refuse_twice(path, "categories", "id", ids.tolist())
    _refuse_twice(path, "categories", "name", names)
    return tuple(names), ids


def _read_images(path: Path, raws: Sequence[msgspec.Raw]) -> Images:
    parts = [_images_of(block) for block in blocks_of(path, "images", raws)]
    images = {key: np.concatenate([part[key] for part in parts]) for key in ("id", "width", "height")}
    _refuse_twice(path, "images", "id", images["id"].tolist())
    names = tuple(name for part in parts for name in part["file_name"])
    return Images(file_name=names, fields=_joined_fields(parts), **images)


def _images_of(block: Records) -> dict[str, Any]:
    return {
        "id": block.integers("id"),
        "file_name": block.texts("file_name"),
        "width": _positive(block, "width"),
        "height": _positive(block, "height"),
        "fields": _fields_of(block, _IMAGE_KEYS),
        "rows": len(block),
    }


def _positive(block: Records, key: str) -> IntArray:
    column = block.integers(key)
    if len(column) and column.min() < 1:
        block.refuse(int(column.argmin()), key, "at least 1 pixel", int(column.min()))
    return column


def _read_annotations(
    path: Path, raws: Sequence[msgspec.Raw], image_ids: IntArray, category_ids: IntArray
) -> Annotations:
    parts = [_annotations_of(block, image_ids, category_ids) for block in blocks_of(path, "annotations", raws)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name not in _NOT_COLUMNS}
    columns["id"] = _numbered(columns["id"])
    _refuse_twice(path, "annotations", "id", columns["id"].tolist())
    return Annotations(fields=_joined_fields(parts), **columns)


_NOT_COLUMNS = frozenset({"fields", "rows"})
_NO_ID = np.iinfo(np.int64).min


def _annotations_of(block: Records, image_ids: IntArray, category_ids: IntArray) -> dict[str, Any]:
    boxes = xywh_to_xyxy(block.boxes("bbox"))
    return {
        "id": block.integers("id", default=_NO_ID),
        "image_id": block.known_integers("image_id", image_ids, "the id of an image of the file"),
        "class_index": block.class_index(category_ids),
        "box_xyxy": boxes,
        "area": _areas(block.numbers("area"), boxes),
        "is_crowd": block.flags("iscrowd"),
        "fields": _fields_of(block, _ANNOTATION_KEYS),
        "rows": len(block),
    }


def _areas(areas: FloatArray, boxes: FloatArray) -> FloatArray:
    return np.where(np.isnan(areas), area(boxes), areas)


def _numbered(ids: IntArray) -> IntArray:
    """Annotation ids in which the absent ones are numbered after the largest."""
    absent = ids == _NO_ID
    first = max(int(ids[~absent].max(initial=0)), 0) + 1
    numbered = ids.copy()
    numbered[absent] = first + np.arange(absent.sum())
    return numbered


def _refuse_twice(path: Path, section: str, key: str, values: Sequence[int] | Sequence[str]) -> None:
    if len(set(values)) == len(values):
        return
    first_row: dict[object, int] = {}
    for row, value in enumerate(values):
        if first_row.setdefault(value, row) != row:
            place = f"{path}: {section}[{row}].{key}"
            came = f"{value!r} stands at {section}[{first_row[value]}] too"
            raise DataError(f"{place} must be unique, but {came}. Run `bunri doctor` for the whole list.")


def _fields_of(block: Records, own: frozenset[str]) -> dict[str, list[Any]]:
    names = dict.fromkeys(key for row in block.rows for key in row)
    return {name: block.values(name) for name in names if name not in own}


def _joined_fields(parts: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Further columns of all blocks; None where a record lacks the key."""
    names = dict.fromkeys(name for part in parts for name in part["fields"])
    return {name: tuple(_chained(name, parts)) for name in names}


def _chained(name: str, parts: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    for part in parts:
        yield from part["fields"].get(name) or [None] * part["rows"]


def write_coco(dataset: Dataset, path: str | PathLike[str]) -> None:
    """Write a data set as COCO JSON from which :func:`load_dataset` gives an equal one, further fields included.

    Raises:
        OutputError: The file cannot be written.
    """
    content = {
        "images": _image_records(dataset.images),
        "annotations": _annotation_records(dataset),
        "categories": [
            {"id": id_, "name": name}
            for id_, name in zip(dataset.category_ids.tolist(), dataset.class_names, strict=True)
        ],
    }
    write_bytes(Path(path), msgspec.json.encode(content))


def _image_records(images: Images) -> list[dict[str, Any]]:
    columns = {
        "id": images.id.tolist(),
        "file_name": images.file_name,
        "width": images.width.tolist(),
        "height": images.height.tolist(),
    }
    return _records({**columns, **images.fields})


def _annotation_records(dataset: Dataset) -> list[dict[str, Any]]:
    annotations = dataset.annotations
    columns = {
        "id": annotations.id.tolist(),
        "image_id": annotations.image_id.tolist(),
        "category_id": dataset.category_ids[annotations.class_index].tolist(),
        "bbox": xyxy_to_exact_xywh(annotations.box_xyxy).tolist(),
        "area": annotations.area.tolist(),
        "iscrowd": annotations.is_crowd.astype(np.int64).tolist(),
    }
    return _records({**columns, **annotations.fields})


def _records(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
