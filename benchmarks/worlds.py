"""Data of real size for the benchmarks: jittered ground truth with the numbers of the competition's photos."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from timing import data_folder

from bunri.boxes import FloatArray, IntArray, area
from bunri.dataset import Annotations, Dataset, Images
from bunri.io import load_dataset
from bunri.predictions import Predictions

CLASS_SHARES = np.array([0.17, 0.27, 0.04, 0.04, 0.04, 0.13, 0.05, 0.22, 0.02, 0.02])
SIDE = 1024
LURES = 25


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


def real_or_made_truth(images: int) -> Dataset:
    """Images of the competition's annotations where ``BUNRI_DATA`` has them, made ones elsewhere."""
    folder = data_folder()
    if folder is None:
        return make_truth(images)
    annotated = load_dataset(folder / "oof" / "ground_truth.json")
    ids = annotated.images.id
    copies = -(-images // len(ids))
    return annotated.subset(ids[:images]) if copies == 1 else repeated(annotated, copies).subset(range(images))


def repeated(truth: Dataset, copies: int) -> Dataset:
    """The images several times over, numbered from 0."""
    marks, images = truth.annotations, truth.images
    rows = np.arange(len(truth) * copies) % len(truth)
    image = np.concatenate([truth.rows_of(marks.image_id) + copy * len(truth) for copy in range(copies)])
    again = marks.take(np.arange(len(image)) % len(marks))
    return Dataset(
        class_names=truth.class_names,
        category_ids=truth.category_ids,
        images=Images(
            id=np.arange(len(rows)),
            file_name=tuple(f"{row}.jpg" for row in range(len(rows))),
            width=images.width[rows],
            height=images.height[rows],
        ),
        annotations=Annotations(
            id=np.arange(len(image)),
            image_id=image,
            class_index=again.class_index,
            box_xyxy=again.box_xyxy,
            area=again.area,
            is_crowd=again.is_crowd,
        ),
    )


def make_member(truth: Dataset, boxes_per_image: int, seed: int) -> Predictions:
    """A model: a third of its boxes around objects, half around things that only look like one, the rest anywhere.

    What misleads one model misleads the others too. Every image has ``boxes_per_image`` boxes, as detectors with a
    limit give; objects are found several times over.
    """
    random = np.random.default_rng(seed + 1000)
    image = np.repeat(np.arange(len(truth)), boxes_per_image)
    kind = random.choice(3, len(image), p=[0.35, 0.45, 0.2])
    marks = truth.annotations
    near = _object_of(truth, image, random)
    kind[near < 0] = 2
    place = random.integers(0, LURES, len(image))
    low, sides, label = _lures(len(truth))
    anywhere = random.uniform(0, SIDE * 0.8, (len(image), 2))
    boxes = [
        marks.box_xyxy[near],
        np.concatenate([low, low + sides], axis=2)[image, place],
        np.concatenate([anywhere, anywhere + random.uniform(10, 200, anywhere.shape)], axis=1),
    ]
    labels = [marks.class_index[near], label[image, place], random.integers(0, 10, len(image))]
    box, class_index = np.choose(kind[:, None], boxes), np.choose(kind, labels)
    spread = random.exponential(0.08, (len(image), 1)) + 0.01
    box = box + random.normal(0, 1, box.shape) * spread * np.tile(box[:, 2:] - box[:, :2], 2)
    right = random.random(len(image)) < 0.7
    class_index = np.where(right, class_index, random.integers(0, 10, len(image)))
    quality = np.exp(-6 * spread[:, 0]) * np.where(right, 1, 0.6) * np.choose(kind, [1.0, 0.5, 0.2])
    score = np.clip(quality * random.beta(0.7, 3.0, len(image)), 1e-4, 0.999)
    box = np.concatenate([np.minimum(box[:, :2], box[:, 2:] - 1), np.maximum(box[:, 2:], box[:, :2] + 1)], axis=1)
    order = np.lexsort((-score, image))
    return Predictions(
        image_id=truth.images.id[image[order]],
        class_index=class_index[order],
        score=score[order],
        box_xyxy=box[order].clip(0, SIDE),
        seen_image_id=truth.images.id,
        name=f"model{seed}",
    )


def _lures(images: int) -> tuple[FloatArray, FloatArray, IntArray]:
    """Places of each image that look like an object: corner and sides ``(images, LURES, 2)``, class."""
    random = np.random.default_rng(0)
    low = random.uniform(0, SIDE * 0.8, (images, LURES, 2))
    sides = np.exp(random.normal(4.5, 0.8, (images, LURES, 2)))
    return low, np.minimum(sides, SIDE - low), random.integers(0, 10, (images, LURES))


def _object_of(truth: Dataset, image: IntArray, random: np.random.Generator) -> IntArray:
    """An object of each box's image, any of them; -1 where there is none."""
    rows = np.argsort(truth.rows_of(truth.annotations.image_id), kind="stable")
    count = np.bincount(truth.rows_of(truth.annotations.image_id), minlength=len(truth))
    first = np.cumsum(count) - count
    picked = first[image] + np.floor(random.random(len(image)) * count[image]).astype(np.int64)
    return np.where(count[image] > 0, rows[np.minimum(picked, len(rows) - 1)], -1)


def shifted(parts: Sequence[Dataset], starts: Sequence[int]) -> Dataset:
    """Data sets with ids from 0 as one, each with its image ids moved by its start."""
    images = [part.images for part in parts]
    marks = [part.annotations for part in parts]
    ids = np.concatenate([one.id + start for one, start in zip(images, starts, strict=True)])
    columns = {
        name: np.concatenate([getattr(one, name) for one in marks])
        for name in ("class_index", "box_xyxy", "area", "is_crowd")
    }
    return Dataset(
        class_names=parts[0].class_names,
        category_ids=parts[0].category_ids,
        images=Images(ids, tuple(f"{i}.jpg" for i in ids), *(np.full(len(ids), SIDE) for _ in range(2))),
        annotations=Annotations(
            id=np.arange(len(columns["area"])),
            image_id=np.concatenate([one.image_id + start for one, start in zip(marks, starts, strict=True)]),
            **columns,
        ),
    )


def shifted_member(part: Dataset, start: int, boxes_per_image: int, seed: int) -> Predictions:
    """A model on one of the parts of :func:`shifted`."""
    member = make_member(part, boxes_per_image, seed)
    return replace(member, image_id=member.image_id + start, seen_image_id=member.seen_image_id + start)
