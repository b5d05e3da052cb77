"""Gradient-boosted trees (LightGBM, Ke et al. 2017) that say how likely a candidate is true."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bunri.boxes import FloatArray
from bunri.learned.features import Features
from bunri.learned.forest import Forest

FORESTS = ("direct", "objects", "named")

SURE = 1e-9
"""No product of two steps is taken for surer than this."""


@dataclass(frozen=True)
class TreeSettings:
    """How the trees grow. Measured on real out-of-fold predictions; see ``docs/learned-fusion.md``.

    Attributes:
        seeds: So many models are averaged, in turns of three kinds: one that is asked in two steps, see ``Trees``; one
            that is asked at once whether a candidate is true; and one that is asked the same but does not know the
            classes, only how the scores of the own one and the others compare.
        rounds: Trees of each.
        learning_rate: Of boosting.
        leaves: Of each tree.
        least_in_leaf: Candidates in a leaf, at least.
        feature_share: Share of the features a tree may look at.
        row_share: Share of the candidates a tree is grown on.
        l2: Penalty on the values of the leaves.
        bins: Of each feature.
    """

    seeds: int = 4
    rounds: int = 150
    learning_rate: float = 0.08
    leaves: int = 31
    least_in_leaf: int = 40
    feature_share: float = 0.3
    row_share: float = 0.7
    l2: float = 5.0
    bins: int = 63

    def parameters(self, seed: int, threads: int) -> dict[str, object]:
        """In LightGBM's words; the same numbers give the same trees with any number of threads."""
        return {
            "objective": "binary",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.least_in_leaf,
            "feature_fraction": self.feature_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "lambda_l2": self.l2,
            "max_bin": self.bins,
            "seed": seed,
            "num_threads": threads,
            "deterministic": True,
            "force_col_wise": True,
            "verbosity": -1,
        }


@dataclass(frozen=True, eq=False)
class Trees:
    """Fitted trees. Two kinds of answers are averaged as log-odds, as they err elsewhere.

    Attributes:
        direct: How likely a candidate is true, asked at once.
        objects: How likely there is an object of any class. Far more candidates are on one than are true, and what is
            learned from all of them holds for rare classes too.
        named: How likely the class is the right one where there is an object.
        in_steps: Share of the models that are asked in two steps, ``objects`` times ``named``, in [0, 1].
        gains: Share of the gain of each feature, by name in the order of the features; sums to 1.
    """

    direct: Forest
    objects: Forest
    named: Forest
    in_steps: float
    gains: dict[str, float]

    def __post_init__(self) -> None:
        if not 0 <= self.in_steps <= 1:
            raise ValueError(f"the share of models in two steps must lie in [0, 1], but it is {self.in_steps}")
        asked = (self.direct, self.objects, self.named) if self.in_steps else (self.direct,)
        if any(forest.features != len(self.gains) for forest in asked):
            raise ValueError(f"all trees must ask for the {len(self.gains)} features that have a gain, but do not")

    def probability(self, features: Features) -> FloatArray:
        """How likely each of N candidates is true, ``(N,)`` in [0, 1]."""
        log_odds = (1 - self.in_steps) * self.direct.total(features.values)
        if self.in_steps:
            log_odds += self.in_steps * self._log_odds_in_steps(features)
        return _sigmoid(log_odds)

    def _log_odds_in_steps(self, features: Features) -> FloatArray:
        both = (_sigmoid(forest.total(features.values)) for forest in (self.objects, self.named))
        share = np.clip(np.prod(list(both), axis=0), SURE, 1 - SURE)
        return np.asarray(np.log(share) - np.log1p(-share))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        forests = {name: getattr(self, name).to_dict() for name in FORESTS}
        return {**forests, "in_steps": self.in_steps, "gains": self.gains}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Trees":
        """Back from ``to_dict``.

        Raises:
            ValueError: The trees are not whole.
        """
        gains = {str(name): float(share) for name, share in values["gains"].items()}
        forests = {name: Forest.from_dict(values[name]) for name in FORESTS}
        return cls(**forests, in_steps=float(values["in_steps"]), gains=gains)


def _sigmoid(log_odds: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -60, 60))))
