"""What a report says, as plain facts; drawing them is another module's work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bunri.boxes import FloatArray
from bunri.diagnosis.mistakes import Kind


@dataclass(frozen=True)
class Interval:
    """A number with its 95% interval; a part that is not known is None."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Row:
    """One line of the leaderboard; ``mAP50`` is out of fold."""

    model: str
    stages: str | None
    mAP50: Interval
    mAP50_95: float | None
    test_mAP50: Interval
    minutes: float | None
    is_ensemble: bool = False


@dataclass(frozen=True)
class Gain:
    """What the ensemble has over the best single model, compared in pairs, out of fold or on test."""

    place: str
    best_model: str
    difference: Interval
    verdict: str


@dataclass(frozen=True)
class Leaderboard:
    """All rows, the ensemble last, and what it gains."""

    rows: Sequence[Row] = ()
    gains: Sequence[Gain] = ()

    @property
    def best_single(self) -> Row | None:
        """The best row out of fold that is not the ensemble."""
        singles = [row for row in self.rows if not row.is_ensemble]
        return max(singles, key=lambda row: row.mAP50.value or 0.0, default=None)

    @property
    def ensemble(self) -> Row | None:
        """The row of the ensemble."""
        return next((row for row in self.rows if row.is_ensemble), None)


@dataclass(frozen=True)
class Curve:
    """A scalar of one run over its steps."""

    model: str
    run: str
    name: str
    steps: tuple[float, ...]
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class ClassScores:
    """AP50 of one class by member, and how many boxes there are to find."""

    name: str
    boxes: int
    AP50: Mapping[str, float | None]


@dataclass(frozen=True)
class SearchStep:
    """A better candidate on a family's way; ``mAP50`` is of the images it was chosen on, which flatters it."""

    family: str
    stage: str
    recipe: str
    mAP50: float
    candidates: int


@dataclass(frozen=True)
class EnsembleMember:
    """A member with its weight and the score below which its boxes are left out."""

    name: str
    weight: float
    min_score: float


@dataclass(frozen=True)
class Ensemble:
    """How the models became one: the recipe in words, the members, and the way there."""

    recipe: str
    members: Sequence[EnsembleMember]
    path: Sequence[SearchStep]


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


@dataclass(frozen=True)
class Mistakes:
    """Boxes of each kind of one member, above the score at which its F1 is highest."""

    member: str
    threshold: float
    kinds: Mapping[Kind, int]
    missed: int


@dataclass(frozen=True)
class ShownBox:
    """A box on a photo: a predicted one with its score and kind, or an object with ``score`` None."""

    label: str
    box_xyxy: tuple[float, float, float, float]
    kind: str
    score: float | None = None


@dataclass(frozen=True)
class Panel:
    """What one member says about a photo, or the truth."""

    title: str
    boxes: tuple[ShownBox, ...]


@dataclass(frozen=True)
class PhotoFacts:
    """A photo with its panels; ``errors`` are the last panel's wrong boxes and missed objects."""

    name: str
    path: str
    width: int
    height: int
    errors: int
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class RunFacts:
    """The manifest of a run, as lines for people."""

    label: str
    status: str
    facts: Mapping[str, str]


@dataclass(frozen=True)
class ReportFacts:
    """Everything on the page. ``missing`` says by section what is left out and why."""

    title: str
    images: int | None
    boxes: int | None
    leaderboard: Leaderboard
    curves: Sequence[Curve]
    classes: Sequence[ClassScores]
    ensemble: Ensemble | None
    samplers: Sequence[Sampler]
    mistakes: Sequence[Mistakes]
    photos: Sequence[PhotoFacts]
    runs: Sequence[RunFacts]
    missing: Mapping[str, str]


def as_box(box: FloatArray) -> tuple[float, float, float, float]:
    """One row of boxes as plain numbers, a tenth of a pixel exact."""
    x_min, y_min, x_max, y_max = (round(float(value), 1) for value in box)
    return x_min, y_min, x_max, y_max


Json = Mapping[str, Any]
"""The top of a JSON file of ours."""
