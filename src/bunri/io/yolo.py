"""YOLO text files (https://docs.ultralytics.com/datasets/detect): a ``.txt`` for each image, a line for each box.

A label line is ``class cx cy width height``, a prediction line ``class cx cy width height confidence``; the class is
the class index, the box is normalised by the size of the image. ``data.yaml`` has ``names`` and, for each split, where
its images are (below ``path``, by default its own folder); the labels of ``images/a.jpg`` are in ``labels/a.txt``.
"""

import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path, PurePosixPath

import numpy as np
import yaml

from bunri.boxes import FloatArray, area
from bunri.dataset import Annotations, Dataset, Images
from bunri.errors import DataError
from bunri.files import cannot_write, write_text
from bunri.io.exact import cxcywh_to_xyxy, xyxy_to_exact_cxcywh
from bunri.io.yolo_lines import numbers_of, sizes_of, text_files, write_lines
from bunri.io.yolo_settings import SPLITS, class_names_of, photos_of, read_settings
from bunri.photos import photo_size
from bunri.predictions import Predictions
from bunri.shards import leaves_folder


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
    boxes = xyxy_to_exact_cxcywh(dataset.annotations.box_xyxy[real], sizes_of(dataset.images, rows))
    columns = [dataset.annotations.class_index[real].tolist(), *boxes.T.tolist()]
    write_lines(dataset, folder / "labels", np.arange(len(dataset)), rows, columns)
    _link_photos(dataset, folder / "images")
    settings = {**_write_splits(dataset, folder), "names": dict(enumerate(dataset.class_names))}
    write_text(folder / "data.yaml", yaml.safe_dump(settings, allow_unicode=True, sort_keys=False))
    return folder / "data.yaml"


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
    pairs = zip(text_files(dataset), dataset.images.file_name, strict=True)
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
    settings = read_settings(data_yaml)
    root = data_yaml.parent / str(settings.get("path") or ".")
    split_of: dict[Path, str] = {}
    for split in SPLITS:
        split_of |= dict.fromkeys(photos_of(data_yaml, root, settings.get(split)), split) | split_of
    photos = list(split_of)
    images = _images(root, photos, list(split_of.values()))
    class_names = class_names_of(data_yaml, settings)
    lines = [numbers_of(_label_file(photo), 5, len(class_names)) for photo in photos]
    return Dataset(class_names, np.arange(len(class_names)), images, _annotations(images, lines), root)


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


def _annotations(images: Images, lines: Sequence[FloatArray]) -> Annotations:
    numbers = np.concatenate([np.empty((0, 5)), *lines])
    rows = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    box_xyxy = cxcywh_to_xyxy(numbers[:, 1:], sizes_of(images, rows))
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
    boxes = xyxy_to_exact_cxcywh(predictions.box_xyxy, sizes_of(dataset.images, rows))
    columns = [predictions.class_index.tolist(), *boxes.T.tolist(), predictions.score.tolist()]
    write_lines(dataset, Path(folder), dataset.rows_of(predictions.seen_image_id), rows, columns)


def read_yolo_predictions(folder: str | PathLike[str], dataset: Dataset, name: str | None = None) -> Predictions:
    """Read a folder of text files; an image without one was found empty, as YOLO programs write none then.

    Raises:
        DataError: A line is wrong, or no image of the data set has a file; the message has file and line.
    """
    folder = Path(folder)
    paths = [folder / text for text in text_files(dataset)]
    if not any(path.is_file() for path in paths):
        example = f", such as {paths[0]}" if paths else ""
        raise DataError(f"{folder} must have a text file for an image of the data set{example}, but has none")
    lines = [numbers_of(path, 6, len(dataset.class_names)) for path in paths]
    numbers = np.concatenate(lines)
    rows = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    return Predictions(
        image_id=dataset.images.id[rows],
        class_index=numbers[:, 0].astype(np.int64),
        score=numbers[:, 5],
        box_xyxy=cxcywh_to_xyxy(numbers[:, 1:5], sizes_of(dataset.images, rows)),
        seen_image_id=dataset.images.id,
        name=folder.name if name is None else name,
    )
