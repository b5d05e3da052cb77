"""Gathers all facts of what a page is about."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bunri.dataset import Dataset
from bunri.diagnosis.mistakes import Matches, match
from bunri.evaluate import evaluate_with_intervals
from bunri.predictions import Predictions
from bunri.report import reading
from bunri.report.ensemble_facts import Ensemble, MeasuredGains
from bunri.report.ensembles import read_ensemble
from bunri.report.facts import Leaderboard, ReportFacts, Row, Sampler, Verdict
from bunri.report.gains import gain_files, read_gains
from bunri.report.intervals import Interval
from bunri.report.material import Material, Parts
from bunri.report.member_facts import ClassFacts, MemberFacts
from bunri.report.members import member_facts, rescues
from bunri.report.sources import Sources
from bunri.report.verdicts import read_verdicts, verdict_files


@dataclass(frozen=True)
class Gathered:
    """The facts of a page; and what its photos are drawn from: the truth and each member's boxes, ensembles last."""

    facts: ReportFacts
    truth: Dataset | None
    matches: Sequence[Matches]


def gather(sources: Sources) -> Gathered:
    """Everything that can be read of what a page is about; the facts say what could not be, and why.

    Raises:
        DataError: Annotations or predictions named by file cannot be read.
    """
    return _Gathering(sources).gathered()


class _Gathering:
    def __init__(self, sources: Sources) -> None:
        self._sources, self._parts = sources, Parts()
        self._material = Material(sources, self._parts)

    def gathered(self) -> Gathered:
        truth = self._material.truth
        matches = [match(member, truth) for member in self._material.members] if truth is not None else []
        return Gathered(self._facts(matches), truth, matches)

    def _facts(self, matches: Sequence[Matches]) -> ReportFacts:
        sources, truth, part = self._sources, self._material.truth, self._parts.part
        facts = ReportFacts(
            title=sources.title,
            images=None if truth is None else len(truth),
            boxes=None if truth is None else int(truth.boxes_per_class().sum()),
            leaderboard=self._leaderboard(),
            curves=part("curves", lambda: reading.read_curves(sources), ()),
            classes=() if truth is None else _classes(truth),
            members=() if truth is None else self._member_facts(truth),
            rescues=rescues(matches, truth) if truth is not None and len(matches) > 1 else None,
            ensembles=self._ensembles(),
            measured_gains=self._measured_gains(),
            verdicts=self._verdicts(),
            samplers=() if truth is None else self._samplers(truth),
            runs=part("runs", lambda: reading.read_runs(sources), ()),
            missing={},
        )
        return replace(facts, missing=self._parts.missing)

    def _leaderboard(self) -> Leaderboard:
        """The rows of the experiments, and those measured here of members that are in none of them."""
        boards = [
            self._parts.part("leaderboard", partial(reading.read_leaderboard, self._sources, folder), Leaderboard())
            for folder in self._sources.experiments
        ]
        rows = [row for board in boards for row in board.rows]
        known = {row.model for row in rows}
        if self._material.truth is not None:
            unknown = (member for member in self._material.members if member.name not in known)
            rows += [self._measured(member, self._material.truth) for member in unknown]
        return Leaderboard(tuple(rows), tuple(gain for board in boards for gain in board.gains))

    def _measured(self, member: Predictions, truth: Dataset) -> Row:
        scores = evaluate_with_intervals(member, truth)
        return Row(
            model=member.name,
            stages=None,
            mAP50=Interval(scores.evaluation.mAP50, scores.mAP50.low, scores.mAP50.high),
            mAP50_95=scores.evaluation.mAP50_95,
            test_mAP50=Interval(None),
            minutes=None,
            is_ensemble=member.name in self._material.ensembles,
            images=scores.evaluation.images,
        )

    def _member_facts(self, truth: Dataset) -> tuple[MemberFacts, ...]:
        material = self._material
        return tuple(member_facts(member, truth, member.name in material.ensembles) for member in material.members)

    def _ensembles(self) -> tuple[Ensemble, ...]:
        read = (self._parts.part("ensemble", partial(self._ensemble, one), None) for one in self._sources.experiments)
        return tuple(ensemble for ensemble in read if ensemble is not None)

    def _ensemble(self, folder: Path) -> Ensemble:
        members = {member.name: member for member in self._material.members}
        names = {path.name: self._sources.label(folder, path.name) for path in folder.iterdir()}
        own = {name: members[label] for name, label in names.items() if label in members}
        return read_ensemble(folder, own, self._material.truth if folder in self._material.comparable else None)

    def _measured_gains(self) -> tuple[MeasuredGains, ...]:
        read = (self._parts.part("ensemble", partial(read_gains, path), None) for path in gain_files(self._sources))
        return tuple(gains for gains in read if gains is not None)

    def _verdicts(self) -> tuple[Verdict, ...]:
        none = tuple[Verdict, ...]()
        files = verdict_files(self._sources)
        return tuple(one for path in files for one in self._parts.part("verdicts", partial(read_verdicts, path), none))

    def _samplers(self, truth: Dataset) -> tuple[Sampler, ...]:
        none, part = tuple[Sampler, ...](), self._parts.part
        folders = self._material.comparable
        return tuple(
            one for folder in folders for one in part("sampler", partial(self._samplers_of, folder, truth), none)
        )

    def _samplers_of(self, folder: Path, truth: Dataset) -> tuple[Sampler, ...]:
        label = partial(self._sources.label, folder)
        samplers = reading.read_samplers(reading.read_experiment(folder), truth)
        return tuple(replace(one, models=tuple(map(label, one.models))) for one in samplers)


def _classes(truth: Dataset) -> tuple[ClassFacts, ...]:
    """All classes, the most frequent first."""
    pairs = zip(truth.class_names, truth.boxes_per_class().tolist(), strict=True)
    return tuple(ClassFacts(name, boxes) for name, boxes in sorted(pairs, key=lambda pair: -pair[1]))
