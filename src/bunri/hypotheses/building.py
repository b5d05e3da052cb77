"""Arms built from leaves: cut to the judged images and one floor, fused seed by seed, each once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.errors import ConfigError
from bunri.fuse import FuseOptions
from bunri.fuse.methods import fuse_with
from bunri.hypotheses.file import Arm
from bunri.hypotheses.leaves import Leaf
from bunri.predictions import Predictions, concatenate
from bunri.search import search
from bunri.search.calibrated import JudgedBoxes, judged_boxes
from bunri.search.families import DEFAULT_FAMILIES
from bunri.search.task import Task, make_task

FOLDS = 5
"""Parts of the images, each of which is calibrated, or fused, by what was found on the others."""


@dataclass(frozen=True)
class Setting:
    """Under which arms are compared: the judged images, ids rising, and the floor of all members."""

    images: tuple[int, ...]
    floor: float

    @property
    def image_id(self) -> IntArray:
        """As an array ``(I,)``."""
        return np.array(self.images, np.int64)


@dataclass(eq=False)
class Workshop:
    """Builds arms, each once in a setting.

    Attributes:
        arms: All arms of the file.
        leaves: The arms that are no ensembles.
        truth: The truth.
        groups: ``(M,)`` label of each image of the truth.
    """

    arms: Mapping[str, Arm]
    leaves: Mapping[str, Leaf]
    truth: Dataset
    groups: IntArray
    _built: dict[tuple[str, Setting], dict[int, Predictions]] = field(default_factory=dict)

    def leaves_of(self, name: str) -> tuple[str, ...]:
        """Leaves an arm is made of, as ``name`` or ``name@seed``, each once."""
        members = self.arms[name.partition("@")[0]].members
        if not members:
            return (name,)
        return tuple(dict.fromkeys(leaf for member in members for leaf in self.leaves_of(member)))

    def build(self, name: str, setting: Setting) -> dict[int, Predictions]:
        """What an arm predicts, by seed.

        Raises:
            ConfigError: Members have different seeds, or one lacks a seed that is asked for.
        """
        base, at, seed = name.partition("@")
        built = self._whole(base, setting)
        if not at:
            return built
        if int(seed) not in built:
            raise ConfigError(f"{name}: arm {base} must have the seed {seed}, but has {', '.join(map(str, built))}")
        return {0: built[int(seed)]}

    def _whole(self, name: str, setting: Setting) -> dict[int, Predictions]:
        if (name, setting) not in self._built:
            self._built[name, setting] = self._fresh(name, setting)
        return self._built[name, setting]

    def _fresh(self, name: str, setting: Setting) -> dict[int, Predictions]:
        if name in self.leaves:
            by_seed = self.leaves[name].by_seed
            return {s: one.of_images(setting.image_id).above(setting.floor) for s, one in by_seed.items()}
        members = [(member, self.build(member, setting)) for member in self.arms[name].members]
        return {
            seed: self._ensemble(name, [_of_seed(by_seed, seed).named(member) for member, by_seed in members], setting)
            for seed in _common_seeds(name, dict(members))
        }

    def _ensemble(self, name: str, members: Sequence[Predictions], setting: Setting) -> Predictions:
        arm, part = self.arms[name], self.truth.subset(setting.images)
        labels = self.groups[self.truth.rows_of(setting.image_id)]
        if arm.search is not None:
            families = arm.families or DEFAULT_FAMILIES
            found = search(members, part, FOLDS, groups=labels, families=families, time_budget=arm.seconds)
            return found.out_of_fold.named(name)
        if arm.calibrate != "none":
            members = calibrated(members, part, labels, arm.calibrate)
        options = FuseOptions(method=arm.method, iou=arm.iou, weights=arm.weights, min_score=arm.min_score)
        return fuse_with(members, options, name)


def _of_seed(by_seed: Mapping[int, Predictions], seed: int) -> Predictions:
    return by_seed[seed] if len(by_seed) > 1 else next(iter(by_seed.values()))


def _common_seeds(name: str, members: Mapping[str, Mapping[int, Predictions]]) -> tuple[int, ...]:
    """The seeds of the members that have several; they must have the same."""
    several = {member: tuple(sorted(by_seed)) for member, by_seed in members.items() if len(by_seed) > 1}
    if len(set(several.values())) > 1:
        told = ", ".join(f"{member} has {seeds}" for member, seeds in several.items())
        raise ConfigError(f"arms.{name}: members must have the same seeds, but {told}")
    return next(iter(several.values()), (0,))


def calibrated(members: Sequence[Predictions], dataset: Dataset, groups: IntArray, curve: str) -> list[Predictions]:
    """Members with the scores of each fold made shares by curves fitted on the other folds."""
    task = make_task(members, dataset, FOLDS, groups=groups)
    return [_calibrated(member, judged_boxes(member, task), task, curve) for member in task.members]


def _calibrated(member: Predictions, boxes: JudgedBoxes, task: Task, curve: str) -> Predictions:
    classes = len(task.dataset.class_names)
    parts = []
    for fold in range(task.folds):
        held_out = task.fold == fold
        part = member.of_images(task.image_id[held_out])
        fitted = boxes.calibration(~held_out, classes, curve) if boxes.can_be_calibrated(~held_out) else None
        parts.append(part if fitted is None else fitted.apply_to(part))
    return concatenate(parts, member.name)
