"""Repeat-factor sampling (Gupta, Dollár, Girshick: LVIS, arXiv:1908.03195, section 3.4) and what it changes."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from bunri.boxes import FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.settings import Settings


class SamplerSettings(Settings):
    """How often each training image is seen in an epoch."""

    repeat_factor_threshold: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Classes on a smaller share of the images than this are seen more often; 0 sees every image once."""


def class_repeat_factors(dataset: Dataset, threshold: float) -> FloatArray:
    """Repeat factors ``(C,)``: ``max(1, sqrt(t / f(c)))``, f(c) the share of images with class c; 1 where f(c) = 0."""
    real = ~dataset.annotations.is_crowd
    pairs = np.stack([dataset.annotations.class_index[real], dataset.annotations.image_id[real]], axis=1)
    images_with_class = np.bincount(np.unique(pairs, axis=0)[:, 0], minlength=len(dataset.class_names))
    frequency = images_with_class / max(len(dataset), 1)
    ratio = np.divide(threshold, frequency, out=np.zeros_like(frequency), where=frequency > 0)
    return np.maximum(1.0, np.sqrt(ratio))


def image_repeat_factors(dataset: Dataset, threshold: float) -> FloatArray:
    """Repeat factors ``(M,)`` of the images: the largest of their classes, 1 for an image without boxes."""
    factors = np.ones(len(dataset))
    real = ~dataset.annotations.is_crowd
    rows = dataset.rows_of(dataset.annotations.image_id[real])
    per_class = class_repeat_factors(dataset, threshold)
    np.maximum.at(factors, rows, per_class[dataset.annotations.class_index[real]])
    return factors


def epoch_rows(factors: FloatArray, seed: int, epoch: int) -> IntArray:
    """Rows of the images seen in an epoch, shuffled; a function of its arguments only, so that a run can resume.

    An image of factor 2.3 is seen twice and, with probability 0.3, once more (stochastic rounding).
    """
    random = np.random.default_rng((seed, epoch))
    whole = np.floor(factors)
    repeats = whole + (random.random(len(factors)) < factors - whole)
    rows = np.repeat(np.arange(len(factors)), repeats.astype(np.int64))
    return random.permutation(rows)


@dataclass(frozen=True)
class Exposure:
    """How often each class is seen in an epoch, without and with the sampler.

    Attributes:
        class_names: C names.
        boxes: ``(C,)`` boxes of each class seen in a plain epoch.
        boxes_sampled: ``(C,)`` expected boxes seen in a sampled epoch.
        epoch_length_ratio: How much longer the sampled epoch is.
    """

    class_names: tuple[str, ...]
    boxes: IntArray
    boxes_sampled: FloatArray
    epoch_length_ratio: float

    @property
    def warning(self) -> str | None:
        """A sentence where the threshold changes nothing, else None."""
        if self.epoch_length_ratio > 1.0:
            return None
        return "this repeat-factor threshold changes nothing: every class is on a larger share of the images"


def exposure(dataset: Dataset, threshold: float) -> Exposure:
    """What a threshold does to a data set, before any training."""
    factors = image_repeat_factors(dataset, threshold)
    real = ~dataset.annotations.is_crowd
    class_index = dataset.annotations.class_index[real]
    weights = factors[dataset.rows_of(dataset.annotations.image_id[real])]
    return Exposure(
        class_names=dataset.class_names,
        boxes=dataset.boxes_per_class(),
        boxes_sampled=np.bincount(class_index, weights, len(dataset.class_names)).astype(np.float64),
        epoch_length_ratio=float(factors.sum() / max(len(factors), 1)),
    )
