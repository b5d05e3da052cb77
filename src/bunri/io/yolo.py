"""YOLO text files (https://docs.ultralytics.com/datasets/detect): a ``.txt`` for each image, a line for each box.

A label line is ``class cx cy width height``, a prediction line ``class cx cy width height confidence``; the class is
the class index, the box is normalised by the size of the image. ``data.yaml`` has ``names`` and, for each split, where
its images are (below ``path``, by default its own folder); the labels of ``images/a.jpg`` are in ``labels/a.txt``.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import yaml

from bunri.boxes import FloatArray, IntArray, area
from bunri.dataset import Annotations, Dataset, Images
from bunri.errors import ConfigError, DataError
from bunri.files import cannot_write, is_file, is_folder, read_bytes, write_text
from bunri.io.exact import cxcywh_to_xyxy, xyxy_to_exact_cxcywh
from bunri.photos import photo_size
from bunri.predictions import Predictions
from bunri.shards import leaves_folder

SPLITS = ("train", "val", "test")
_PHOTO_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp"})


def write_yolo(dataset: Dataset, folder: str | PathLike[str]) -> Path:
    """Write ``data.yaml`` and ``labels/``; photos that are there are linked into ``images/``.

    A field ``split`` of the images becomes a list of photos for each split; without it all photos are named as train
    and as val, as YOLO programs want both. Crowd regions, for which YOLO has no word, are left out.

    Returns:
        The path of ``data.yaml``.

    Raises:
        DataError: Two images would have the same label file.
        OutputError: The folder cannot be written.
    """
    folder = Path(folder)
    real = np.flatnonzero(~dataset.annotations.is_crowd)
    rows = dataset.rows_of(dataset.annotations.image_id[real])
    boxes = xyxy_to_exact_cxcywh(dataset.annotations.box_xyxy[real], _sizes(dataset.images, rows))
    columns = [dataset.annotations.class_index[real].tolist(), *boxes.T.tolist()]
    _write_lines(dataset, folder / "labels", np.arange(len(dataset)), rows, columns)
    _link_photos(dataset, folder / "images")
    settings = {**_write_splits(dataset, folder), "names": dict(enumerate(dataset.class_names))}
    write_text(folder / "data.yaml", yaml.safe_dump(settings, allow_unicode=True, sort_keys=False))
    return folder / "data.yaml"


def _sizes(images: Images, rows: IntArray) -> IntArray:
    """Width and height ``(N, 2)`` of the image in each row."""
    return np.stack([images.width[rows], images.height[rows]], axis=1)


def _write_lines(
    dataset: Dataset, folder: Path, images: IntArray, rows: IntArray, columns: Sequence[Sequence[float]]
) -> None:
    """One file for each of some images, with the lines of the boxes whose row it is."""
    lines: dict[int, list[str]] = {row: [] for row in images.tolist()}
    for row, *values in zip(rows.tolist(), *columns, strict=True):
        lines[row].append(" ".join(map(repr, values)))
    paths = _text_files(dataset)
    for row, texts in lines.items():
        write_text(folder / paths[row], "".join(f"{text}\n" for text in texts))


def _text_files(dataset: Dataset) -> list[PurePosixPath]:
    """The path of each image's text file below the folder of labels."""
    if leaving := [name for name in dataset.images.file_name if leaves_folder(name)]:
        raise DataError(f"file names must stay in their folder, but one is {leaving[0]!r}. Correct the annotations.")
    names = [PurePosixPath(name) for name in dataset.images.file_name]
    if all(name.parts[0] == "images" for name in names):
        names = [name.relative_to("images") for name in names]
    texts = [name.with_suffix(".txt") for name in names]
    if len(set(texts)) < len(texts):
        twice = next(text for text in texts if texts.count(text) > 1)
        raise DataError(f"each image must have a text file of its own, but two would write {twice}. Rename a photo.")
    return texts


def _write_splits(dataset: Dataset, folder: Path) -> dict[str, str]:
    """Write the lists of photos, and give where each split is."""
    splits = dataset.images.fields.get("split", ())
    if not splits or not set(splits) <= set(SPLITS):
        return {"train": "images", "val": "images"}
    photos = _linked_photos(dataset)
    for split in dict.fromkeys(splits):
        lines = [f"./images/{photo}\n" for photo, its in zip(photos, splits, strict=True) if its == split]
        write_text(folder / f"{split}.txt", "".join(lines))
    return {split: f"{split}.txt" for split in SPLITS if split in splits}


