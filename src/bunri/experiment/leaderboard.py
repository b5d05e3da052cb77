"""The leaderboard: every model out of fold and on test with intervals, the ensemble last with what it gains."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from bunri.config import Experiment
from bunri.dataset import Dataset
from bunri.evaluate import Comparison, compare, evaluate_with_intervals
from bunri.evaluate.metrics import none_if_nan
from bunri.experiment.data import ExperimentData
from bunri.experiment.ensemble import NAME
from bunri.experiment.gathering import LeftOut, Member
from bunri.experiment.provenance import made_by
from bunri.files import write_json
from bunri.predictions import Predictions

Scores = dict[str, Any]
"""An evaluation as plain values, with ``mAP50_low`` and ``mAP50_high``, the ends of its 95% interval."""


@dataclass(frozen=True)
class Row:
    """One line; rates on a 0-1 scale, None where not known."""

    model: str
    stages: str | None
    mAP50: float | None
    low: float | None
    high: float | None
    mAP50_95: float | None
    test_mAP50: float | None
    test_low: float | None
    test_high: float | None
    minutes: float | None
    is_ensemble: bool = False
    stopped_early: str | None = None
    """Why and when the model was given up; it has no scores then."""


@dataclass(frozen=True)
class Leaderboard:
    """What came out of an experiment.

    Attributes:
        experiment: Its name.
        folder: Where everything lies.
        rows: The models in the order of the file, the ensemble last.
        gain: The ensemble against the best single model out of fold, in pairs.
        test_gain: The same two on test, in pairs: neither was chosen by looking at the test images.
    """

    experiment: str
    folder: Path
    rows: tuple[Row, ...]
    gain: Comparison | None = None
    test_gain: Comparison | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "experiment": self.experiment,
            "folder": str(self.folder),
            "rows": [asdict(row) for row in self.rows],
            "gain": self.gain.to_dict() if self.gain else None,
            "test_gain": self.test_gain.to_dict() if self.test_gain else None,
        }

    @property
    def gain_in_words(self) -> list[str]:
        """A sentence on what the ensemble gains, out of fold and on test."""
        gains = {"out of fold": self.gain, "on test": self.test_gain}
        return [
            f"{place}, the ensemble's mAP50 minus that of {gain.b}, the best single model: "
            f"{gain.difference_in_words}, {gain.verdict}"
            for place, gain in gains.items()
            if gain is not None
        ]


def make_leaderboard(
    experiment: Experiment,
    members: Sequence[Member],
    ensemble: Member | None,
    data: ExperimentData,
    left_out: Sequence[LeftOut] = (),
) -> Leaderboard:
    """Evaluate all, write each ``evaluation.json`` and ``leaderboard.json``; who is left out has no scores."""
    everyone = [*members, *([ensemble] if ensemble else [])]
    scores = {member.name: evaluate_member(member, data) for member in everyone}
    rows = {member.name: _row(member, scores[member.name], member is ensemble) for member in everyone}
    rows |= {model.name: _row_without_scores(model) for model in left_out}
    board = Leaderboard(
        experiment=experiment.name,
        folder=experiment.folder,
        rows=tuple(rows[name] for name in (*(model.name for model in experiment.models), NAME) if name in rows),
        gain=_gain(members, ensemble, scores, data) if ensemble else None,
        test_gain=_test_gain(members, ensemble, scores, data) if ensemble else None,
    )
    made = {"made_by": made_by(data.source_sha256)}
    write_json(experiment.folder / "leaderboard.json", board.to_dict() | made)
    return board


def evaluate_member(member: Member, data: ExperimentData) -> dict[str, Scores | None]:
    """Scores ``out_of_fold`` and on ``test``, written to ``evaluation.json``; test is None where there is no truth."""
    test = None
    if member.test is not None and data.test_truth is not None:
        test = _scores(member.test, data.test_truth, None)
    scores = {"out_of_fold": _scores(member.out_of_fold, data.train, data.groups), "test": test}
    write_json(member.folder / "evaluation.json", scores)
    return scores


def _scores(predictions: Predictions, truth: Dataset, groups: ArrayLike | None) -> Scores:
    found = evaluate_with_intervals(predictions, truth, groups=groups)
    return {
        **found.evaluation.to_dict(),
        "mAP50_low": none_if_nan(found.mAP50.low),
        "mAP50_high": none_if_nan(found.mAP50.high),
    }


def _row(member: Member, scores: Mapping[str, Scores | None], is_ensemble: bool) -> Row:
    inside, test = scores["out_of_fold"] or {}, scores["test"] or {}
    return Row(
        model=member.name,
        stages=member.stages,
        mAP50=inside.get("mAP50"),
        low=inside.get("mAP50_low"),
        high=inside.get("mAP50_high"),
        mAP50_95=inside.get("mAP50_95"),
        test_mAP50=test.get("mAP50"),
        test_low=test.get("mAP50_low"),
        test_high=test.get("mAP50_high"),
        minutes=member.minutes,
        is_ensemble=is_ensemble,
    )


def _row_without_scores(model: LeftOut) -> Row:
    nothing = (None, None, None, None, None, None, None)
    return Row(model.name, model.stages, *nothing, model.minutes, stopped_early=model.reason)


AllScores = Mapping[str, Mapping[str, Scores | None]]


def _gain(members: Sequence[Member], ensemble: Member, scores: AllScores, data: ExperimentData) -> Comparison:
    best = best_single(members, scores)
    return compare(ensemble.out_of_fold, best.out_of_fold, data.train, groups=data.groups)


def _test_gain(
    members: Sequence[Member], ensemble: Member, scores: AllScores, data: ExperimentData
) -> Comparison | None:
    best = best_single(members, scores)
    if ensemble.test is None or best.test is None or data.test_truth is None:
        return None
    return compare(ensemble.test, best.test, data.test_truth)


def best_single(members: Sequence[Member], scores: AllScores) -> Member:
    """The model of the highest mAP50 out of fold, which is how one would choose; of equal ones the first."""
    return max(members, key=lambda member: (scores[member.name]["out_of_fold"] or {}).get("mAP50") or 0.0)
