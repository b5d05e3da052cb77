"""What a report says, as plain facts; drawing them is another module's work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic.dataclasses import dataclass as checked_dataclass

from bunri.report.ensemble_facts import Ensemble, MeasuredGains
from bunri.report.intervals import FROM_FILES, Interval
from bunri.report.member_facts import ClassFacts, MemberFacts, Rescues


@checked_dataclass(frozen=True, config=FROM_FILES)
class Row:
    """One line of the leaderboard; ``mAP50`` is out of fold where there are folds."""

    model: str
    stages: str | None
    mAP50: Interval
    mAP50_95: float | None
    test_mAP50: Interval
    minutes: float | None
    is_ensemble: bool = False
    images: int | None = None
    stopped_early: str | None = None


@checked_dataclass(frozen=True, config=FROM_FILES)
class Gain:
    """What the ensemble has over the best single model, compared in pairs, out of fold or on test."""

    place: str
    best_model: str
    difference: Interval
    verdict: Literal["better", "worse", "undecided", "equal"]
    experiment: str = ""


@dataclass(frozen=True)
class Leaderboard:
    """All rows, and what the ensembles gain."""

    rows: Sequence[Row] = ()
    gains: Sequence[Gain] = ()

    @property
    def best_single(self) -> Row | None:
        """The best row out of fold that is not an ensemble."""
        singles = [row for row in self.rows if not row.is_ensemble]
        return max(singles, key=lambda row: row.mAP50.value or 0.0, default=None)

    @property
    def ensemble(self) -> Row | None:
        """The first row of an ensemble."""
        return next((row for row in self.rows if row.is_ensemble), None)


@checked_dataclass(frozen=True, config=FROM_FILES)
class Curve:
    """A scalar of one run over its steps."""

    model: str
    run: str
    name: str
    steps: tuple[float, ...]
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class SeenClass:
    """How often a class is seen in an epoch, without and with the sampler."""

    name: str
    boxes: int
    boxes_sampled: float


@dataclass(frozen=True)
class Sampler:
    """What a repeat-factor threshold does, and to which models it belongs."""

    threshold: float
    models: tuple[str, ...]
    classes: Sequence[SeenClass]
    epoch_length_ratio: float
    warning: str | None
    own: str | None = None
    """The path of a function of the user's own, which the page does not run: its classes are those of plain epochs."""


@checked_dataclass(frozen=True, config=FROM_FILES)
class Verdict:
    """A claim and what the data say of it.

    Attributes:
        name: Its id.
        claim: In words.
        effect: As arms, such as ``b - a``.
        metric: It is about.
        smallest: Effect that would matter.
        value: The effect with its interval, both of the family-wise level.
        verdict: ``supported``, ``refuted`` or ``undecided``.
        p_value: Of support, corrected over the claims of the file.
        power: At the smallest effect.
        notes: What a reader must know besides.
    """

    name: str
    claim: str
    effect: str
    metric: str
    smallest: float
    value: Interval
    verdict: str
    p_value: float | None
    power: float | None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class RunFacts:
    """The manifest of a run, as lines for people."""

    label: str
    status: str
    facts: Mapping[str, str]


@dataclass(frozen=True)
class ReportFacts:
    """Everything on the page but the photos. ``missing`` says by section what is left out and why."""

    title: str
    images: int | None
    boxes: int | None
    leaderboard: Leaderboard
    curves: Sequence[Curve]
    classes: Sequence[ClassFacts]
    members: Sequence[MemberFacts]
    rescues: Rescues | None
    ensembles: Sequence[Ensemble]
    measured_gains: Sequence[MeasuredGains]
    verdicts: Sequence[Verdict]
    samplers: Sequence[Sampler]
    runs: Sequence[RunFacts]
    missing: Mapping[str, Sequence[str]]


Json = Mapping[str, Any]
"""The top of a JSON file of ours."""