def _linked_photos(dataset: Dataset) -> list[PurePosixPath]:
    """The path of each photo below the folder of images."""
    pairs = zip(_text_files(dataset), dataset.images.file_name, strict=True)
    return [text.with_suffix(PurePosixPath(name).suffix) for text, name in pairs]


def _link_photos(dataset: Dataset, folder: Path) -> None:
    if dataset.image_folder is None:
        return
    for row, photo in enumerate(_linked_photos(dataset)):
        target = dataset.path_of(row).resolve()
        if target.is_file():
            _link(folder / photo, target)


def _link(link: Path, target: Path) -> None:
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(target)
    except OSError as error:
        raise cannot_write(link, error) from error


def read_yolo(data_yaml: str | PathLike[str]) -> Dataset:
    """Read a YOLO data set: the images of all splits, named in the field ``split``, with sizes from the photos.

    Raises:
        ConfigError: ``data.yaml`` is wrong.
        DataError: A photo or a line of labels is wrong; the message has file and line.
    """
    data_yaml = Path(data_yaml)
    settings = _read_settings(data_yaml)
    root = data_yaml.parent / str(settings.get("path") or ".")
    split_of: dict[Path, str] = {}
    for split in SPLITS:
        split_of |= dict.fromkeys(_photos_of(data_yaml, root, settings.get(split)), split) | split_of
    photos = list(split_of)
    images = _images(root, photos, list(split_of.values()))
    class_names = _class_names(data_yaml, settings)
    lines = [_numbers(_label_file(photo), 5, len(class_names)) for photo in photos]
    return Dataset(class_names, np.arange(len(class_names)), images, _annotations(images, lines), root)


