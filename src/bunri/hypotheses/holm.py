"""A family of tests with one error rate (Holm, "A simple sequentially rejective multiple test procedure", 1979)."""

from collections.abc import Sequence

import numpy as np


def adjusted(p_values: Sequence[float]) -> list[float]:
    """P-values to be held against the error rate of the whole family."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    rising = np.minimum(np.maximum.accumulate(factors * np.asarray(p_values)[order]), 1.0)
    result = np.empty(len(p_values))
    result[order] = rising
    return [float(value) for value in result]


def levels(p_values: Sequence[float], error_rate: float) -> list[float]:
    """The level each test is made at: the error rate over the number of tests that are still open at its turn.

    From the first test that fails on, the level stays: an interval of that level excludes the null value exactly where
    Holm rejects it.
    """
    order, result = np.argsort(p_values, kind="stable"), np.empty(len(p_values))
    open_tests = len(p_values)
    for turn in order:
        result[turn] = error_rate / open_tests
        open_tests -= int(p_values[turn] <= result[turn] and open_tests > 1)
    return [float(value) for value in result]
