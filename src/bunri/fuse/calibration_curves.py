"""Curves from scores to the share of boxes of that score that are true.

- ``isotonic``: the rising step curve of least squares (Zadrozny & Elkan 2002, "Transforming classifier scores into
  accurate multiclass probability estimates"), drawn through the middles of its steps to keep the order of scores.
- ``platt``: ``sigmoid(a * logit(s) + b)`` (Platt 1999, "Probabilistic outputs for support vector machines"), a >= 0.
- ``beta``: ``sigmoid(a * ln s - b * ln(1 - s) + c)`` (Kull, Silva Filho & Flach 2017, "Beta calibration"), a, b >= 0.

A curve is kept as its values on a grid of scores, between which it is straight.
"""

from collections.abc import Callable

import numpy as np

from bunri.boxes import BoolArray, FloatArray

GRID = np.linspace(0.0, 1.0, 201)
"""Scores at which curves are kept; between them they are straight."""

SLOPE = 0.01
"""Share of the score itself in an isotonic curve: where the curve is flat, the order of the scores must live on."""

Curve = Callable[[FloatArray, BoolArray], FloatArray]
"""Values of a fitted curve on ``GRID`` from scores ``(N,)`` and whether each box is true ``(N,)``."""


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
