"""Learned fusion as a family of recipes: a model scores the candidates of all members anew."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bunri.boxes import BoolArray
from bunri.evaluate.matching import match, objects_of
from bunri.learned import LearnedFusion, TooLittleDataError, TreeSettings
from bunri.learned.candidates import CLUSTER_IOU
from bunri.learned.fitting import check_enough, fit_on
from bunri.learned.fusion import scored_anew
from bunri.learned.material import Material, choose_sources, make_material
from bunri.learned.trees import Trees
from bunri.predictions import Predictions
from bunri.search.families import OnProgress, Progress, too_large
from bunri.search.recipe import EnsembleRecipe
from bunri.search.task import Task


@dataclass(eq=False)
class LearnedFamily:
    """WBF clusters scored anew by trees, fitted on the images outside of each fold."""

    on_progress: OnProgress = lambda progress: None
    threads: int = 1
    state: Path | None = None
    """Not used: a fit is made again."""
    settings: TreeSettings = field(default_factory=TreeSettings)
    name: str = "learned"
    path: list[Progress] = field(default_factory=list)
    start: float = field(default_factory=time.monotonic)
    _materials: dict[tuple[str, ...], Material] = field(default_factory=dict)

    def refusal(self, task: Task) -> str | None:
        """Why there is too little data for it to help, or too much; None where there is enough for every fold."""
        if not task.is_whole:
            return too_large(self.name)
        try:
            for fold in range(task.folds):
                check_enough(self._material(task, fold), np.asarray(task.fold != fold))
        except TooLittleDataError as error:
            return str(error)
        return None

    def fit(self, task: Task, fold: int, deadline: float = np.inf) -> EnsembleRecipe:
        """Fit on the images outside of ``fold``; at the deadline with the models there are, at least one."""
        images, material = np.asarray(task.fold != fold), self._material(task, fold)
        in_time = lambda grown: time.monotonic() < deadline  # noqa: E731
        trees = fit_on(material, images, self.settings, threads=self.threads, go_on=in_time)
        fusion = LearnedFusion(task.names, material.sources, material.classes, trees)
        recipe = recipe_of_learned(fusion)
        self._note(task, fold, recipe, _score(material, trees, images, task))
        return recipe

    def _material(self, task: Task, fold: int) -> Material:
        """Candidates with features, of the sources that do best outside of the fold; made once where these agree."""
        ids = task.image_id[task.fold != fold]
        sources = choose_sources([member.of_images(ids) for member in task.members], task.dataset.subset(ids))
        if sources not in self._materials:
            self._materials[sources] = make_material(task.members, sources, task.dataset)
        return self._materials[sources]

    def _note(self, task: Task, fold: int, recipe: EnsembleRecipe, score: float) -> None:
        seconds = time.monotonic() - self.start
        self.path.append(Progress(self.name, fold, task.folds, "fit", str(recipe), score, len(self.path) + 1, seconds))
        self.on_progress(self.path[-1])


def _score(material: Material, trees: Trees, images: BoolArray, task: Task) -> float:
    """In sample: mAP50 on a fifth of the images it was fitted on, which tells as much and takes a fifth of the time."""
    images = images & (np.arange(len(images)) % 5 == 0)
    rows = np.flatnonzero(images[material.candidates.boxes.image])
    score = np.zeros(len(material.is_true))
    score[rows] = trees.probability(material.features.take(rows))
    fused = scored_anew(material.candidates, score, images)
    ids = task.image_id[images]
    return float(match(fused, objects_of(task.dataset, ids)).mAP50(np.ones((len(ids), 1), np.int64))[0])


def recipe_of_learned(fusion: LearnedFusion) -> EnsembleRecipe:
    """The recipe that applies a fitted fusion."""
    return EnsembleRecipe(
        members=fusion.members,
        method="learned",
        weights=(1.0,) * len(fusion.members),
        iou=CLUSTER_IOU,
        min_score=(0.0,) * len(fusion.members),
        parameters=fusion.to_dict(),
        found={"explanation": fusion.explain().to_dict()},
    )


def apply_learned(recipe: EnsembleRecipe, members: Sequence[Predictions]) -> Predictions:
    """Score the candidates of some members anew."""
    return LearnedFusion.from_dict(recipe.parameters).apply({member.name: member for member in members})
