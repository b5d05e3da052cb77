"""Families of recipes, each of which can be fitted on a training set.

A family is one class with ``name`` and ``fit``, and one line in ``FAMILIES``. Its recipes are cross-fitted like all
others: the search fits it without each fold in turn, applies the recipe to the fold, and scores the folds together.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np

from bunri.fuse import FuseOptions
from bunri.search.climbing import Climb, Step
from bunri.search.memory import Memory
from bunri.search.recipe import EnsembleRecipe, recipe_of
from bunri.search.scoring import Scorer, scorer_of
from bunri.search.task import Task

FAMILIES: dict[str, str] = {
    "fused": "bunri.search.families:FusedFamily",
    "per_class": "bunri.search.per_class:PerClassFamily",
    "calibrated": "bunri.search.calibrated:CalibratedFamily",
    "learned": "bunri.search.learned:LearnedFamily",
}
"""Families as ``module:class``, from the simplest on: of two of equal score the earlier is taken."""

DEFAULT_FAMILIES = ("fused", "per_class", "learned")
"""What a search tries unless told otherwise."""

FALLBACK = "fused"
"""What a search tries where there is too little data for every family it was to try."""


@dataclass(frozen=True)
class Progress:
    """The best so far of one training set.

    Attributes:
        family: What is being fitted.
        fold: Which fold is held out; K where none is.
        folds: K.
        stage: What the family is doing.
        recipe: The best so far, in words.
        score: Its mAP50 on the training set, which flatters it.
        candidates: Scored so far.
        seconds: Since the family began.
    """

    family: str
    fold: int
    folds: int
    stage: str
    recipe: str
    score: float
    candidates: int
    seconds: float


OnProgress = Callable[[Progress], None]


class Family(Protocol):
    """One kind of recipe."""

    name: str
    path: list[Progress]

    def refusal(self, task: Task) -> str | None:
        """Why the data is not enough for it to help; None where it is."""

    def fit(self, task: Task, fold: int, deadline: float) -> EnsembleRecipe:
        """The recipe found on the images outside of ``fold``, on all where it is ``task.folds``.

        Args:
            task: Members, truth and folds.
            fold: The fold that must not be looked at.
            deadline: On ``time.monotonic``; a family that can stops there with its best so far.
        """


def too_large(family: str) -> str:
    """The refusal of a family that needs all boxes in memory."""
    return f"{family} needs all boxes in memory, but they are too many. Search it on some of the images."


@dataclass(eq=False)
class FusedFamily:
    """WBF, NMS, Soft-NMS and NMW: members, weights, thresholds and floors by greedy search."""

    on_progress: OnProgress = lambda progress: None
    threads: int = 1
    state: Path | None = None
    name: str = "fused"
    path: list[Progress] = field(default_factory=list)
    scorer: Scorer | None = None
    memory: Memory | None = None
    start: float = field(default_factory=time.monotonic)

    def refusal(self, task: Task) -> str | None:
        """Never: a single member as it is is always there."""
        return None

    def fit(self, task: Task, fold: int, deadline: float = np.inf) -> EnsembleRecipe:
        """Search on the images outside of ``fold``; candidates scored for another fold are not fused again."""
        return recipe_of(self.climb(task, fold, deadline)[1], task.names)

    def climb(self, task: Task, fold: int, deadline: float) -> tuple[Climb, FuseOptions]:
        """The search itself, with all it tried, and what it found."""
        if self.scorer is None:
            self.scorer = scorer_of(task, self.threads)
            self.memory = Memory(self.state, task) if self.state else None
            self.scorer.known.update(self.memory.load() if self.memory else {})
        climb = Climb(self.scorer, fold, task.groups, deadline, lambda step: self._note(task, fold, step))
        try:
            return climb, climb.run()
        finally:
            self._remember(hurry=False)

    def _remember(self, hurry: bool = True) -> None:
        if self.memory and self.scorer:
            self.memory.save(self.scorer.known, hurry)

    def _note(self, task: Task, fold: int, step: Step) -> None:
        words, seconds = str(recipe_of(step.options, task.names)), time.monotonic() - self.start
        self.path.append(Progress(self.name, fold, task.folds, step.stage, words, step.score, step.candidates, seconds))
        self.on_progress(self.path[-1])
        self._remember()


def family_of(name: str, on_progress: OnProgress, threads: int, state: Path | None) -> Family:
    """A new family by its name in ``FAMILIES``."""
    module, _, made_by = FAMILIES[name].partition(":")
    family: Family = getattr(import_module(module), made_by)(on_progress=on_progress, threads=threads, state=state)
    return family
