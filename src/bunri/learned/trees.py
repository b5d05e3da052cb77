"""Gradient-boosted trees (LightGBM, Ke et al. 2017) that say how likely a candidate is true."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bunri.boxes import BoolArray, FloatArray
from bunri.errors import MissingPackageError
from bunri.learned.features import Features
from bunri.learned.forest import Forest
from bunri.learned.lightgbm_trees import forest_of


@dataclass(frozen=True)
class TreeSettings:
    """How the trees grow. Measured on real out-of-fold predictions; see ``docs/learned-fusion.md``.

    Attributes:
        seeds: So many models are averaged, with seeds of their own. Every second one does not know the classes, only
            how the scores of the own one and the others compare: what it learns of a place, rare classes share.
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
    """Fitted trees.

    Attributes:
        forest: Of all seeds; they add up to log-odds.
        gains: Share of the gain of each feature, by name in the order of the features; sums to 1.
    """

    forest: Forest
    gains: dict[str, float]

    def probability(self, features: Features) -> FloatArray:
        """How likely each of N candidates is true, ``(N,)`` in [0, 1]."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.forest.total(features.values), -60, 60))))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"forest": self.forest.to_dict(), "gains": self.gains}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Trees":
        """Back from ``to_dict``.

        Raises:
            ValueError: The trees are not whole.
        """
        gains = {str(name): float(share) for name, share in values["gains"].items()}
        return cls(Forest.from_dict(values["forest"]), gains)


def grow(
    features: Features,
    is_true: BoolArray,
    settings: TreeSettings,
    seed: int = 0,
    threads: int = 1,
    go_on: Callable[[int], bool] = lambda grown: True,
) -> Trees:
    """Fit trees to candidates that are true or not.

    Args:
        features: Of N candidates.
        is_true: ``(N,)``
        settings: How they grow.
        seed: The models use the seeds ``seed``, ``seed + 1`` and so on.
        threads: Of LightGBM; the trees are the same.
        go_on: Is asked after each model, with their number; False ends it with those there are.
    """
    lightgbm, gains, models = _lightgbm(), np.zeros(len(features.names)), []
    kinds = [features, features.without_classes()][: settings.seeds]
    data = [_data(lightgbm, kind, is_true, settings) for kind in kinds]
    for k in range(settings.seeds):
        booster = lightgbm.train(settings.parameters(seed + k, threads), data[k % 2], settings.rounds)
        models.append(booster.model_to_string())
        gains += booster.feature_importance("gain")
        if not go_on(k + 1):
            break
    shares = gains / max(gains.sum(), 1e-300)
    return Trees(forest_of(models, len(features.names)), dict(zip(features.names, shares.tolist(), strict=True)))


def _data(lightgbm: Any, features: Features, is_true: BoolArray, settings: TreeSettings) -> Any:
    parameters = {"max_bin": settings.bins, "verbosity": -1}
    return lightgbm.Dataset(features.values, is_true.astype(np.float64), params=parameters)


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError as error:
        raise MissingPackageError(
            "learned fusion needs LightGBM, but it is not installed. Install it with `pip install lightgbm`."
        ) from error
    return lightgbm
