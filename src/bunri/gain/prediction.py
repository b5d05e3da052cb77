"""Whether error overlap foretells the gain of fusing: a regression over pairs, judged on pairs it did not see."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from bunri.boxes import FloatArray
from bunri.evaluate.metrics import none_if_nan
from bunri.gain.features import OverlapFeatures
from bunri.gain.pairs import Pair

LEAST_PAIRS = 6
"""A regression on three numbers wants more pairs than that many; those of four members are the least."""

RIDGE = 1.0
"""Penalty on standardized features: with few pairs the mean of the others is hard to beat."""


@dataclass(frozen=True)
class GainPrediction:
    """How well the overlap foretold the gain of each pair, left out of the regression.

    Pairs share members, so that few members say little however many pairs they make; the interval of the correlation
    is of leaving out each member with all its pairs in turn (jackknife), not of pairs as if each stood for itself.

    Attributes:
        pairs: How many.
        members: How many they are of.
        rank_correlation: Spearman's, of foretold and measured gains; NaN where either is the same for all.
        low: Of its 95% interval; NaN with fewer than five members.
        high: Of the same.
        rescued_rank_correlation: The same of ``OverlapFeatures.rescued`` alone, without a regression.
        mean_error: Mean absolute error of the foretold gains.
        mean_error_of_mean: The same of foretelling the mean gain of the other pairs.
    """

    pairs: int
    members: int
    rank_correlation: float
    low: float
    high: float
    rescued_rank_correlation: float
    mean_error: float
    mean_error_of_mean: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; NaN becomes None."""
        return {key: none_if_nan(v) if isinstance(v, float) else v for key, v in asdict(self).items()}


def predict_pairs(pairs: Sequence[Pair]) -> tuple[list[Pair], GainPrediction | None]:
    """The pairs with what the other pairs foretell, and how good that is; None where there are too few."""
    if len(pairs) < LEAST_PAIRS:
        return list(pairs), None
    gains = np.array([pair.gain for pair in pairs])
    predicted = np.array([predict_gain(_without(pairs, k), pair.features) for k, pair in enumerate(pairs)])
    means = (gains.sum() - gains) / (len(gains) - 1)
    rescued = np.array([pair.features.rescued for pair in pairs])
    low, high = _jackknifed(pairs, predicted, gains)
    found = GainPrediction(
        pairs=len(pairs),
        members=len(_members(pairs)),
        rank_correlation=rank_correlation(predicted, gains),
        low=low,
        high=high,
        rescued_rank_correlation=rank_correlation(rescued, gains),
        mean_error=float(np.abs(predicted - gains).mean()),
        mean_error_of_mean=float(np.abs(means - gains).mean()),
    )
    return [replace(pair, predicted=float(gain)) for pair, gain in zip(pairs, predicted, strict=True)], found


def predict_gain(pairs: Sequence[Pair], features: OverlapFeatures) -> float | None:
    """The gain that pairs of known gain foretell for two members; None where there are too few pairs."""
    if len(pairs) < LEAST_PAIRS - 1:
        return None
    rows, gains = np.array([pair.features.row for pair in pairs]), np.array([pair.gain for pair in pairs])
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    x, y = (rows - mean) / scale, gains - gains.mean()
    slope = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ y)
    return float(gains.mean() + (np.array(features.row) - mean) / scale @ slope)


def rank_correlation(a: FloatArray, b: FloatArray) -> float:
    """Spearman's; NaN where either is constant or there are fewer than three."""
    from scipy.stats import rankdata

    ranks = [rankdata(values) for values in (a, b)]
    if len(a) < 3 or any(np.ptp(rank) == 0 for rank in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def _without(pairs: Sequence[Pair], row: int) -> list[Pair]:
    return [pair for k, pair in enumerate(pairs) if k != row]


def _members(pairs: Sequence[Pair]) -> list[str]:
    return sorted({name for pair in pairs for name in (pair.a, pair.b)})


def _jackknifed(pairs: Sequence[Pair], predicted: FloatArray, gains: FloatArray) -> tuple[float, float]:
    """The 95% interval of the correlation: of the scatter when each member is left out with all its pairs."""
    from scipy.special import stdtrit

    members = _members(pairs)
    rows = [np.array([name not in (pair.a, pair.b) for pair in pairs]) for name in members]
    without = np.array([rank_correlation(predicted[row], gains[row]) for row in rows])
    if len(members) < 5 or np.isnan(without).any():
        return float("nan"), float("nan")
    error = np.sqrt((len(members) - 1) * without.var())
    width = float(stdtrit(len(members) - 1, 0.975)) * error
    middle = rank_correlation(predicted, gains)
    return float(max(middle - width, -1.0)), float(min(middle + width, 1.0))
