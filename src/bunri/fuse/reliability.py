"""How well scores mean what they say: the reliability table and the expected calibration error."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bunri.boxes import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Reliability:
    """How well scores mean what they say, in bins of the score.

    Attributes:
        edge: ``(B + 1,)`` borders of the bins.
        count: ``(B,)`` boxes.
        mean_score: ``(B,)`` NaN where there is no box.
        share_true: ``(B,)`` of the boxes; NaN where there is none.
        ece: Expected calibration error: the mean of ``|share_true - mean_score|`` weighted by ``count`` (Naeini,
            Cooper & Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning").
    """

    edge: FloatArray
    count: IntArray
    mean_score: FloatArray
    share_true: FloatArray
    ece: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; None where there is no box."""
        means: Sequence[tuple[str, FloatArray]] = (("mean_score", self.mean_score), ("share_true", self.share_true))
        columns = {name: [None if np.isnan(v) else float(v) for v in values] for name, values in means}
        return {"edge": self.edge.tolist(), "count": self.count.tolist(), **columns, "ece": self.ece}


def reliability(score: FloatArray, is_true: BoolArray, bins: int = 15) -> Reliability:
    """The reliability of scores ``(N,)`` in bins of equal width; a score on a border belongs to the bin above."""
    edge = np.linspace(0.0, 1.0, bins + 1)
    place = np.minimum((score * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    known = np.where(count > 0, count, np.nan)
    mean_score = np.bincount(place, score, bins) / known
    share_true = np.bincount(place, is_true, bins) / known
    ece = float(np.nansum(count * np.abs(share_true - mean_score)) / max(len(score), 1))
    return Reliability(edge, count, mean_score, share_true, ece)
