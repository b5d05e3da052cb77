"""Worlds in which places tell more than scores: what learned fusion is for."""

import numpy as np

from builders import make_dataset, random_world
from bunri.boxes import FloatArray
from bunri.dataset import Dataset
from bunri.learned.boxes_by_image import ImageBoxes, boxes_by_image
from bunri.learned.features import Features
from bunri.predictions import Predictions


def boxes_of(seed: int = 0, images: int = 6, member: int = 0) -> ImageBoxes:
    """The boxes of one member of a small random world."""
    dataset, members = random_world(seed=seed, images=images, members=member + 1)
    return boxes_by_image(members[member].clipped(dataset), dataset.images.id)


def agreeing_world(seed: int = 0, images: int = 130) -> tuple[Dataset, list[Predictions]]:
    """Two members whose scores say nothing: both find every object, and each dreams of others in places of its own.

    Only that the other member sees the same box tells the true ones.
    """
    random = np.random.default_rng(seed)
    count = 3 * images
    image_id, class_index = np.repeat(np.arange(images) + 1, 3), random.integers(0, 3, count)
    low = random.uniform(0, 400, (count, 2))
    box = np.column_stack([low, low + random.uniform(40, 120, (count, 2))])
    rows = [(int(i), int(c), tuple(b)) for i, c, b in zip(image_id, class_index, box.tolist(), strict=True)]
    dataset = make_dataset(rows, range(1, images + 1), width=600, height=600)
    return dataset, [_dreamer(dataset, random, name) for name in ("left", "right")]


def _dreamer(dataset: Dataset, random: np.random.Generator, name: str) -> Predictions:
    truth, count = dataset.annotations, len(dataset.annotations)
    low = random.uniform(0, 400, (count, 2))
    dreams = np.column_stack([low, low + random.uniform(40, 120, (count, 2))])
    found = truth.box_xyxy + random.normal(0, 2, (count, 4))
    return Predictions(
        image_id=np.tile(truth.image_id, 2),
        class_index=np.concatenate([truth.class_index, random.integers(0, 3, count)]),
        score=random.uniform(0.1, 0.9, 2 * count),
        box_xyxy=np.concatenate([found, dreams]),
        seen_image_id=dataset.images.id,
        name=name,
    ).clipped(dataset)


def threshold_features(seed: int = 0, count: int = 600) -> tuple[Features, FloatArray]:
    """Three features, partly unknown, and log-odds that hang on two of them."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(count, 3)).astype(np.float32)
    log_odds = 3.0 * (values[:, 0] > 0.2) - 2.0 * (values[:, 1] < -0.5) - 0.5
    values[random.random((count, 3)) < 0.1] = np.nan
    return Features(("all: score", "member a: best_50", "shape: border"), values), np.asarray(log_odds, np.float64)
