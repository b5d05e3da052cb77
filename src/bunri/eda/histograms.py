"""Counts of boxes in bins, for all classes and for each, as the page filters by class."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bunri.boxes import FloatArray, IntArray
from bunri.dataset import Dataset


@dataclass(frozen=True)
class Histogram:
    """Counts in bins.

    Attributes:
        labels: B names of the bins.
        counts: ``(1 + C, B)``: all together, then each of C classes; or ``(1, B)`` of what has no class.
    """

    labels: tuple[str, ...]
    counts: IntArray

    def trimmed(self) -> "Histogram":
        """Without the bins at both ends that are empty for all."""
        used = np.flatnonzero(self.counts[0])
        kept = slice(used[0], used[-1] + 1) if len(used) else slice(None)
        return Histogram(self.labels[kept], self.counts[:, kept])


def objects_of(dataset: Dataset) -> IntArray:
    """Rows of the annotations that are objects; a crowd region is none."""
    return np.flatnonzero(~dataset.annotations.is_crowd)


def class_histogram(values: FloatArray, class_index: IntArray, classes: int, edges: Sequence[float]) -> Histogram:
    """Values ``(N,)`` of boxes counted between edges, the first and last bin open."""
    bins = np.digitize(values, np.asarray(edges))
    counts = np.zeros((classes, len(edges) + 1), np.int64)
    np.add.at(counts, (class_index, bins), 1)
    return Histogram(labels_between(edges), np.concatenate([counts.sum(axis=0, keepdims=True), counts]))


def value_histogram(values: FloatArray, edges: Sequence[float]) -> Histogram:
    """Values of photos counted between edges, the first and last bin open."""
    counts = np.bincount(np.digitize(values, np.asarray(edges)), minlength=len(edges) + 1)
    return Histogram(labels_between(edges), counts[None])


def labels_between(edges: Sequence[float]) -> tuple[str, ...]:
    """Names of the bins between edges: ``< 8``, ``8–16``, ``≥ 16``."""
    between = (f"{low:g}–{high:g}" for low, high in pairwise(edges))
    return (f"< {edges[0]:g}", *between, f"≥ {edges[-1]:g}")
