"""What is kept of one model, ensemble or submission."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["model", "ensemble"]


@dataclass(frozen=True)
class Entry:
    """A model (all its folds) or an ensemble of an experiment; scores on a 0-1 scale, None where not known.

    Attributes:
        name: ``experiment/model``; an ensemble's ends in ``/ensemble``.
        kind: Model or ensemble.
        folder: Where it lies.
        out_of_fold: mAP50 out of fold.
        low: Of its 95% interval.
        high: Of the same.
        test: mAP50 on annotated test images.
        leaderboard: What a competition's board said of its submission, typed in by the user.
        minutes: Compute time of training and predicting, of an ensemble that of its members.
        members: Names of the models of an ensemble.
        recipe: The recipe of an ensemble in words.
        facts: Git commit, hashes of the data, versions.
        ended: When its last run ended, ISO 8601.
    """

    name: str
    kind: Kind
    folder: str
    out_of_fold: float | None = None
    low: float | None = None
    high: float | None = None
    test: float | None = None
    leaderboard: float | None = None
    minutes: float | None = None
    members: tuple[str, ...] = ()
    recipe: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    ended: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
