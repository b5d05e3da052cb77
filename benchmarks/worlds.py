"""Data of real size for the benchmarks: jittered ground truth with the numbers of the competition's photos."""

import numpy as np

from bunri.boxes import area
from bunri.dataset import Annotations, Dataset, Images
from bunri.predictions import Predictions

CLASS_SHARES = np.array([0.17, 0.27, 0.04, 0.04, 0.04, 0.13, 0.05, 0.22, 0.02, 0.02])
SIDE = 1024


def make_truth(images: int, seed: int = 0, boxes_per_image: float = 4.74) -> Dataset:
    """Photos of 1024 x 1024 with 10 classes and 4.74 boxes an image."""
    random = np.random.default_rng(seed)
    image_id = np.repeat(np.arange(images), random.poisson(boxes_per_image - 1, images) + 1)
    count = len(image_id)
    low = random.uniform(0, SIDE * 0.8, (count, 2))
    sides = np.minimum(np.exp(random.normal(5.2, 0.9, (count, 2))), SIDE - low)
    xyxy = np.concatenate([low, low + sides], axis=1).round(1)
    class_index = random.choice(len(CLASS_SHARES), count, p=CLASS_SHARES / CLASS_SHARES.sum())
    return Dataset(
        class_names=tuple(f"class{c}" for c in range(len(CLASS_SHARES))),
        category_ids=np.arange(len(CLASS_SHARES)),
        images=Images(
            id=np.arange(images),
            file_name=tuple(f"{i}.jpg" for i in range(images)),
            width=np.full(images, SIDE),
            height=np.full(images, SIDE),
        ),
        annotations=Annotations(
            id=np.arange(count),
            image_id=image_id,
            class_index=class_index,
            box_xyxy=xyxy,
            area=area(xyxy),
            is_crowd=np.zeros(count, bool),
        ),
    )


def make_member(truth: Dataset, boxes_per_image: int, seed: int) -> Predictions:
    """A model: most objects found, jittered, a few times over; the rest low-scored boxes near objects or anywhere."""
    random = np.random.default_rng(seed + 1000)
    marks = truth.annotations
    total = boxes_per_image * len(truth)
    near = random.integers(0, len(marks), int(total * 0.85))
    spread = random.exponential(0.08, (len(near), 1)) + 0.01
    sides = marks.box_xyxy[near, 2:] - marks.box_xyxy[near, :2]
    box = marks.box_xyxy[near] + random.normal(0, 1, (len(near), 4)) * spread * np.tile(sides, 2)
    right = random.random(len(near)) < 0.7
    class_index = np.where(right, marks.class_index[near], random.integers(0, 10, len(near)))
    quality = np.exp(-4 * spread[:, 0]) * np.where(right, 1, 0.35)
    score = np.clip(quality * random.beta(1.2, 3.0, len(near)), 1e-4, 0.999)
    low = random.uniform(0, SIDE * 0.8, (total - len(near), 2))
    far = np.concatenate([low, low + random.uniform(10, 200, low.shape)], axis=1)
    box, score = np.concatenate([box, far]), np.concatenate([score, random.beta(0.5, 12, len(far)) * 0.9 + 1e-4])
    class_index = np.concatenate([class_index, random.integers(0, 10, len(far))])
    image_id = np.concatenate([marks.image_id[near], random.integers(0, len(truth), len(far))])
    box = np.concatenate([np.minimum(box[:, :2], box[:, 2:] - 1), np.maximum(box[:, 2:], box[:, :2] + 1)], axis=1)
    order = np.lexsort((-score, image_id))
    return Predictions(
        image_id=image_id[order],
        class_index=class_index[order],
        score=score[order],
        box_xyxy=np.clip(box, 0, SIDE)[order],
        seen_image_id=truth.images.id,
        name=f"model{seed}",
    ).clipped(truth)
