"""What a report says of ensembles and of what members bring, as plain facts."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic.dataclasses import dataclass as checked_dataclass

from bunri.report.intervals import FROM_FILES, Interval


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
