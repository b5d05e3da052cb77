"""The result of ``bunri gain`` as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bunri.evaluate.metrics import none_if_nan
from bunri.gain.adding import AddedMember
from bunri.gain.pairs import Pair
from bunri.gain.prediction import GainPrediction
from bunri.gain.shares import Shares


@dataclass(frozen=True, eq=False)
class GainReport:
    """What each addition buys, and how all members stand to each other.

    Attributes:
        added: One for each member to add, in the order given.
        shares: Shapley's shares over the members, and the greedy curve, on the images all members looked at; None where
            they have none in common.
        pairs: Of all members, on the same images.
        prediction: How well overlap foretells the gain of pairs; None where there are too few pairs.
        member_families: Names of the members of each family, as given.
        images: How many images all members looked at.
        groups: In how many groups.
        folds: Number of folds.
        min_score: The floor all members were cut at.
        lowest_scores: The lowest score of each member after that, by name.
        notes: What to know before believing the numbers.
    """

    added: tuple[AddedMember, ...]
    shares: Shares | None
    pairs: tuple[Pair, ...]
    prediction: GainPrediction | None
    member_families: Mapping[str, tuple[str, ...]]
    images: int
    groups: int
    folds: int
    min_score: float
    lowest_scores: Mapping[str, float]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; docs/gain.md says what each key holds."""
        return {
            "gains": [one.to_dict() for one in self.added],
            "shares": None if self.shares is None else self.shares.to_dict(),
            "pairs": [pair.to_dict() for pair in self.pairs],
            "prediction": None if self.prediction is None else self.prediction.to_dict(),
            "member_families": {name: list(members) for name, members in self.member_families.items()},
            "images": self.images,
            "groups": self.groups,
            "folds": self.folds,
            "min_score": self.min_score,
            "lowest_scores": {name: none_if_nan(score) for name, score in self.lowest_scores.items()},
            "notes": list(self.notes),
        }
