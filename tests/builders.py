"""Small data sets and predictions with everything defaulted, for tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bunri.boxes import area
from bunri.dataset import Annotations, Dataset, Images
from bunri.predictions import Predictions

CLASS_NAMES = ("Paper", "Metal", "Glass")


def make_dataset(
    boxes: Sequence[tuple[int, int, tuple[float, float, float, float]]] = ((1, 0, (10.0, 10.0, 50.0, 50.0)),),
    image_ids: Sequence[int] | None = None,
    class_names: tuple[str, ...] = CLASS_NAMES,
    width: int = 100,
    height: int = 80,
    crowd: Sequence[bool] | None = None,
    fields: dict[str, tuple[Any, ...]] | None = None,
    image_folder: Path | None = None,
) -> Dataset:
    """A data set of boxes given as (image id, class index, xyxy)."""
    ids = sorted({box[0] for box in boxes}) if image_ids is None else list(image_ids)
    xyxy = np.array([box[2] for box in boxes], np.float64).reshape(-1, 4)
    return Dataset(
        class_names=class_names,
        category_ids=np.arange(len(class_names)) * 3 + 1,
        images=Images(
            id=np.array(ids),
            file_name=tuple(f"{i:04d}.jpg" for i in ids),
            width=np.full(len(ids), width),
            height=np.full(len(ids), height),
            fields=fields or {},
        ),
        annotations=Annotations(
            id=np.arange(len(boxes)) + 1,
            image_id=np.array([box[0] for box in boxes]),
            class_index=np.array([box[1] for box in boxes]),
            box_xyxy=xyxy,
            area=area(xyxy),
            is_crowd=np.zeros(len(boxes), bool) if crowd is None else np.array(crowd),
        ),
        image_folder=image_folder,
    )


def make_predictions(
    boxes: Sequence[tuple[int, int, float, tuple[float, float, float, float]]] = (
        (1, 0, 0.9, (10.0, 10.0, 50.0, 50.0)),
    ),
    seen: Sequence[int] | None = None,
    name: str = "model",
) -> Predictions:
    """Predictions of boxes given as (image id, class index, score, xyxy)."""
    return Predictions(
        image_id=np.array([box[0] for box in boxes]),
        class_index=np.array([box[1] for box in boxes]),
        score=np.array([box[2] for box in boxes]),
        box_xyxy=np.array([box[3] for box in boxes]),
        seen_image_id=None if seen is None else np.array(seen),  # type: ignore[arg-type]
        name=name,
    )


def random_world(
    seed: int = 0, images: int = 20, classes: int = 3, members: int = 2, boxes_per_image: int = 5
) -> tuple[Dataset, list[Predictions]]:
    """A data set and members that find its boxes jittered, miss some and dream of others; no ties."""
    random = np.random.default_rng(seed)
    count = images * boxes_per_image
    low = random.uniform(0, 400, (count, 2))
    xyxy = np.concatenate([low, low + random.uniform(8, 120, (count, 2))], axis=1)
    image_id, class_index = np.repeat(np.arange(images) + 1, boxes_per_image), random.integers(0, classes, count)
    rows = [
        (int(i), int(c), (b[0], b[1], b[2], b[3])) for i, c, b in zip(image_id, class_index, xyxy.tolist(), strict=True)
    ]
    names = tuple(f"class{i}" for i in range(classes))
    dataset = make_dataset(rows, class_names=names, width=600, height=600, image_ids=range(1, images + 1))
    return dataset, [_jittered(dataset, random, f"member{m}") for m in range(members)]


def _jittered(dataset: Dataset, random: np.random.Generator, name: str) -> Predictions:
    truth, count = dataset.annotations, len(dataset.annotations)
    found = np.concatenate([np.flatnonzero(random.random(count) < 0.8), np.flatnonzero(random.random(count) < 0.5)])
    box = truth.box_xyxy[found] + random.normal(0, 5, (len(found), 4))
    box[:, 2:] = np.maximum(box[:, 2:], box[:, :2] + 1)
    wrong = random.random(len(found)) < 0.15
    shift = random.integers(0, len(dataset.class_names), len(found)) * wrong
    return Predictions(
        image_id=truth.image_id[found],
        class_index=(truth.class_index[found] + shift) % len(dataset.class_names),
        score=random.uniform(0.01, 0.99, len(found)),
        box_xyxy=box,
        seen_image_id=dataset.images.id,
        name=name,
    )


def assert_same_dataset(a: Dataset, b: Dataset) -> None:
    """Every column of both data sets is equal, bit for bit, fields included."""
    assert a.class_names == b.class_names
    np.testing.assert_array_equal(a.category_ids, b.category_ids)
    for name in ("id", "file_name", "width", "height"):
        np.testing.assert_array_equal(getattr(a.images, name), getattr(b.images, name), name)
    for name in ("id", "image_id", "class_index", "box_xyxy", "area", "is_crowd"):
        np.testing.assert_array_equal(getattr(a.annotations, name), getattr(b.annotations, name), name)
    assert a.images.fields == b.images.fields
    assert a.annotations.fields == b.annotations.fields


def assert_same_predictions(a: Predictions, b: Predictions) -> None:
    """Every column of both is equal, bit for bit."""
    for name in ("image_id", "class_index", "score", "box_xyxy", "seen_image_id"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), name)
