"""How many times as large one gain is as another, by Fieller's way: through contrasts, never by dividing resamples.

"The gain above the stroke is more than r times that below" is the contrast ``above - r * below`` being above 0, which
is as well behaved as any difference. The bounds of the ratio are the r at which that stops being sure (Fieller, "Some
problems in interval estimation", 1954). Where the gain below may be 0 or less there is an end without a bound.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from bunri.hypotheses.estimates import Estimate

LARGEST = 1e4
"""Ratios beyond are not told from infinity."""


@dataclass(frozen=True, eq=False)
class Ratio:
    """A ratio of two gains.

    Attributes:
        above: The gain above the stroke.
        below: The gain below it.
        contrast: ``above - r * below`` for a ratio r.
    """

    above: Estimate
    below: Estimate
    contrast: Callable[[float], Estimate]

    @property
    def value(self) -> float:
        """The ratio; NaN where the gain below the stroke is not above 0."""
        return self.above.value / self.below.value if self.below.value > 0 else math.nan

    def low(self, level: float) -> float:
        """The largest ratio that is surely surpassed; minus infinity where none is."""

        def surpassed(ratio: float) -> bool:
            return self.contrast(ratio).low(level) > 0

        if self.above.low(level) > 0:
            return math.inf if surpassed(LARGEST) else _border(surpassed, 0.0, LARGEST)
        return _border(surpassed, -LARGEST, 0.0) if self.below.low(level) > 0 and surpassed(-LARGEST) else -math.inf

    def high(self, level: float) -> float:
        """The smallest ratio that is surely not reached; infinity where the gain below may be 0 or less."""

        def in_reach(ratio: float) -> bool:
            return not self.contrast(ratio).high(level) < 0

        if not self.below.low(level) > 0 or in_reach(LARGEST):
            return math.inf
        return _border(in_reach, -LARGEST, LARGEST)

    def p_above(self, threshold: float) -> float:
        """The p-value of not surpassing ``threshold`` times the gain below, or of gaining nothing: the larger."""
        return max(self.above.p_above(0.0), self.contrast(threshold).p_above(0.0))

    def p_below(self, threshold: float) -> float:
        """The p-value of reaching ``threshold`` times the gain below."""
        return self.contrast(threshold).p_below(0.0)


def _border(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Where something that holds at the lower end and not at the upper one stops to hold."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (low + high) / 2
