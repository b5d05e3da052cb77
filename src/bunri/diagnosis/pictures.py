"""Doubtful labels as pictures: the place with its label and what the predictions say instead."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bunri.dataset import Dataset
from bunri.diagnosis.label_errors import DoubtfulLabel
from bunri.errors import DataError
from bunri.files import write_encoded
from bunri.photos import read_photo

LABEL, SUGGESTED = "#d62728", "#1f77b4"
MARGIN = 0.6
"""Of the box's longer side, shown around it."""

SIDE = 480
"""Pixels of a picture's longer side."""


def draw_doubtful(doubtful: Sequence[DoubtfulLabel], dataset: Dataset, folder: Path) -> list[Path]:
    """Write one picture each, ranked by name (``001_class_0042.jpg``); gives the files.

    The label is red, what the predictions say is blue.

    Raises:
        OutputError: The folder cannot be written.
        DataError: A photo is missing or broken.
    """
    if dataset.image_folder is None:
        raise DataError("pictures of labels need the photos; give their folder with --images")
    return [_write(doubt, dataset, folder, rank) for rank, doubt in enumerate(doubtful, 1)]


def _write(doubt: DoubtfulLabel, dataset: Dataset, folder: Path, rank: int) -> Path:
    [row] = dataset.rows_of(np.array([doubt.image_id]))
    picture = _picture(doubt, Image.fromarray(read_photo(dataset.path_of(int(row)))))
    path = folder / f"{rank:03d}_{doubt.doubt}_{doubt.image_id:04d}.jpg"
    write_encoded(path, lambda file: picture.save(file, format="JPEG", quality=88))
    return path


def _picture(doubt: DoubtfulLabel, photo: Image.Image) -> Image.Image:
    left, top, right, bottom = _around(doubt, photo)
    crop = photo.crop((left, top, right, bottom))
    factor = SIDE / max(crop.size)
    shown = crop.resize((max(round(crop.width * factor), 1), max(round(crop.height * factor), 1)))
    pen = ImageDraw.Draw(shown)
    if doubt.label is not None:
        _box(pen, doubt.box_xyxy, (left, top), factor, LABEL)
    if doubt.suggested_xyxy is not None:
        _box(pen, doubt.suggested_xyxy, (left, top), factor, SUGGESTED)
    words = f"{doubt.doubt}: {doubt.label or 'no label'} -> {doubt.suggested or 'nothing'} ({doubt.doubtfulness:.2f})"
    font = ImageFont.load_default(16)
    pen.rectangle((0, 0, shown.width, 22), fill="black")
    pen.text((4, 2), words, fill="white", font=font)
    return shown


def _around(doubt: DoubtfulLabel, photo: Image.Image) -> tuple[int, int, int, int]:
    boxes = [box for box in (doubt.box_xyxy, doubt.suggested_xyxy) if box]
    low = [min(box[k] for box in boxes) for k in (0, 1)]
    high = [max(box[k] for box in boxes) for k in (2, 3)]
    margin = MARGIN * max(high[0] - low[0], high[1] - low[1]) + 8
    left, top = (max(int(side - margin), 0) for side in low)
    right, bottom = min(int(high[0] + margin), photo.width), min(int(high[1] + margin), photo.height)
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _box(pen: ImageDraw.ImageDraw, box: Sequence[float], corner: tuple[int, int], factor: float, colour: str) -> None:
    places = [(value - corner[k % 2]) * factor for k, value in enumerate(box)]
    pen.rectangle(places, outline=colour, width=3)
