"""The honest score of any subset of some members: the value function that shares are of."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from bunri.boxes import FloatArray, IntArray
from bunri.errors import DataError, UsageError
from bunri.evaluate.bootstrap import draw_images
from bunri.evaluate.matching import Objects, match, objects_of
from bunri.fuse.methods import fuse_with
from bunri.fuse.options import FuseOptions
from bunri.predictions import Predictions, concatenate
from bunri.search import search
from bunri.search.calibrated import CalibratedFamily
from bunri.search.moves import WBF_IOUS, single
from bunri.search.scoring import scorer_of
from bunri.search.task import Task

VALUES = ("wbf", "calibrated", "searched")
"""WBF with equal weights; the same of calibrated scores; what ``bunri search`` finds in its family ``fused``."""

Subset = frozenset[int]


@dataclass(frozen=True, eq=False)
class FoldSide:
    """What belongs to one fold: where its settings are chosen, and what they are applied to.

    Attributes:
        task: Its training images outside of the fold.
        held_out: The members on the images of the fold.
    """

    task: Task
    held_out: tuple[Predictions, ...]


@dataclass(eq=False)
class SubsetValues:
    """mAP50 of subsets of the members of a task, out of fold, each computed once.

    The IoU of a subset is chosen, of ``WBF_IOUS``, on the images outside of each fold; so are calibration curves.

    Attributes:
        task: The members on common images.
        kind: One of ``VALUES``.
        resamples: Of the images.
        seed: Of folds and resamples.
        threads: Candidates scored side by side.
        on_value: Is told of each new subset and its mAP50.
    """

    task: Task
    kind: str = "wbf"
    resamples: int = 1000
    seed: int = 0
    threads: int = 1
    on_value: Callable[[tuple[str, ...], float], None] = lambda names, value: None
    known: dict[Subset, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in VALUES:
            raise UsageError(f"value must be one of {', '.join(VALUES)}, but got {self.kind!r}")

    def __call__(self, members: Iterable[int]) -> FloatArray:
        """mAP50 ``(1 + resamples,)`` of a subset: on the images as they are, then on resampled ones.

        The empty subset finds nothing and has 0.
        """
        subset = frozenset(members)
        if not subset:
            return np.zeros(1 + self.resamples)
        if subset not in self.known:
            found = self._searched(subset) if self.kind == "searched" else self._cross_fitted(subset)
            self.known[subset] = match(found, self._objects).mAP50(self._weights)
            names = tuple(self.task.names[m] for m in sorted(subset))
            self.on_value(names, float(self.known[subset][0]))
        return self.known[subset]

    @cached_property
    def _objects(self) -> Objects:
        return objects_of(self.task.dataset, self.task.image_id)

    @cached_property
    def _weights(self) -> IntArray:
        images = len(self.task.image_id)
        drawn = draw_images(images, self.resamples, self.seed, self.task.groups)
        return np.concatenate([np.ones((images, 1), drawn.dtype), drawn], axis=1)

    @cached_property
    def _sides(self) -> list[FoldSide]:
        if self.kind == "calibrated":
            return _calibrated_sides(self.task)
        held_out = [self.task.held_out(fold) for fold in range(self.task.folds)]
        return [FoldSide(self.task, tuple(one[name] for name in self.task.names)) for one in held_out]

    def _cross_fitted(self, subset: Subset) -> Predictions:
        candidates, parts = candidates_of(subset, len(self.task.members)), []
        for fold, side in enumerate(self._sides):
            scores = scorer_of(side.task, self.threads).scores(candidates)[:, fold]
            best = candidates[int(np.argmax(np.nan_to_num(scores, nan=-1.0)))]
            parts.append(fuse_with(side.held_out, best, "ensemble"))
        return concatenate(parts, "ensemble")

    def _searched(self, subset: Subset) -> Predictions:
        members = [self.task.members[m] for m in sorted(subset)]
        rest = (self.task.dataset, self.task.folds, self.seed, self.task.groups, ("fused",))
        return search(members, *rest, threads=self.threads, resamples=1).out_of_fold


def candidates_of(subset: Subset, members: int) -> list[FuseOptions]:
    """Settings tried for a subset: WBF with equal weights at several IoUs; one member alone stays as it is."""
    if len(subset) == 1:
        return [single(min(subset), members)]
    weights = tuple(float(m in subset) for m in range(members))
    equal = FuseOptions(weights=weights, min_score=(0.0,) * members)
    return [replace(equal, iou=iou) for iou in WBF_IOUS]


def _calibrated_sides(task: Task) -> list[FoldSide]:
    family = CalibratedFamily()
    if (reason := family.refusal(task)) is not None:
        raise DataError(reason)
    sides = []
    for fold in range(task.folds):
        training, curves = family.calibrated(task, fold)
        held_out = task.held_out(fold)
        sides.append(FoldSide(training, tuple(curves[name].apply_to(held_out[name]) for name in task.names)))
    return sides
