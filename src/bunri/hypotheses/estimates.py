"""A number with its two sources of chance: which images were drawn, and which seeds a model was trained with.

Images: the expanded percentiles of the resamples and Student's interval by their standard error, whichever reaches
further (``bunri.evaluate.compare`` judges alike). Seeds: the variance between trainings, of which the part that is
due to the images is taken off, as the resamples hold it already. Both are added, with the degrees of freedom of
Welch and Satterthwaite (Satterthwaite, "An approximate distribution of estimates of variance components", 1946): a
bootstrap over three seeds would be far too narrow, as it divides by three and knows nothing of Student.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from bunri.boxes import FloatArray
from bunri.evaluate.bootstrap import contracted_tail, expanded_tail

LEAST_LEVEL = 1e-9
"""Where the search for a p-value ends."""


@dataclass(frozen=True)
class SeedSpread:
    """How much a mean over seeds varies because other seeds might have been drawn.

    Attributes:
        total: Variance of the mean as seen between the seeds, on the same images.
        shared: The part of it that is due to the images: seeds differ in which images they do well on.
        freedom: Degrees of freedom of ``total``.
        seeds: How many there were in the arms that have fewest.
    """

    total: float = 0.0
    shared: float = 0.0
    freedom: float = math.inf
    seeds: int = 0

    @property
    def net(self) -> float:
        """What the resamples of the images do not hold."""
        return max(self.total - self.shared, 0.0)


@dataclass(frozen=True)
class Design:
    """A study that is thought of: how many times as many images and seeds, and what variance the seeds would show.

    Attributes:
        images: Factor on their number.
        seeds: Factor on their number.
        chi: Variance between the seeds as a share of what is expected; None takes what was seen.
    """

    images: float = 1.0
    seeds: float = 1.0
    chi: float | None = None


AS_IT_IS = Design()


class Bounded(Protocol):
    """A number that can be asked how sure it lies above or below another; p-values and levels are two-sided."""

    @property
    def value(self) -> float:
        """The estimate; NaN where it is not defined."""

    def low(self, level: float) -> float:
        """The lower end of the interval that misses the truth in a share ``level`` of cases."""

    def high(self, level: float) -> float:
        """The upper end of the same."""

    def p_above(self, threshold: float) -> float:
        """The p-value of being no more than the threshold."""

    def p_below(self, threshold: float) -> float:
        """The p-value of being no less than the threshold."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """A contrast of scores.

    Attributes:
        value: On all images, mean over the seeds.
        samples: ``(R,)`` the same on resampled images; NaN where it is not defined.
        units: How many images, or groups of them, were drawn from.
        seeds: What other seeds might have given.
    """

    value: float
    samples: FloatArray
    units: int
    seeds: SeedSpread = field(default_factory=SeedSpread)

    @cached_property
    def defined(self) -> FloatArray:
        """The resampled values that there are, rising."""
        return np.sort(self.samples[~np.isnan(self.samples)])

    @cached_property
    def image_error(self) -> float:
        """Standard error over images; NaN of fewer than two units."""
        if self.units < 2 or len(self.defined) < 2:
            return math.nan
        return float(self.defined.std()) * math.sqrt(self.units / (self.units - 1))

    @property
    def error(self) -> float:
        """Standard error over images and seeds."""
        return math.sqrt(self.image_error**2 + self.seeds.net)

    def low(self, level: float) -> float:
        """The lower end of the interval that misses the truth in a share ``level`` of cases."""
        return self.value - self.reach(level, below=True)

    def high(self, level: float) -> float:
        """The upper end of the same."""
        return self.value + self.reach(level, below=False)

    def p_above(self, threshold: float) -> float:
        """The p-value of being no more than the threshold."""
        return self._p_value(lambda level: self.low(level) > threshold)

    def p_below(self, threshold: float) -> float:
        """The p-value of being no less than the threshold."""
        return self._p_value(lambda level: self.high(level) < threshold)

    def _p_value(self, surely: Callable[[float], bool]) -> float:
        """Never below what so many resamples can tell."""
        if math.isnan(self.image_error):
            return 1.0
        return max(smallest_level(surely), 2 * contracted_tail(1 / (len(self.defined) + 1), self.units))

    def reach(self, level: float, below: bool, design: Design = AS_IT_IS) -> float:
        """How far the interval of a level reaches from the value to one side; NaN of fewer than two units."""
        if math.isnan(self.image_error):
            return math.nan
        spread = thought_of(self.seeds, design)
        image = self.image_error**2 / design.images
        t = _student(level, self._freedom(image, spread, design))
        percentile = self._percentile(level, below) / math.sqrt(design.images)
        by_percentile = math.sqrt(percentile**2 + t**2 * spread.net)
        return max(t * math.sqrt(image + spread.net), by_percentile)

    def _freedom(self, image: float, spread: SeedSpread, design: Design) -> float:
        lost = image**2 / (self.units * design.images - 1)
        if spread.net > 0:
            lost += spread.total**2 / spread.freedom
        return (image + spread.net) ** 2 / lost if lost > 0 else math.inf

    def _percentile(self, level: float, below: bool) -> float:
        """Distance of the expanded percentile of the resamples from the value; 0 where it lies on the other side."""
        tail = expanded_tail(level / 2, self.units)
        place = np.quantile(self.defined, tail if below else 1 - tail)
        return max(float(self.value - place if below else place - self.value), 0.0)


def thought_of(seeds: SeedSpread, design: Design) -> SeedSpread:
    """The spread of the seeds in another study."""
    if not seeds.seeds:
        return seeds
    shared, expected = seeds.shared / design.images, seeds.net + seeds.shared / design.images
    total = seeds.total if design.chi is None else expected * design.chi
    more = (seeds.seeds * design.seeds - 1) / (seeds.seeds - 1)
    return replace(seeds, total=total / design.seeds, shared=shared / design.seeds, freedom=seeds.freedom * more)


def _student(level: float, freedom: float) -> float:
    from scipy.special import ndtri, stdtrit

    return -float(stdtrit(freedom, level / 2) if math.isfinite(freedom) else ndtri(level / 2))


def smallest_level(surely: Callable[[float], bool]) -> float:
    """The smallest level at which something is sure; sure things stay so at larger levels. 1 where it never is."""
    if not surely(1.0 - LEAST_LEVEL):
        return 1.0
    low, high = math.log(LEAST_LEVEL), 0.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if surely(math.exp(middle)) else (middle, high)
    return math.exp(high)
