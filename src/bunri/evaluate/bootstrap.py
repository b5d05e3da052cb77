"""How sure a score is: the images are drawn anew, with replacement, many times (Efron's bootstrap)."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bunri.boxes import FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.errors import UsageError
from bunri.evaluate.counted import counted_images
from bunri.evaluate.metrics import Evaluation, evaluate
from bunri.predictions import Predictions

Counts = NDArray[np.int16]

BLOCK = 64
"""Resamples drawn and scored in one go."""

DRAWN = 2**20
"""Numbers drawn in one go, or one resample's where it has more."""


class Interval(NamedTuple):
    """An interval that holds the value with a given confidence."""

    low: float
    high: float


def draw_images(images: int, resamples: int, seed: int, groups: ArrayLike | None = None) -> Counts:
    """How often each image counts in each resample, ``(images, resamples)``.

    Args:
        images: Number of images.
        resamples: Number of resamples.
        seed: The same seed draws the same.
        groups: ``(images,)`` labels; images of one group (a capture session) are drawn together, as they are not
            independent of each other. None draws images one by one.
    """
    return np.concatenate(list(drawn_blocks(images, resamples, seed, groups)), axis=1)


def drawn_blocks(images: int, resamples: int, seed: int, groups: ArrayLike | None = None) -> Iterator[Counts]:
    """``draw_images`` in blocks of some resamples, which stay in the processor's cache while they are scored."""
    if resamples < 1:
        raise UsageError(f"resamples must be at least 1, but got {resamples}")
    labels = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    units = images if labels is None else int(labels.max(initial=-1)) + 1
    random = np.random.default_rng(seed)
    for left in range(0, resamples, BLOCK):
        width = min(BLOCK, resamples - left)
        step = max(DRAWN // max(units, 1), 1)
        times = [_drawn(random, units, min(step, width - done)) for done in range(0, width, step)]
        counts = np.concatenate(times).T
        yield np.ascontiguousarray(counts if labels is None else counts[labels])


def _drawn(random: np.random.Generator, units: int, width: int) -> Counts:
    """How often each unit is drawn in each of some resamples ``(width, units)``."""
    drawn = random.integers(0, max(units, 1), (width, units))
    drawn += np.arange(width)[:, None] * units
    return np.bincount(drawn.ravel(), minlength=units * width).astype(np.int16).reshape(width, units)


def draws_among(
    counted: NDArray[np.integer[Any] | np.bool], resamples: int, seed: int = 0, groups: IntArray | None = None
) -> Iterator[Counts]:
    """``drawn_blocks`` ``(I, width)`` of the images that count, where ``counted`` ``(I,)`` is not 0."""
    rows = np.flatnonzero(counted)
    for drawn in drawn_blocks(len(rows), resamples, seed, None if groups is None else groups[rows]):
        weights = np.zeros((len(counted), drawn.shape[1]), drawn.dtype)
        weights[rows] = drawn
        yield weights


def bootstrap_mAP50(
    predictions_list: Sequence[Predictions],
    dataset: Dataset,
    resamples: int = 1000,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray:
    """mAP50 ``(members, resamples)`` on resampled images, the same draws for every member.

    The images are those every member looked at. A class without an object in a resample is left out of its mean, as
    it is outside of the bootstrap.

    Args:
        predictions_list: The members.
        dataset: The truth.
        resamples: Number of resamples.
        seed: The same seed draws the same.
        groups: One label for each image of the data set; images of one label are drawn together.

    Raises:
        DataError: No image is common to all members and the data set.
    """
    from bunri.evaluate.matching import mean_of_defined

    per_class = bootstrap_AP50(predictions_list, dataset, resamples, seed, groups)
    return mean_of_defined(np.swapaxes(per_class, 0, 1))


def bootstrap_AP50(
    predictions_list: Sequence[Predictions],
    dataset: Dataset,
    resamples: int = 1000,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> FloatArray:
    """Average precision at IoU 0.5 ``(members, classes, resamples)``; otherwise as ``bootstrap_mAP50``."""
    from bunri.evaluate.matching import match, objects_of

    counted = counted_images(predictions_list, dataset)
    blocks = drawn_blocks(len(counted), resamples, seed, groups_of(dataset, counted, groups))
    objects = objects_of(dataset, counted)
    matches = [match(member, objects) for member in predictions_list]
    scores = [np.stack([one.average_precisions(weights) for one in matches]) for weights in blocks]
    return np.concatenate(scores, axis=2)


def groups_of(dataset: Dataset, image_id: IntArray, groups: ArrayLike | None) -> IntArray | None:
    """The labels of some images, from one label for each image of the data set; numbered from 0.

    Raises:
        UsageError: There is not one label for each image.
    """
    if groups is None:
        return None
    labels = np.asarray(groups)
    if labels.shape != (len(dataset),):
        raise UsageError(f"groups must have one label for each of the {len(dataset)} images, but got {labels.shape}")
    return np.unique(labels[dataset.rows_of(image_id)], return_inverse=True)[1]


def interval(samples: FloatArray, units: int | None = None, confidence: float = 0.95) -> Interval:
    """The percentile interval of resampled values; NaN where there is none.

    Args:
        samples: ``(R,)`` values; NaN among them are left out.
        units: How many images, or groups of images, were drawn from. Of few the percentiles lie too close together, and
            are moved apart (``expanded_tail``); one tells no interval. None leaves them where they are.
        confidence: How often the interval should hold the value.
    """
    defined = samples[~np.isnan(samples)]
    if not len(defined) or (units is not None and units < 2):
        return Interval(np.nan, np.nan)
    tail = (1 - confidence) / 2
    tail = 100 * (tail if units is None else expanded_tail(tail, units))
    low, high = np.percentile(defined, [tail, 100 - tail])
    return Interval(float(low), float(high))


def expanded_tail(tail: float, units: int) -> float:
    """The share of resamples beyond which a share ``tail`` of all data sets of so many units lies.

    Resamples of n units spread by the root of (n - 1) / n too little, and as if their spread were known (Hesterberg,
    "What Teachers Should Know About the Bootstrap", The American Statistician 69 (2015), section 4.3: the expanded
    percentile interval): the quantile of the normal distribution is exchanged for Student's, that much wider.
    """
    from scipy.special import ndtr, stdtrit

    return float(ndtr(math.sqrt(units / (units - 1)) * stdtrit(units - 1, tail)))


def contracted_tail(share: float, units: int) -> float:
    """The inverse of ``expanded_tail``: what share of all data sets a share of the resamples stands for."""
    from scipy.special import ndtri, stdtr

    return float(stdtr(units - 1, math.sqrt((units - 1) / units) * ndtri(share)))


def units_of(image_id: IntArray, labels: IntArray | None) -> int:
    """How many units are drawn from: images, or groups of them."""
    return len(image_id) if labels is None else len(np.unique(labels))


class EvaluationIntervals(NamedTuple):
    """An evaluation and 95% intervals of its mAP50 and of each class's AP50."""

    evaluation: Evaluation
    mAP50: Interval
    AP50: dict[str, Interval]


def evaluate_with_intervals(
    predictions: Predictions,
    dataset: Dataset,
    min_score: float = 0.0,
    resamples: int = 1000,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> EvaluationIntervals:
    """``evaluate`` with bootstrap intervals."""
    from bunri.evaluate.matching import mean_of_defined

    evaluation = evaluate(predictions, dataset, min_score)
    per_class = bootstrap_AP50([predictions.above(min_score)], dataset, resamples, seed, groups)[0]
    units = _units_by_class(counted_images([predictions], dataset), dataset, groups)
    by_name = {name: interval(per_class[c], units[c]) for c, name in enumerate(dataset.class_names)}
    return EvaluationIntervals(evaluation, interval(mean_of_defined(per_class), units[-1]), by_name)


def _units_by_class(counted: IntArray, dataset: Dataset, groups: ArrayLike | None) -> list[int]:
    """Images, or groups of them, that have an object of each class; last how many there are in all."""
    labels = groups_of(dataset, counted, groups)
    marks, label = dataset.annotations, np.arange(len(counted)) if labels is None else labels
    there = np.isin(marks.image_id, counted) & ~marks.is_crowd
    unit = label[np.searchsorted(counted, marks.image_id[there])]
    by_class = [len(np.unique(unit[marks.class_index[there] == c])) for c in range(len(dataset.class_names))]
    return [*by_class, units_of(counted, labels)]
