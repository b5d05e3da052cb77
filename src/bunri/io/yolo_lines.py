"""The text files of YOLO: one for each image, a line for each box."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from bunri.boxes import FloatArray, IntArray
from bunri.dataset import Dataset, Images
from bunri.errors import DataError
from bunri.files import read_bytes, write_text
from bunri.shards import leaves_folder


def sizes_of(images: Images, rows: IntArray) -> IntArray:
    """Width and height ``(N, 2)`` of the image in each row."""
    return np.stack([images.width[rows], images.height[rows]], axis=1)


def write_lines(
    dataset: Dataset, folder: Path, images: IntArray, rows: IntArray, columns: Sequence[Sequence[float]]
) -> None:
    """One file for each of some images, with the lines of the boxes whose row it is.

    Raises:
        DataError: As :func:`text_files`.
        OutputError: The folder cannot be written.
    """
    lines: dict[int, list[str]] = {row: [] for row in images.tolist()}
    for row, *values in zip(rows.tolist(), *columns, strict=True):
        lines[row].append(" ".join(map(repr, values)))
    paths = text_files(dataset)
    for row, texts in lines.items():
        write_text(folder / paths[row], "".join(f"{text}\n" for text in texts))


def text_files(dataset: Dataset) -> list[PurePosixPath]:
    """The path of each image's text file below the folder of labels.

    Raises:
        DataError: A file name leads out of its folder, or two images would have the same file.
    """
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


def numbers_of(path: Path, per_line: int, classes: int) -> FloatArray:
    """The lines of a file as ``(n, per_line)``; none where the file is absent.

    Raises:
        DataError: A line is not such numbers; the message has file and line.
    """
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
