"""The metric of arms on all images and on resamples, the same draws for all arms of a setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bunri.boxes import FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.errors import ConfigError, DataError
from bunri.evaluate.bootstrap import Counts, drawn_blocks, units_of
from bunri.evaluate.judging import IOU_THRESHOLDS
from bunri.evaluate.matching import Matches, match, mean_of_defined, objects_of
from bunri.hypotheses.building import Setting, Workshop
from bunri.hypotheses.contrasts import ArmScores
from bunri.hypotheses.file import Hypothesis, RareClasses
from bunri.predictions import Predictions
from bunri.settings import nearest

IOUS = {"mAP50": [0.5], "mAP50_95": IOU_THRESHOLDS.tolist()}


@dataclass(frozen=True)
class Metric:
    """A metric over some classes.

    Attributes:
        name: ``mAP50`` or ``mAP50_95``.
        classes: Indices of the classes of the mean.
        names: Their names; None where they are all.
        boxes: Annotated boxes of these classes on the judged images.
        units: Images, or groups of them, that bear on it: all, or those with a box of the classes where some are left
            out.
    """

    name: str
    classes: tuple[int, ...]
    names: tuple[str, ...] | None
    boxes: int
    units: int


def metric_of(hypothesis: Hypothesis, truth: Dataset, setting: Setting, groups: IntArray) -> Metric:
    """The metric of a hypothesis on its images.

    Raises:
        ConfigError: A class is not known, or none is rare.
        DataError: No box of the classes is on the images.
    """
    part = truth.subset(setting.images)
    chosen = _chosen_classes(hypothesis, part)
    marks = part.annotations
    counted = np.isin(marks.class_index, chosen) & ~marks.is_crowd
    if not counted.any():
        raise DataError(f"{hypothesis.effect}: a box of its classes must be on the judged images, but there is none")
    labels = groups[truth.rows_of(setting.image_id)]
    bearing = labels[np.searchsorted(setting.image_id, marks.image_id[counted])]
    names = tuple(part.class_names[c] for c in chosen) if hypothesis.classes is not None else None
    units = units_of(setting.image_id, labels) if names is None else len(np.unique(bearing))
    return Metric(hypothesis.metric, chosen, names, int(counted.sum()), units)


def _chosen_classes(hypothesis: Hypothesis, part: Dataset) -> tuple[int, ...]:
    names, wanted = part.class_names, hypothesis.classes
    if wanted is None:
        return tuple(range(len(names)))
    if isinstance(wanted, RareClasses):
        boxes = part.boxes_per_class()
        rare = tuple(int(c) for c in np.flatnonzero((boxes > 0) & (boxes < wanted.boxes_below)))
        if not rare:
            counts = ", ".join(f"{name} {count}" for name, count in zip(names, boxes, strict=True))
            raise ConfigError(f"boxes_below: {wanted.boxes_below} must leave some class, but there are {counts}")
        return rare
    for name in wanted:
        if name not in names:
            raise ConfigError(f"classes: the truth has no {name!r}{nearest(name, names)}")
    return tuple(names.index(name) for name in wanted)


@dataclass(eq=False)
class Scorer:
    """Scores arms, each once in a setting.

    Attributes:
        workshop: Builds them.
        resamples: Of the images.
        seed: Of the resamples.
    """

    workshop: Workshop
    resamples: int
    seed: int
    _known: dict[tuple[str, Setting, str], list[FloatArray]] = field(default_factory=dict)

    def scores(self, names: Sequence[str], setting: Setting, metric: Metric) -> Mapping[str, ArmScores]:
        """The metric of some arms."""
        return {name: self._scores_of(name, setting, metric) for name in names}

    def _scores_of(self, name: str, setting: Setting, metric: Metric) -> ArmScores:
        chosen = list(metric.classes)
        values = np.stack([mean_of_defined(one[chosen]) for one in self._per_class(name, setting, metric.name)])
        return ArmScores(values[:, 0], values[:, 1:], self._sources(name))

    def _sources(self, name: str) -> frozenset[str]:
        leaves, bases = self.workshop.leaves, self.workshop.leaves_of(name)
        return frozenset(leaf for leaf in bases if leaf in leaves and len(leaves[leaf].by_seed) > 1)

    def _per_class(self, name: str, setting: Setting, metric: str) -> list[FloatArray]:
        """Average precision ``(C, 1 + R)`` of each seed; the first column is of all images as they are."""
        key = (name, setting, metric)
        if key not in self._known:
            found = self.workshop.build(name, setting)
            self._known[key] = [self._resampled(found[seed], setting, metric) for seed in sorted(found)]
        return self._known[key]

    def _resampled(self, found: Predictions, setting: Setting, metric: str) -> FloatArray:
        matches, labels = self._matches(found, setting, metric), self._labels(setting)
        plain = np.ones((len(setting.images), 1), np.int16)
        blocks = [plain, *drawn_blocks(len(setting.images), self.resamples, self.seed, labels)]
        return np.concatenate([_mean_precision(matches, weights) for weights in blocks], axis=1)

    def _labels(self, setting: Setting) -> IntArray:
        return self.workshop.groups[self.workshop.truth.rows_of(setting.image_id)]

    def _matches(self, found: Predictions, setting: Setting, metric: str) -> list[Matches]:
        objects = objects_of(self.workshop.truth, setting.image_id)
        return [match(found, objects, iou=iou) for iou in IOUS[metric]]

    def value(self, found: Predictions, setting: Setting, metric: Metric) -> float:
        """The metric of predictions on all images of a setting."""
        plain = np.ones((len(setting.images), 1), np.int16)
        per_class = _mean_precision(self._matches(found, setting, metric.name), plain)
        return float(mean_of_defined(per_class[list(metric.classes)])[0])


def _mean_precision(matches: Sequence[Matches], weights: Counts) -> FloatArray:
    """Average precision ``(C, R)``, mean over the IoUs."""
    return np.asarray(np.mean([one.average_precisions(weights) for one in matches], axis=0))
