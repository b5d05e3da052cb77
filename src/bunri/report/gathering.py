"""Gathers all facts of an experiment's folder; what cannot be read is left out with a sentence."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from bunri.config import Experiment
from bunri.dataset import Dataset
from bunri.diagnosis.mistakes import Matches, match
from bunri.errors import BunriError, DataError, UsageError
from bunri.report import reading
from bunri.report.facts import Leaderboard, Mistakes, PhotoFacts, ReportFacts
from bunri.report.photos import mistakes_of, worst_photos

T = TypeVar("T")
_MistakesAndPhotos = tuple[Sequence[Mistakes], Sequence[PhotoFacts]]
_NONE: _MistakesAndPhotos = ((), ())


def gather_facts(folder: Path) -> ReportFacts:
    """All facts of ``runs/<experiment>/``.

    Raises:
        UsageError: It is not a folder.
    """
    if not folder.is_dir():
        raise UsageError(f"a report needs the folder of an experiment, such as runs/demo, but {folder} is not a folder")
    return _Gathering(folder).facts()


class _Gathering:
    """Reads part by part; remembers what is missing, by the section that lacks it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._missing: dict[str, str] = {}
        self._experiment = self._part("experiment", lambda: reading.read_experiment(folder), None)
        self._truth = self._part("data", self._read_truth, None)
        self._leaderboard = self._part("leaderboard", lambda: reading.read_leaderboard(folder), Leaderboard())

    def facts(self) -> ReportFacts:
        folder, truth = self._folder, self._truth
        names = [row.model for row in self._leaderboard.rows]
        mistakes, photos = self._part("mistakes", self._mistakes, _NONE)
        return ReportFacts(
            title=folder.resolve().name,
            images=None if truth is None else len(truth),
            boxes=None if truth is None else int(truth.boxes_per_class().sum()),
            leaderboard=self._leaderboard,
            curves=self._part("curves", lambda: reading.read_curves(folder), ()),
            classes=self._part("classes", lambda: reading.read_classes(folder, names, self._known_truth()), ()),
            ensemble=self._part("ensemble", lambda: reading.read_ensemble(folder), None),
            samplers=self._part("sampler", lambda: reading.read_samplers(self._known(), self._known_truth()), ()),
            mistakes=mistakes,
            photos=photos,
            runs=self._part("runs", lambda: reading.read_runs(folder), ()),
            missing=self._missing,
        )

    def _part(self, section: str, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except BunriError as error:
            self._missing[section] = str(error)
            return otherwise

    def _known(self) -> Experiment:
        if self._experiment is None:
            raise DataError(self._missing["experiment"])
        return self._experiment

    def _read_truth(self) -> Dataset:
        return reading.read_truth(self._folder, self._known())

    def _known_truth(self) -> Dataset:
        if self._truth is None:
            raise DataError(self._missing["data"])
        return self._truth

    def _shown_members(self) -> list[str]:
        """The best single model, and the ensemble where there is one."""
        names = [row.model for row in (self._leaderboard.best_single, self._leaderboard.ensemble) if row is not None]
        if not names:
            raise DataError("pictures need a leaderboard with at least one model")
        return names

    def _mistakes(self) -> _MistakesAndPhotos:
        truth = self._known_truth()
        members = reading.read_members(self._folder, self._shown_members(), truth)
        matches: list[Matches] = [match(member, truth) for member in members]
        return [mistakes_of(found, truth) for found in matches], worst_photos(matches, truth)
