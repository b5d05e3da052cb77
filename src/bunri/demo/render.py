"""Renders the embedded data set: photos as JPEG and labels as COCO JSON, the same bytes for the same seed."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bunri.demo.classes import CLASS_NAMES, deal
from bunri.demo.scene import HEIGHT, WIDTH, Label, render_scene
from bunri.files import write_bytes, write_json

TRAIN_PHOTOS, TEST_PHOTOS = 400, 120

_SPLITS = {"train": 0, "test": 1}


def render_demo(folder: Path, seed: int = 0, train: int = TRAIN_PHOTOS, test: int = TEST_PHOTOS) -> None:
    """Write the data set into a folder.

    ``train/0001.jpg`` … and ``test/0001.jpg`` … are photos of 256 by 192 pixels; ``train.json`` and ``test.json`` their
    labels, with file names that start in the folder; ``test_images.json`` names the test photos without labels.

    Args:
        folder: Where it goes.
        seed: The same seed gives the same bytes.
        train: Photos to learn from.
        test: Photos to measure on.

    Raises:
        OutputError: The folder cannot be written.
    """
    for split, photos in (("train", train), ("test", test)):
        images, annotations = _render_split(folder, split, photos, seed)
        write_json(folder / f"{split}.json", _coco(images, annotations))
        if split == "test":
            write_json(folder / "test_images.json", _coco(images, []))


def _render_split(
    folder: Path, split: str, photos: int, seed: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    dealt = deal(photos, np.random.default_rng((seed, _SPLITS[split])))
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, class_indices in enumerate(dealt, start=1):
        photo, labels = render_scene(np.random.default_rng((seed, _SPLITS[split], number)), class_indices)
        name = f"{split}/{number:04d}.jpg"
        write_bytes(folder / name, _jpeg(photo))
        images.append({"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT})
        annotations += _annotations(labels, number, len(annotations) + 1)
    return images, annotations


def _annotations(labels: Sequence[Label], image_id: int, first_id: int) -> list[dict[str, Any]]:
    return [
        {
            "id": first_id + position,
            "image_id": image_id,
            "category_id": label.class_index + 1,
            "bbox": list(label.box_xywh),
            "area": label.box_xywh[2] * label.box_xywh[3],
            "iscrowd": 0,
        }
        for position, label in enumerate(labels)
    ]


def _coco(images: Sequence[dict[str, Any]], annotations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    categories = [{"id": index + 1, "name": name} for index, name in enumerate(CLASS_NAMES)]
    return {"images": list(images), "categories": categories, "annotations": list(annotations)}


def _jpeg(photo: Image.Image) -> bytes:
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
