"""What a report says, as plain facts; drawing them is another module's work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked_dataclass

from bunri.diagnosis.diagnosing import Share

FROM_FILES = ConfigDict(allow_inf_nan=False)
"""Of facts that are read from files: made of something else they raise a ``ValueError``."""


@checked_dataclass(frozen=True, config=FROM_FILES)
class Interval:
    """A number with its 95% interval; a part that is not known is None."""

    value: float | None
    low: float | None = None
    high: float | None = None


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
class ClassFacts:
    """One class of the data and how many boxes there are to find."""

    name: str
    boxes: int


@dataclass(frozen=True)
class SizeFacts:
    """How a member does on objects of one of COCO's sizes; ``found`` above the score at which its F1 is highest."""

    share: Share
    mAP50: float | None


@dataclass(frozen=True)
class Calibration:
    """Bins of the score that have boxes: the mean score and the share of right boxes; and the calibration error."""

    mean_score: tuple[float, ...]
    share_true: tuple[float, ...]
    ece: float


@dataclass(frozen=True)
class MemberFacts:
    """Where one member's points are, and where they are lost.

    Attributes:
        name: Of the member.
        is_ensemble: Whether it was made of the others.
        threshold: The score from which F1 over all classes is highest; counts are of boxes above it.
        AP50: By class name.
        precision: Precision at the 101 recall levels at IoU 0.5, by class name; classes without boxes are left out.
        counts: Boxes by kind of mistake, and ``missed`` objects.
        lost: mAP50 lost to each kind of mistake.
        sizes: By ``small``, ``medium``, ``large``.
        crowding: Objects found by how many there are on their photo.
        confusion: ``(C + 1) x (C + 1)`` counts, rows the objects' classes, columns the boxes'; the last is nothing.
        calibration: What its scores mean.
    """

    name: str
    is_ensemble: bool
    threshold: float
    AP50: Mapping[str, float | None]
    precision: Mapping[str, Sequence[float]]
    counts: Mapping[str, int]
    lost: Mapping[str, float | None]
    sizes: Mapping[str, SizeFacts]
    crowding: Mapping[str, Share]
    confusion: Sequence[Sequence[int]]
    calibration: Calibration


@dataclass(frozen=True)
class Rescues:
    """Who finds what another misses.

    Attributes:
        members: M names.
        found: Share of the objects each finds.
        rescued: ``M x M``: of the objects the row's member misses, the share the column's finds; None where it misses
            none or the two have no photo in common.
    """

    members: Sequence[str]
    found: Sequence[float | None]
    rescued: Sequence[Sequence[float | None]]


@checked_dataclass(frozen=True, config=FROM_FILES)
class SearchStep:
    """A better candidate on a family's way; ``mAP50`` is of the images it was chosen on, which flatters it."""

    family: str
    stage: str
    recipe: str
    mAP50: float
    candidates: int


@dataclass(frozen=True)
class EnsembleMember:
    """A member with its weight, the score below which its boxes are left out, and what the recipe loses without it."""

    name: str
    weight: float
    min_score: float
    gain: Interval | None = None
    verdict: str | None = None


@dataclass(frozen=True)
class Ensemble:
    """How the models of an experiment became one: the recipe in words, the members, and the way there.

    ``stand_in`` is the recipe that gains are of, in words, where the recipe itself cannot do without a member.
    """

    recipe: str
    members: Sequence[EnsembleMember]
    path: Sequence[SearchStep]
    experiment: str = ""
    gains_missing: str | None = None
    stand_in: str | None = None


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


@checked_dataclass(frozen=True, config=FROM_FILES)
class AddedGain:
    """What a search finds with a member, against one without it, both out of fold: ``bunri gain``."""

    added: str
    gain: Interval
    verdict: str
    mAP50_without: float | None
    mAP50_with: float | None
    recipe_with: str


@checked_dataclass(frozen=True, config=FROM_FILES)
class GainShare:
    """A member's mAP50 alone, and its share of what all have above the best one; it can be below 0."""

    name: str
    mAP50: float
    of_gain: Interval


@checked_dataclass(frozen=True, config=FROM_FILES)
class MeasuredGains:
    """A file of ``bunri gain --json``; without common photos there are no shares.

    Attributes:
        name: Of the file.
        recipe_without: What the search found without the members that were added.
        added: What each brings, on its own.
        shares: Of each member, those that were there too.
        notes: What a reader must know besides.
    """

    name: str
    recipe_without: str
    added: Sequence[AddedGain]
    shares: Sequence[GainShare]
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