def _read_settings(data_yaml: Path) -> Mapping[str, Any]:
    try:
        settings = yaml.safe_load(read_bytes(data_yaml, "data.yaml"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{data_yaml} must be YAML, but: {error}") from error
    if not isinstance(settings, dict) or "names" not in settings:
        raise ConfigError(f"{data_yaml} must be a mapping with names and train, val or test, but names is absent")
    for split in SPLITS:
        if not _is_place(settings.get(split)):
            raise ConfigError(
                f"{data_yaml}: {split} must be a folder, a .txt list or a list of them, but got {settings[split]!r}"
            )
    return settings


def _is_place(value: Any) -> bool:
    many = value if isinstance(value, list) else [value or ""]
    return all(isinstance(one, str) and "\0" not in one for one in many)


def _class_names(data_yaml: Path, settings: Mapping[str, Any]) -> tuple[str, ...]:
    names = settings["names"]
    by_index = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(by_index, dict) or sorted(by_index, key=str) != sorted(range(len(by_index)), key=str):
        raise ConfigError(f"{data_yaml}: names must be a list, or a mapping from 0, 1, ... to names, but got {names}")
    return tuple(str(by_index[index]) for index in range(len(by_index)))


def _photos_of(data_yaml: Path, root: Path, places: Any) -> Iterator[Path]:
    """Photos of a split: folders, lists of paths in ``.txt`` files, or photos."""
    for place in [places] if isinstance(places, str) else places or []:
        path = root / str(place)
        if not (is_folder(path) or is_file(path)):
            path = root / str(place).removeprefix("../")  # as Roboflow writes it and Ultralytics reads it
        if is_folder(path):
            yield from sorted(photo for photo in path.rglob("*") if photo.suffix.lower() in _PHOTO_SUFFIXES)
        elif path.suffix == ".txt":
            lines = read_bytes(path, "a list of photos").decode(errors="replace").split("\n")
            yield from (path.parent / line.strip() for line in lines if line.strip())
        else:
            raise DataError(
                f"images of a split must be a folder or a .txt list, but {path} is neither. Correct {data_yaml}."
            )


def _images(root: Path, photos: Sequence[Path], splits: Sequence[str]) -> Images:
    sizes = np.array([photo_size(photo) for photo in photos], np.int64).reshape(-1, 2)
    return Images(
        id=np.arange(len(photos)),
        file_name=tuple(_below(root, photo) for photo in photos),
        width=sizes[:, 0],
        height=sizes[:, 1],
        fields={"split": tuple(splits)},
    )


def _below(root: Path, photo: Path) -> str:
    name = Path(os.path.relpath(photo, root)).as_posix()  # by the words of the paths: links are not followed
    if leaves_folder(name):
        raise DataError(f"photos must lie below {root}, but got {photo}. Set `path` in data.yaml.")
    return name


def _label_file(photo: Path) -> Path:
    """The last folder ``images`` of the path becomes ``labels``, as Ultralytics does it."""
    parts = list(photo.parts)
    if "images" in parts[:-1]:
        last = len(parts) - 2 - parts[:-1][::-1].index("images")
        parts[last] = "labels"
    return Path(*parts).with_suffix(".txt")


def _numbers(path: Path, per_line: int, classes: int) -> FloatArray:
    """The lines of a file as ``(n, per_line)``; none where the file is absent."""
    if not path.is_file():
        return np.empty((0, per_line))
    lines = read_bytes(path, "YOLO labels").decode(errors="replace").split("\n")
    numbers = [_line(path, row, line, per_line, classes) for row, line in enumerate(lines, 1) if line.strip()]
    return np.array(numbers).reshape(-1, per_line)


LARGEST_SHARE = 1e4
"""Of the photo's side; a box that is further away than so many photos is a mistake."""


def _line(path: Path, row: int, line: str, per_line: int, classes: int) -> list[float]:
    must = f"{per_line} numbers, the first a class index in [0, {classes}), sizes not negative, confidence in [0, 1]"
    try:
        numbers = [float(token) for token in line.split()]
    except ValueError:
        numbers = []
    if len(numbers) != per_line or not _is_box(numbers) or numbers[0] not in range(classes):
        raise DataError(f"{path}, line {row} must be {must}, but got {line.strip()[:80]!r}. Correct the line.")
    return numbers


def _is_box(numbers: Sequence[float]) -> bool:
    """Whether ``class cx cy width height [confidence]`` can be a box."""
    sizes, confidence = numbers[3:5], numbers[5:]
    return (
        bool((np.abs(numbers) <= LARGEST_SHARE).all())
        and min(sizes) >= 0
        and all(0 <= value <= 1 for value in confidence)
    )


def _annotations(images: Images, lines: Sequence[FloatArray]) -> Annotations:
    numbers = np.concatenate([np.empty((0, 5)), *lines])
    rows = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    box_xyxy = cxcywh_to_xyxy(numbers[:, 1:], _sizes(images, rows))
    return Annotations(
        id=np.arange(len(rows)) + 1,
        image_id=images.id[rows],
        class_index=numbers[:, 0].astype(np.int64),
        box_xyxy=box_xyxy,
        area=area(box_xyxy),
        is_crowd=np.zeros(len(rows), np.bool_),
    )


def write_yolo_predictions(predictions: Predictions, folder: str | PathLike[str], dataset: Dataset) -> None:
    """Write one text file for each image looked at, empty where nothing was found.

    Raises:
        DataError: An image is not of the data set, or two images would have the same file.
        OutputError: The folder cannot be written.
    """
    rows = dataset.rows_of(predictions.image_id)
    boxes = xyxy_to_exact_cxcywh(predictions.box_xyxy, _sizes(dataset.images, rows))
    columns = [predictions.class_index.tolist(), *boxes.T.tolist(), predictions.score.tolist()]
    _write_lines(dataset, Path(folder), dataset.rows_of(predictions.seen_image_id), rows, columns)


def read_yolo_predictions(folder: str | PathLike[str], dataset: Dataset, name: str | None = None) -> Predictions:
    """Read a folder of text files; an image without one was found empty, as YOLO programs write none then.

    Raises:
        DataError: A line is wrong, or no image of the data set has a file; the message has file and line.
    """
    folder = Path(folder)
    paths = [folder / text for text in _text_files(dataset)]
    if not any(path.is_file() for path in paths):
        example = f", such as {paths[0]}" if paths else ""
        raise DataError(f"{folder} must have a text file for an image of the data set{example}, but has none")
    lines = [_numbers(path, 6, len(dataset.class_names)) for path in paths]
    numbers = np.concatenate(lines)
    rows = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    return Predictions(
        image_id=dataset.images.id[rows],
        class_index=numbers[:, 0].astype(np.int64),
        score=numbers[:, 5],
        box_xyxy=cxcywh_to_xyxy(numbers[:, 1:5], _sizes(dataset.images, rows)),
        seen_image_id=dataset.images.id,
        name=folder.name if name is None else name,
    )
