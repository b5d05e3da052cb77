"""Calibrated weighted boxes fusion as a family of recipes: the scores of each member are made shares first."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.errors import DataError
from bunri.fuse.calibration import Calibration, fit_calibration
from bunri.fuse.calibration_curves import CURVES
from bunri.fuse.methods import fuse_with
from bunri.fuse.options import FuseOptions
from bunri.fuse.reliability import reliability
from bunri.learned.boxes_by_image import boxes_by_image
from bunri.learned.labels import true_candidates
from bunri.predictions import Predictions, concatenate
from bunri.search.climbing import Climb, Step
from bunri.search.families import OnProgress, Progress, too_large
from bunri.search.moves import WBF_IOUS
from bunri.search.recipe import EnsembleRecipe, recipe_of
from bunri.search.scoring import scorer_of
from bunri.search.task import Task

INNER_PARTS = 4
"""Options are searched on scores calibrated out of so many parts."""

LEAST_SHARE = 1e-4
"""A curve that says never, or always, is not punished without end for one box."""


@dataclass(frozen=True, eq=False)
class JudgedBoxes:
    """The boxes of a member, each true or not.

    Attributes:
        score: ``(N,)``
        class_index: ``(N,)``
        is_true: ``(N,)``
        image: ``(N,)`` rank of the image among those of the task.
    """

    score: FloatArray
    class_index: IntArray
    is_true: BoolArray
    image: IntArray

    def can_be_calibrated(self, images: BoolArray) -> bool:
        """Whether there are true and false boxes on some images ``(I,)``."""
        is_true = self.is_true[images[self.image]]
        return bool(is_true.any() and not is_true.all())

    def calibration(self, images: BoolArray, classes: int, curve: str) -> Calibration:
        """Curves fitted to the boxes on some images ``(I,)``."""
        rows = images[self.image]
        return fit_calibration(self.score[rows], self.class_index[rows], self.is_true[rows], classes, curve)

    def best_curve(self, fitting: BoolArray, judging: BoolArray, classes: int) -> str:
        """Which of ``CURVES``, fitted on some images ``(I,)``, surprises least (cross-entropy) on others ``(I,)``."""
        rows, losses = judging[self.image], {}
        for curve in CURVES:
            share = self.calibration(fitting, classes, curve).apply(self.score[rows], self.class_index[rows])
            told = np.where(self.is_true[rows], share, 1 - share)
            losses[curve] = -float(np.log(np.maximum(told, LEAST_SHARE)).sum())
        return min(losses, key=lambda curve: losses[curve])


def judged_boxes(member: Predictions, task: Task) -> JudgedBoxes:
    """Match the boxes of a member; those on crowd regions are left out."""
    boxes = boxes_by_image(member, task.image_id)
    is_true, is_ignored = true_candidates(boxes, task.image_id, task.dataset)
    kept = ~is_ignored
    return JudgedBoxes(boxes.score[kept], boxes.class_index[kept], is_true[kept], boxes.image[kept])


def _inner_part(task: Task) -> IntArray:
    """Part ``(I,)`` of each image within which curves are not fitted and applied to the same box; groups stay whole."""
    return np.asarray(np.unique(task.groups, return_inverse=True)[1] % INNER_PARTS)


def _training_parts(task: Task, left_out: int) -> list[BoolArray]:
    """For each part the images ``(I,)`` its curves are fitted on: those of other parts, without the fold left out."""
    part = _inner_part(task)
    return [np.asarray((part != k) & (task.fold != left_out)) for k in range(INNER_PARTS)]


class PlainClimb(Climb):
    """WBF of all members, its thresholds, weights and floors changed while that helps."""

    def run(self) -> FuseOptions:
        """The best candidate."""
        every = FuseOptions(weights=(1.0,) * self.scorer.members, min_score=(0.0,) * self.scorer.members)
        self._try("grid", [replace(every, iou=iou) for iou in WBF_IOUS], hurry=False)
        self._refine()
        return self.best.options


@dataclass(eq=False)
class CalibratedFamily:
    """Members calibrated, then fused by WBF; both fitted on the images outside of each fold."""

    on_progress: OnProgress = lambda progress: None
    threads: int = 1
    state: Path | None = None
    """Not used: curves differ from fold to fold, and scores with them."""
    name: str = "calibrated"
    path: list[Progress] = field(default_factory=list)
    start: float = field(default_factory=time.monotonic)
    _judged: dict[str, JudgedBoxes] = field(default_factory=dict)

    def refusal(self, task: Task) -> str | None:
        """Why no curves can be fitted; None where they can for every fold."""
        if not task.is_whole:
            return too_large(self.name)
        parts = [part for fold in range(task.folds + 1) for part in _training_parts(task, fold)]
        for member in task.members:
            boxes = self._boxes(member, task)
            if not all(boxes.can_be_calibrated(images) for images in parts):
                return (
                    "calibration needs true and false boxes of each member in every part of the images, but "
                    f"{member.name} has {int(boxes.is_true.sum())} true ones of {len(boxes.is_true)} in all. "
                    "Take plain fusion, or more images."
                )
        return None

    def fit(self, task: Task, fold: int, deadline: float = np.inf) -> EnsembleRecipe:
        """Fit on the images outside of ``fold``; options are searched on scores calibrated out of fold."""
        calibrated, curves = self.calibrated(task, fold)
        scorer = scorer_of(calibrated, self.threads)
        climb = PlainClimb(scorer, fold, task.groups, deadline, lambda step: self._note(task, fold, step))
        recipe = recipe_of(climb.run(), task.names)
        changes: dict[str, Any] = {
            "method": "calibrated",
            "parameters": {"curves": {name: curves[name].to_dict() for name in recipe.members}},
            "found": {"reliability": self._reliability(calibrated, fold)},
        }
        return recipe.model_copy(update=changes)

    def calibrated(self, task: Task, fold: int) -> tuple[Task, dict[str, Calibration]]:
        """The task to search on, its members calibrated out of parts, and each member's curves for other images.

        Neither looks at the truth of ``fold``.
        """
        chosen = self._chosen_curves(task, fold)
        members = tuple(self._out_of_fold(task, fold, member, chosen[member.name]) for member in task.members)
        return replace(task, members=members), self._curves(task, np.asarray(task.fold != fold), chosen)

    def _boxes(self, member: Predictions, task: Task) -> JudgedBoxes:
        if member.name not in self._judged:
            self._judged[member.name] = judged_boxes(member, task)
        return self._judged[member.name]

    def _chosen_curves(self, task: Task, left_out: int) -> dict[str, str]:
        """The curve of each member by its name, fitted on all parts but one and judged by that one."""
        fitting, classes = _training_parts(task, left_out)[0], len(task.dataset.class_names)
        judging = np.asarray(~fitting & (task.fold != left_out))
        return {member.name: self._boxes(member, task).best_curve(fitting, judging, classes) for member in task.members}

    def _curves(self, task: Task, images: BoolArray, chosen: dict[str, str]) -> dict[str, Calibration]:
        """Curves of each member, fitted to its boxes on some images ``(I,)``."""
        classes = len(task.dataset.class_names)
        return {
            member.name: self._boxes(member, task).calibration(images, classes, chosen[member.name])
            for member in task.members
        }

    def _out_of_fold(self, task: Task, left_out: int, member: Predictions, curve: str) -> Predictions:
        """The member calibrated, each part of the images by curves of other parts, never of the fold left out."""
        boxes, classes, parts = self._boxes(member, task), len(task.dataset.class_names), []
        for k, training in enumerate(_training_parts(task, left_out)):
            part = member.of_images(task.image_id[_inner_part(task) == k])
            parts.append(boxes.calibration(training, classes, curve).apply_to(part))
        return concatenate(parts, member.name)

    def _reliability(self, calibrated: Task, fold: int) -> dict[str, Any]:
        """Of each member before and after calibration, on the images it was fitted on but out of fold."""
        result = {}
        for member in calibrated.members:
            both = {"before": self._judged[member.name], "after": judged_boxes(member, calibrated)}
            rows = {when: np.asarray(calibrated.fold[boxes.image] != fold) for when, boxes in both.items()}
            result[member.name] = {
                when: reliability(boxes.score[rows[when]], boxes.is_true[rows[when]]).to_dict()
                for when, boxes in both.items()
            }
        return result

    def _note(self, task: Task, fold: int, step: Step) -> None:
        words = f"calibrated {recipe_of(step.options, task.names)}"
        seconds = time.monotonic() - self.start
        self.path.append(Progress(self.name, fold, task.folds, step.stage, words, step.score, step.candidates, seconds))
        self.on_progress(self.path[-1])


def apply_calibrated(recipe: EnsembleRecipe, members: Sequence[Predictions]) -> Predictions:
    """Calibrate some members, then fuse them.

    Raises:
        DataError: The recipe has no curves for a member, or they are not whole.
    """
    curves = recipe.parameters.get("curves")
    missing = [member.name for member in members if not isinstance(curves, dict) or member.name not in curves]
    if missing or not isinstance(curves, dict):
        raise DataError(
            f"a calibrated recipe must have curves of each member, but {', '.join(missing)} has none. Search again."
        )
    calibrated = [_calibration(curves[member.name]).apply_to(member) for member in members]
    return fuse_with(calibrated, recipe.options, "ensemble")


def _calibration(values: Any) -> Calibration:
    return Calibration.from_dict(values)
