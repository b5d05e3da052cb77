"""Estimates of known chances, for tests."""

import numpy as np
from scipy.stats import norm

from bunri.hypotheses.estimates import Estimate, SeedSpread


def gaussian(value: float, error: float, seeds: SeedSpread | None = None, units: int = 10**6) -> Estimate:
    """An estimate whose resamples are exactly normal."""
    samples = value + error * norm.ppf((np.arange(4000) + 0.5) / 4000)
    return Estimate(value, samples, units, seeds or SeedSpread())
