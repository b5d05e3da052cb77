"""What the entries of a ledger say together: whether validation can be trusted, and what is worth its time."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bunri.boxes import FloatArray
from bunri.ledger.entries import Entry

RESAMPLES = 2000
FEWEST = 3
"""Pairs below which nothing is said of a correlation."""


@dataclass(frozen=True)
class Agreement:
    """How far validation and another score put the entries in the same order.

    Attributes:
        pairs: Entries that have both scores.
        correlation: Spearman's rank correlation; None with fewer than three pairs or where all are equal.
        low: Of its 95% interval over resampled entries.
        high: Of the same.
        optimism: Validation minus the other score, of the entry that validation puts first.
        mean_difference: The same, mean over all entries.
    """

    pairs: int
    correlation: float | None = None
    low: float | None = None
    high: float | None = None
    optimism: float | None = None
    mean_difference: float | None = None


@dataclass(frozen=True)
class Insight:
    """What is learned of a project so far.

    Attributes:
        leaderboard: Validation against the leaderboard.
        test: Validation against annotated test images.
        best: Name of the entry with the highest score out of fold.
        best_value: Names by mAP50 for each hour of compute, best first.
    """

    leaderboard: Agreement
    test: Agreement
    best: str | None
    best_value: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def insight(entries: Sequence[Entry]) -> Insight:
    """Look at all entries together."""
    scored = sorted((e for e in entries if e.out_of_fold is not None), key=lambda e: -(e.out_of_fold or 0.0))
    timed = [e for e in scored if e.minutes]
    return Insight(
        leaderboard=agreement([(e.out_of_fold, e.leaderboard) for e in scored]),
        test=agreement([(e.out_of_fold, e.test) for e in scored]),
        best=scored[0].name if scored else None,
        best_value=tuple(e.name for e in sorted(timed, key=lambda e: -(e.out_of_fold or 0) / (e.minutes or 1))),
    )


def agreement(scores: Sequence[tuple[float | None, float | None]]) -> Agreement:
    """Compare validation (first) with another score (second); pairs with a gap are left out."""
    known = np.array([pair for pair in scores if None not in pair], np.float64).reshape(-1, 2)
    if not len(known):
        return Agreement(0)
    first = known[np.argmax(known[:, 0])]
    low, high = _interval(known)
    return Agreement(
        pairs=len(known),
        correlation=_spearman(known),
        low=low,
        high=high,
        optimism=float(first[0] - first[1]),
        mean_difference=float((known[:, 0] - known[:, 1]).mean()),
    )


def _spearman(pairs: FloatArray) -> float | None:
    """Pearson's correlation of the ranks, equal values sharing their mean rank."""
    from scipy.stats import rankdata

    if len(pairs) < FEWEST:
        return None
    ranks = np.stack([rankdata(column) for column in pairs.T])
    if (ranks.std(axis=1) == 0).any():
        return None
    return float(np.corrcoef(ranks)[0, 1])


def _interval(pairs: FloatArray) -> tuple[float | None, float | None]:
    random = np.random.default_rng(0)
    drawn = [_spearman(pairs[random.integers(0, len(pairs), len(pairs))]) for _ in range(RESAMPLES)]
    known = [value for value in drawn if value is not None]
    if not known:
        return None, None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)
