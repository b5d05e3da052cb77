"""How surely a claim would have been decided, and how much more data would decide it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bunri.hypotheses.estimates import AS_IT_IS, Design, Estimate, thought_of
from bunri.hypotheses.questions import Questions

CHI_STEPS = 24
"""Quantiles of the variance that few seeds show, over which power is averaged."""

MOST = 1e4
"""Times the data beyond which nothing is told."""


@dataclass(frozen=True, eq=False)
class Planned:
    """Chances of the answers to a claim's questions when the truth were some effect.

    Attributes:
        estimate: Has the two sources of chance.
        questions: What is asked.
        support_level: Level of the first question.
        refute_level: Level of the second.
    """

    estimate: Estimate
    questions: Questions
    support_level: float
    refute_level: float

    def chances(self, effect: float, design: Design = AS_IT_IS) -> tuple[float, float]:
        """Chance of ``supported`` and of ``refuted``: the estimate falls on the sure side of each threshold."""
        found = [self._chances(effect, each) for each in self._designs(design)]
        supported, refuted = np.mean(found, axis=0)
        return float(supported), float(refuted)

    def _designs(self, design: Design) -> list[Design]:
        """The design with what the seeds might show, as their variance is a matter of chance too."""
        from scipy.special import gammaincinv

        spread = thought_of(self.estimate.seeds, design)
        if not spread.seeds or not math.isfinite(spread.freedom):
            return [design]
        shares = (np.arange(CHI_STEPS) + 0.5) / CHI_STEPS
        chi = 2 * gammaincinv(spread.freedom / 2, shares) / spread.freedom
        return [Design(design.images, design.seeds, float(value)) for value in chi]

    def _chances(self, effect: float, design: Design) -> tuple[float, float]:
        reach = self.estimate.reach
        above, below = self._thresholds()
        surely_above = above + reach(self._level("above"), True, design)
        surely_below = below - reach(self._level("below"), False, design)
        error = self._error(design)
        if not error > 0:
            return float(effect > surely_above), float(effect < surely_below)
        p_above = _normal((effect - surely_above) / error)
        p_below = _normal((surely_below - effect) / error)
        if not self.questions.refutes_first:
            return p_below, p_above
        both = max(p_above + p_below - 1.0, 0.0)  # estimates between the two are sure of both, which is refuted
        return p_above - both, p_below

    def _thresholds(self) -> tuple[float, float]:
        support, refute = self.questions.support, self.questions.refute
        return (support.threshold, refute.threshold) if support.side == "above" else (refute.threshold,) * 2

    def _level(self, side: str) -> float:
        return self.support_level if self.questions.support.side == side else self.refute_level

    def _error(self, design: Design) -> float:
        expected = self.estimate.seeds.net / design.seeds
        return math.sqrt(self.estimate.image_error**2 / design.images + expected)


def _normal(z: float) -> float:
    from scipy.special import ndtr

    return float(ndtr(z))


@dataclass(frozen=True)
class Needed:
    """About how much data would decide; None where more of it alone would not, or nothing is to be told."""

    images: int | None = None
    seeds: int | None = None
    images_and_seeds: tuple[int, int] | None = None


def needed(planned: Planned, power: float, images: int) -> Needed:
    """How many images, how many seeds, and how many of both in step would decide, if the truth were as estimated."""
    effect, seeds = planned.estimate.value, planned.estimate.seeds.seeds

    def decides(design: Design) -> bool:
        return sum(planned.chances(effect, design)) >= power

    if math.isnan(planned.estimate.error):
        return Needed()
    by_images = _smallest(lambda factor: decides(Design(images=factor)))
    by_seeds = _smallest(lambda factor: decides(Design(seeds=factor))) if seeds else None
    both = _smallest(lambda factor: decides(Design(factor, factor))) if seeds else None
    return Needed(
        images=None if by_images is None else math.ceil(by_images * images),
        seeds=None if by_seeds is None else math.ceil(by_seeds * seeds),
        images_and_seeds=None if both is None else (math.ceil(both * images), math.ceil(both * seeds)),
    )


def _smallest(decides: Callable[[float], bool]) -> float | None:
    """The smallest factor from 1 on that decides, to a hundredth."""
    if not decides(MOST):
        return None
    low, high = 0.0, math.log(MOST)
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (low, middle) if decides(math.exp(middle)) else (middle, high)
    return math.exp(high)
