"""The search for the best ensemble that held-out data supports, and its honest score."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from bunri.boxes import FloatArray
from bunri.dataset import Dataset
from bunri.errors import UsageError
from bunri.evaluate import Comparison, interval
from bunri.evaluate.bootstrap import Counts, draws_among
from bunri.evaluate.comparing import compare_matched
from bunri.evaluate.matching import Matches
from bunri.evaluate.metrics import none_if_nan
from bunri.predictions import Predictions
from bunri.search.climbing import drawn
from bunri.search.families import DEFAULT_FAMILIES, FALLBACK, FAMILIES, Family, OnProgress, family_of
from bunri.search.held_out import NAME, Judged, held_out_blocks, judged
from bunri.search.moves import single
from bunri.search.recipe import EnsembleRecipe
from bunri.search.result import SearchResult
from bunri.search.scoring import scorer_of
from bunri.search.stored import StoredMembers
from bunri.search.task import MemberBlock, Task, make_task


def search(
    predictions: Sequence[Predictions] | StoredMembers,
    dataset: Dataset,
    folds: int = 5,
    seed: int = 0,
    groups: ArrayLike | None = None,
    families: Sequence[str] = DEFAULT_FAMILIES,
    time_budget: float | None = None,
    threads: int = 1,
    resamples: int = 1000,
    on_progress: OnProgress = lambda progress: None,
    state: Path | None = None,
) -> SearchResult:
    """Find the ensemble of some members that does best, and say honestly how well.

    Every image any member looked at counts. The images are put into folds, neighbours together. The recipe is found
    on all of them; the score is of predictions each of whose folds was fused by a recipe found on the other folds.
    Every single member as it is stands among the candidates, and the simpler of two recipes that cannot be told apart
    is taken.

    Args:
        predictions: Out-of-fold predictions of the members, with unique names. Stored ones
            (:func:`bunri.search.stored.stored_members`) take memory for a block of images only; the result is the same,
            but families that need all in memory are left out.
        dataset: The truth.
        folds: Number of folds, at least 2.
        seed: Of the folds.
        groups: One label for each image of the data set; images of one label stay together. None finds capture sessions
            where the data set has times.
        families: Kinds of recipes to try, of ``FAMILIES``. Those the data is too small for are left out and noted;
            where none is left, fusing is searched.
        time_budget: Seconds after which the best so far must do; None searches to the end.
        threads: Candidates scored side by side; the result is the same.
        resamples: Of the interval.
        on_progress: Is told of every better candidate.
        state: File in which scores are kept; a search that was stopped goes on from it.

    Raises:
        UsageError: A member has no name of its own, a family is not known, or there is no time.
        DataError: No image counts, or there are too few for the folds.
    """
    start = time.monotonic()
    for name in families:
        if name not in FAMILIES:
            raise UsageError(f"families must be among {', '.join(FAMILIES)}, but got {name!r}")
    if time_budget is not None and not time_budget > 0:
        raise UsageError(f"time_budget must be above 0 seconds, but got {time_budget}")
    task = make_task(predictions, dataset, folds, seed, groups)
    simplest_first = sorted(set(families), key=list(FAMILIES).index)
    made, notes = _families_for(task, [family_of(name, on_progress, threads, state) for name in simplest_first])
    made = made or [family_of(FALLBACK, on_progress, threads, state)]
    clock = _Clock(start, math.inf if time_budget is None else start + time_budget, len(made))
    fitted = [_cross_fit(family, task, clock) for family in made]
    best = fitted[_chosen(fitted, task, folds)]
    recipes = [fitted[_chosen(fitted, task, fold)].without_fold[fold] for fold in range(folds)]
    if clock.was_short:
        notes += (f"the {time_budget:g} s were over before the search was: more time may find better",)
    return replace(_result(task, best, recipes, fitted, resamples, start), notes=notes)


def _families_for(task: Task, families: Sequence[Family]) -> tuple[list[Family], tuple[str, ...]]:
    """The families for which there is enough data, and why the others are left out."""
    refusals = [family.refusal(task) for family in families]
    kept = [family for family, reason in zip(families, refusals, strict=True) if reason is None]
    return kept, tuple(reason for reason in refusals if reason is not None)


@dataclass
class _Clock:
    """Shares the time that is left between the families; half of a family's share is for the fit on all images."""

    start: float
    end: float
    families: int
    was_short: bool = False

    def fit(self, family: Family, task: Task, fold: int, deadline: float) -> EnsembleRecipe:
        """Fit, and remember whether the deadline cut it short."""
        recipe = family.fit(task, fold, deadline)
        self.was_short |= time.monotonic() >= deadline
        return recipe

    def deadline(self, fits_left: int, on_all: bool) -> float:
        now = time.monotonic()
        share = (self.end - now) / self.families
        return now + share * (0.5 if on_all else 1 / fits_left)


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A family fitted on all images and without each fold, and its predictions on the folds left out, matched."""

    family: Family
    recipe: EnsembleRecipe
    without_fold: list[EnsembleRecipe]
    held_out: Matches


def _cross_fit(family: Family, task: Task, clock: _Clock) -> _Fitted:
    recipe = clock.fit(family, task, task.folds, clock.deadline(task.folds + 1, on_all=True))
    deadlines = (clock.deadline(task.folds - fold, on_all=False) for fold in range(task.folds))
    without_fold = [clock.fit(family, task, fold, deadline) for fold, deadline in enumerate(deadlines)]
    clock.families -= 1
    held_out = judged(held_out_blocks(task, without_fold), scorer_of(task).objects)
    return _Fitted(family, recipe, without_fold, held_out.matches)


def _chosen(fitted: Sequence[_Fitted], task: Task, fold: int) -> int:
    """Which family to use, by its honest scores outside of ``fold``, so that the choice is honest too.

    The one-standard-error rule once more: the simplest family that is not worse than the best by more than one standard
    error of their paired difference.
    """
    counted = task.training_weights()[:, fold]
    scores = np.nan_to_num(_scores(fitted, counted[:, None])[:, 0], nan=-1.0)
    best = int(np.argmax(scores))
    samples = _scores(fitted[: best + 1], drawn(counted, task.groups)) if best else np.zeros((1, 1))
    errors = np.nan_to_num(np.std(samples[-1] - samples, axis=1))
    return int(np.argmax(scores[best] - scores[: best + 1] <= errors))


def _scores(fitted: Sequence[_Fitted], weights: Counts) -> FloatArray:
    """Honest mAP50 ``(families, R)`` when images count ``weights`` ``(I, R)`` times."""
    return np.stack([one.held_out.mAP50(weights) for one in fitted])


def _result(
    task: Task,
    best: _Fitted,
    recipes: Sequence[EnsembleRecipe],
    fitted: Sequence[_Fitted],
    resamples: int,
    start: float,
) -> SearchResult:
    blocks = _blocks_of(task, recipes)
    one = judged(blocks(), scorer_of(task).objects)
    every, groups = np.ones(len(task.image_id), np.int16), len(np.unique(task.groups))
    draws = draws_among(every, resamples, groups=task.groups)
    low, high = interval(np.concatenate([one.matches.mAP50(weights) for weights in draws]), groups)
    score = float(one.matches.mAP50(every[:, None])[0])
    honest = {"mAP50": none_if_nan(score), "low": none_if_nan(low), "high": none_if_nan(high)}
    found = {**honest, "images": len(task.image_id), "folds": task.folds, "family": best.family.name}
    family_scores = _scores(fitted, every[:, None])[:, 0].tolist()
    return SearchResult(
        recipe=best.recipe.model_copy(update={"found": {**best.recipe.found, **found}}),
        score=score,
        low=low,
        high=high,
        out_of_fold_blocks=lambda: (members[0] for _, members in blocks()),
        gain=_gain(one, task, resamples),
        family_scores={one.family.name: value for one, value in zip(fitted, family_scores, strict=True)},
        path=tuple(step for one in fitted for step in one.family.path),
        images=len(task.image_id),
        folds=task.folds,
        groups=groups,
        lowest_scores=task.lowest_scores,
        seconds=time.monotonic() - start,
    )


def _blocks_of(task: Task, recipes: Sequence[EnsembleRecipe]) -> Callable[[], Iterator[MemberBlock]]:
    """What gives the predictions out of fold as often as one likes: kept in memory where the members are."""
    if not task.is_whole:
        return lambda: held_out_blocks(task, recipes)
    kept = list(held_out_blocks(task, recipes))
    return lambda: iter(kept)


def _gain(ensemble: Judged, task: Task, resamples: int) -> Comparison:
    """The ensemble against the best single member as it is; what that one did not look at counts as not found."""
    best, matches = best_single(task)
    lowest = ensemble.lowest_score, task.lowest_scores[best]
    both = ensemble.matches, matches
    return compare_matched(both, (NAME, best), lowest, ensemble.seen, resamples, task.groups)


def best_single(task: Task) -> tuple[str, Matches]:
    """The member of the highest mAP50 on all images, by name, and its boxes matched."""
    scorer, members = scorer_of(task), len(task.names)
    candidates = [single(m, members) for m in range(members)]
    best = int(np.argmax(np.nan_to_num(scorer.scores(candidates)[:, -1], nan=-1.0)))
    return task.names[best], scorer.matches(candidates[best])
