"""Predicted boxes drawn on their photos."""

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bunri.errors import DataError
from bunri.files import write_encoded
from bunri.inference.photo_sets import PhotoSet
from bunri.photos import Photo
from bunri.predictions import Predictions
from bunri.shards import leaves_folder

DRAWN_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""Photos that are drawn in their own format; others become PNG."""

COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#800000", "#808000", "#000075")
"""One for each class, in turn."""


def draw_predictions(predictions: Predictions, photos: PhotoSet, folder: Path, min_score: float = 0.3) -> list[Path]:
    """Write each photo with its boxes of at least ``min_score`` under its own name below ``folder``; gives the files.

    Raises:
        DataError: A name leads out of the folder.
        OutputError: The folder cannot be written.
    """
    if leaving := [name for name in photos.dataset.images.file_name if leaves_folder(name)]:
        raise DataError(f"file names must stay in {folder}, but one is {leaving[0]!r}. Rename the photo.")
    shown = predictions.above(min_score)
    paths = []
    images, class_names = photos.dataset.images, photos.dataset.class_names
    for image_id, name, photo in zip(images.id, images.file_name, photos.photos(), strict=True):
        drawn = _drawn(photo, shown[shown.image_id == image_id], class_names)
        path = folder / (name if Path(name).suffix.lower() in DRAWN_SUFFIXES else f"{name}.png")
        write_encoded(path, partial(drawn.save, format=Image.registered_extensions()[path.suffix.lower()]))
        paths.append(path)
    return paths


def _drawn(photo: Photo, predictions: Predictions, class_names: tuple[str, ...]) -> Image.Image:
    picture = Image.fromarray(photo)
    pen = ImageDraw.Draw(picture)
    size = max(round(max(picture.size) / 50), 10)
    font = ImageFont.load_default(size)
    for box in np.argsort(predictions.score, kind="stable"):  # the surest on top
        colour = COLOURS[predictions.class_index[box] % len(COLOURS)]
        corners = predictions.box_xyxy[box].tolist()
        text = f"{class_names[predictions.class_index[box]]} {predictions.score[box]:.2f}"
        pen.rectangle(corners, outline=colour, width=max(size // 6, 2))
        place = (corners[0], max(corners[1] - size - 4, 0.0))
        pen.rectangle(pen.textbbox(place, text, font=font), fill=colour)
        pen.text(place, text, fill="white", font=font)
    return picture
