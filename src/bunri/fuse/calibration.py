"""Calibration: scores turned into the share of boxes of that score that are true.

Members of different frameworks mean different things by 0.7; calibrated, they may be averaged. A curve is fitted per
class and drawn toward the curve of all classes the more, the fewer true boxes the class has.

Curves, each a line in ``CURVES``:

- ``isotonic``: the rising step curve of least squares (Zadrozny & Elkan 2002, "Transforming classifier scores into
  accurate multiclass probability estimates"), drawn through the middles of its steps to keep the order of scores.
- ``platt``: ``sigmoid(a * logit(s) + b)`` (Platt 1999, "Probabilistic outputs for support vector machines").
- ``beta``: ``sigmoid(a * ln s - b * ln(1 - s) + c)`` (Kull, Silva Filho & Flach 2017, "Beta calibration"), a, b >= 0.

All curves are kept as their values on a grid of scores, which is what a recipe file has.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.errors import DataError, UsageError
from bunri.predictions import Predictions

GRID = np.linspace(0.0, 1.0, 201)
"""Scores at which curves are kept; between them they are straight."""

POOLING = 50.0
"""True boxes at which a class trusts its own curve as much as that of all classes."""

SLOPE = 0.01
"""Share of the score itself in an isotonic curve: where the curve is flat, the order of the scores must live on."""

Curve = Callable[[FloatArray, BoolArray], FloatArray]
"""Values of a fitted curve on ``GRID`` from scores ``(N,)`` and whether each box is true ``(N,)``."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """The curves of one member.

    Attributes:
        method: One of ``CURVES``.
        table: ``(C, 201)`` the curve of each class on ``GRID``, rising, in [0, 1].
    """

    method: str
    table: FloatArray

    def apply(self, score: FloatArray, class_index: IntArray) -> FloatArray:
        """Calibrated scores ``(N,)``."""
        place = np.clip(score, 0.0, 1.0) * (len(GRID) - 1)
        left = np.minimum(place.astype(np.int64), len(GRID) - 2)
        share = place - left
        return np.asarray(
            (1 - share) * self.table[class_index, left] + share * self.table[class_index, left + 1], np.float64
        )

    def apply_to(self, member: Predictions) -> Predictions:
        """The same boxes with calibrated scores.

        Raises:
            DataError: The member names classes that were not there when it was fitted.
        """
        if member.class_index.max(initial=-1) >= len(self.table):
            raise DataError(
                f"{member.name} names class {member.class_index.max()}, but the calibration has {len(self.table)} "
                "classes, from 0 on. Check the pair of files."
            )
        return with_score(member, self.apply(member.score, member.class_index))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"method": self.method, "table": np.round(self.table, 6).tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Calibration":
        """Back from ``to_dict``.

        Raises:
            DataError: It is not what ``to_dict`` gives.
        """
        try:
            table = np.asarray(values["table"], np.float64)
            if table.ndim != 2 or table.shape[1] != len(GRID):
                raise ValueError(f"the table must be (classes, {len(GRID)}), but it is {table.shape}")
            return cls(str(values["method"]), table)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"a calibration must be whole, but it is not: {error}. Fit it again.") from error


def with_score(member: Predictions, score: FloatArray) -> Predictions:
    """The same boxes with other scores ``(N,)``."""
    return Predictions(member.image_id, member.class_index, score, member.box_xyxy, member.seen_image_id, member.name)


def fit_calibration(
    score: FloatArray, class_index: IntArray, is_true: BoolArray, classes: int, method: str = "isotonic"
) -> Calibration:
    """Fit the curves of one member.

    Args:
        score: ``(N,)`` in [0, 1], of boxes the member was not trained on.
        class_index: ``(N,)``
        is_true: ``(N,)`` whether each box is a true positive.
        classes: C.
        method: One of ``CURVES``.

    Raises:
        UsageError: The method is not known.
        DataError: There is no true box, or no false one.
    """
    if method not in CURVES:
        raise UsageError(f"method must be one of {', '.join(CURVES)}, but got {method!r}")
    if is_true.all() or not is_true.any():
        raise DataError(
            f"calibration needs true and false boxes, but {int(is_true.sum())} of {len(is_true)} are true. "
            "Check the pair of files, or lower the floor of the scores."
        )
    curve = CURVES[method]
    pooled = curve(score, is_true)
    table = np.tile(pooled, (classes, 1))
    for c in range(classes):
        own = class_index == c
        true = int(is_true[own].sum())
        if 0 < true < own.sum():
            trust = true / (true + POOLING)
            table[c] = trust * curve(score[own], is_true[own]) + (1 - trust) * pooled
    return Calibration(method, table)


def calibrate_out_of_fold(
    score: FloatArray,
    class_index: IntArray,
    is_true: BoolArray,
    fold: IntArray,
    classes: int,
    method: str = "isotonic",
) -> FloatArray:
    """Calibrated scores ``(N,)``, each by curves fitted on the other folds; ``fold`` is ``(N,)``."""
    result = np.empty(len(score))
    for k in np.unique(fold):
        held_out = fold == k
        fitted = fit_calibration(score[~held_out], class_index[~held_out], is_true[~held_out], classes, method)
        result[held_out] = fitted.apply(score[held_out], class_index[held_out])
    return result


def isotonic_curve(score: FloatArray, is_true: BoolArray) -> FloatArray:
    """Isotonic regression, drawn through the middles of its steps."""
    from sklearn.isotonic import isotonic_regression

    order = np.argsort(score, kind="stable")
    x, first, count = np.unique(score[order], return_index=True, return_counts=True)
    share = np.add.reduceat(is_true[order].astype(np.float64), first) / count
    level = np.asarray(isotonic_regression(share, sample_weight=count))
    step = np.concatenate([[0], np.flatnonzero(np.diff(level) > 0) + 1])
    middle = np.add.reduceat(x * count, step) / np.add.reduceat(count, step)
    curve = np.interp(GRID, middle, level[step])
    return np.asarray((1 - SLOPE) * curve + SLOPE * GRID, np.float64)


def platt_curve(score: FloatArray, is_true: BoolArray) -> FloatArray:
    """Platt scaling of the log-odds."""
    return _logistic(lambda s: np.column_stack([_log(s) - _log(1 - s)]), score, is_true)


def beta_curve(score: FloatArray, is_true: BoolArray) -> FloatArray:
    """Beta calibration."""
    return _logistic(lambda s: np.column_stack([_log(s), -_log(1 - s)]), score, is_true)


CURVES: dict[str, Curve] = {"isotonic": isotonic_curve, "platt": platt_curve, "beta": beta_curve}


def _log(s: FloatArray) -> FloatArray:
    return np.asarray(np.log(np.clip(s, 1e-6, 1.0)))


def _logistic(inputs: Callable[[FloatArray], FloatArray], score: FloatArray, is_true: BoolArray) -> FloatArray:
    """Logistic regression with coefficients that may not be negative, so that the curve rises."""
    from scipy.optimize import minimize

    x, target = inputs(score), is_true.astype(np.float64)

    def loss(theta: FloatArray) -> tuple[float, FloatArray]:
        z = x @ theta[:-1] + theta[-1]
        error = 1 / (1 + np.exp(-np.clip(z, -60, 60))) - target
        slope = np.append(x.T @ error, error.sum()) / len(target) + 1e-4 * np.append(theta[:-1], 0.0)
        return float((np.logaddexp(0, z) - target * z).mean() + 5e-5 * (theta[:-1] ** 2).sum()), slope

    start = np.append(np.ones(x.shape[1]), 0.0)
    bounds = [(0.0, None)] * x.shape[1] + [(None, None)]
    theta = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    return np.asarray(1 / (1 + np.exp(-np.clip(inputs(GRID) @ theta[:-1] + theta[-1], -60, 60))))


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
