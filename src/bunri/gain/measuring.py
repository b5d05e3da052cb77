"""The verb ``gain``."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.errors import DataError, UsageError
from bunri.evaluate.counted import check_floor
from bunri.gain.adding import AddedMember, added_member
from bunri.gain.pairs import Pair, measure_pairs
from bunri.gain.prediction import predict_gain, predict_pairs
from bunri.gain.report import GainReport
from bunri.gain.shares import Shares, measure_shares
from bunri.gain.subset_values import SubsetValues
from bunri.predictions import Predictions
from bunri.search import SearchResult, search
from bunri.search.families import DEFAULT_FAMILIES, OnProgress
from bunri.search.task import capture_sessions, make_task

UNEQUAL = 2.0
"""Lowest scores that differ by more than this factor are not equal footing."""


@dataclass(frozen=True)
class GainSettings:
    """How to measure; attributes as the arguments of ``gain``."""

    folds: int = 5
    seed: int = 0
    families: Sequence[str] = DEFAULT_FAMILIES
    member_families: Mapping[str, Sequence[str]] = field(default_factory=dict)
    value: str = "wbf"
    min_score: float = 0.0
    orders: int = 64
    time_budget: float | None = None
    threads: int = 1
    resamples: int = 1000


def gain(
    predictions: Sequence[Predictions],
    added: Predictions | Sequence[Predictions],
    dataset: Dataset,
    folds: int = 5,
    seed: int = 0,
    groups: ArrayLike | None = None,
    families: Sequence[str] = DEFAULT_FAMILIES,
    member_families: Mapping[str, Sequence[str]] | None = None,
    value: str = "wbf",
    min_score: float = 0.0,
    orders: int = 64,
    time_budget: float | None = None,
    threads: int = 1,
    resamples: int = 1000,
    on_progress: OnProgress = lambda progress: None,
    on_value: Callable[[tuple[str, ...], float], None] = lambda names, value: None,
) -> GainReport:
    """Measure what each member adds, on the images it looked at, and what share each has.

    Both searches of a member have the same folds and options, so that their comparison is in pairs. The shares and
    pairs are of the images that all members looked at.

    Args:
        predictions: Out-of-fold predictions of the members that are there, with unique names.
        added: Members to add, each on its own.
        dataset: The truth.
        folds: Number of folds, at least 2.
        seed: Of the folds, and of orders drawn.
        groups: One label for each image of the data set; images of one label stay together. None finds capture sessions
            where the data set has times.
        families: Kinds of recipes the searches try, of ``bunri.search.families.FAMILIES``.
        member_families: Names of the members of each family (one-stage, two-stage, ...), for shares of families and
            pairs within and across.
        value: What a set of members is worth, for shares and pairs: one of ``VALUES``.
        min_score: One floor for all; boxes below it are left out first.
        orders: Drawn for the shares where members are more than eight.
        time_budget: Seconds for the searches of one added member; None searches to the end.
        threads: Candidates scored side by side.
        resamples: Of the intervals.
        on_progress: Is told of every better candidate of a search.
        on_value: Is told of every set of members that was valued.

    Raises:
        UsageError: A family names a member that is not there or is in two, or an argument is out of its range.
        DataError: A member and the others have no image of the data set in common.
    """
    check_floor(min_score)
    given = [added] if isinstance(added, Predictions) else list(added)
    if not given:
        raise UsageError("at least one member must be added, but there is none. Name it with --add")
    everyone = [member.above(min_score) for member in [*predictions, *given]]
    settings = GainSettings(
        folds, seed, families, member_families or {}, value, min_score, orders, time_budget, threads, resamples
    )
    _check_families(settings.member_families, [member.name for member in everyone])
    labels = capture_sessions(dataset) if groups is None else np.asarray(groups)
    labels = np.arange(len(dataset)) if labels is None else labels
    values = _subset_values(everyone, dataset, labels, settings, on_value)
    shares, pairs = (None, ()) if values is None else _standing(values, settings)
    pairs, prediction = predict_pairs(pairs)
    searches = _Searches(everyone[: len(predictions)], dataset, labels, settings, on_progress)
    lowest = {member.name: float(member.score.min()) if len(member) else math.nan for member in everyone}
    return GainReport(
        added=tuple(_foretold(searches.adding(member), pairs) for member in everyone[len(predictions) :]),
        shares=shares,
        pairs=tuple(pairs),
        prediction=prediction,
        member_families={name: tuple(members) for name, members in settings.member_families.items()},
        images=0 if values is None else len(values.task.image_id),
        groups=0 if values is None else len(np.unique(values.task.groups)),
        folds=folds,
        min_score=min_score,
        lowest_scores=lowest,
        notes=_notes(lowest, values is None, prediction is None),
    )


def _check_families(families: Mapping[str, Sequence[str]], names: Sequence[str]) -> None:
    told = [name for members in families.values() for name in members]
    if unknown := sorted(set(told) - set(names)):
        raise UsageError(f"families must be of the members {', '.join(names)}, but got {', '.join(unknown)}")
    if twice := sorted({name for name in told if told.count(name) > 1}):
        raise UsageError(f"a member must be in one family, but {', '.join(twice)} is in several")


def _common_images(members: Sequence[Predictions], dataset: Dataset) -> IntArray:
    """Sorted ids of the images all members looked at."""
    ids = np.unique(dataset.images.id)
    for member in members:
        ids = np.intersect1d(ids, member.seen_image_id)
    return ids


def _subset_values(
    members: Sequence[Predictions],
    dataset: Dataset,
    labels: IntArray,
    settings: GainSettings,
    on_value: Callable[[tuple[str, ...], float], None],
) -> SubsetValues | None:
    """What sets of the members are worth on the images all looked at; None where those are too few for the folds."""
    common = _common_images(members, dataset)
    of_common = labels[dataset.rows_of(common)]
    if len(np.unique(of_common)) < settings.folds:
        return None
    task = make_task(members, dataset.subset(common), settings.folds, settings.seed, of_common)
    return SubsetValues(task, settings.value, settings.resamples, settings.seed, settings.threads, on_value)


def _standing(values: SubsetValues, settings: GainSettings) -> tuple[Shares, Sequence[Pair]]:
    shares = measure_shares(values, settings.member_families, settings.orders, settings.seed)
    return shares, measure_pairs(values, settings.member_families)


def _foretold(one: AddedMember, pairs: Sequence[Pair]) -> AddedMember:
    """With the gain that the pairs foretell."""
    return replace(one, predicted=predict_gain(pairs, one.features))


def _notes(lowest: Mapping[str, float], is_apart: bool, is_unpredicted: bool) -> tuple[str, ...]:
    known = [score for score in lowest.values() if not math.isnan(score)]
    notes = []
    if known and max(known) > UNEQUAL * min(known):
        notes.append(
            "the members were not cut at one score: low scores are worth mAP50, so that one cut higher seems to bring "
            f"less. --min-score {max(known):.3g} puts all on one footing"
        )
    if is_apart:
        notes.append("the members have too few images in common for shares and pairs")
    elif is_unpredicted:
        notes.append("what overlap foretells needs the pairs of at least four members")
    return tuple(notes)


@dataclass(eq=False)
class _Searches:
    """Searches with and without members to add; the one without is made once for the same images."""

    members: Sequence[Predictions]
    dataset: Dataset
    labels: IntArray
    settings: GainSettings
    on_progress: OnProgress
    known: dict[bytes, SearchResult] = field(default_factory=dict)

    def adding(self, added: Predictions) -> AddedMember:
        """Both searches for one member, on the images that it and any other looked at."""
        seen = np.unique(np.concatenate([member.seen_image_id for member in self.members]))
        common = np.intersect1d(np.intersect1d(seen, added.seen_image_id), self.dataset.images.id)
        if not len(common):
            raise DataError(
                f"{added.name} and the members it is added to must have looked at an image of the data set in common, "
                "but there is none. Check that predictions and annotations belong together."
            )
        key = common.tobytes()
        if key not in self.known:
            self.known[key] = self._search(self.members, common)
        with_it = self._search([*self.members, added], common)
        part, labels = self.dataset.subset(common), self.labels[self.dataset.rows_of(common)]
        return added_member(added, self.known[key], with_it, part, self.settings.resamples, labels)

    def _search(self, members: Sequence[Predictions], images: IntArray) -> SearchResult:
        it, labels = self.settings, self.labels[self.dataset.rows_of(images)]
        budget = None if it.time_budget is None else it.time_budget / 2
        part = self.dataset.subset(images)
        rest = (it.folds, it.seed, labels, it.families, budget, it.threads, it.resamples, self.on_progress)
        return search(members, part, *rest)
