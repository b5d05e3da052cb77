"""From the scores of arms, seed by seed and resample by resample, to contrasts with both sources of chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bunri.boxes import FloatArray
from bunri.hypotheses.estimates import Bounded, Estimate, SeedSpread
from bunri.hypotheses.ratios import Ratio


@dataclass(frozen=True, eq=False)
class ArmScores:
    """The metric of an arm.

    Attributes:
        values: ``(S,)`` on all images, by seed.
        samples: ``(S, R)`` on resampled images, the same for all arms.
        sources: Names of what was trained with several seeds for it; arms that share one rise and fall together.
    """

    values: FloatArray
    samples: FloatArray
    sources: frozenset[str] = frozenset()


Scores = Mapping[str, ArmScores]
Coefficients = Mapping[str, float]


def effect_of(scores: Scores, differences: Sequence[tuple[str, str]], units: int) -> Bounded:
    """A difference of arms, or the ratio of two."""
    gains = [{of: 1.0, minus: -1.0} if of != minus else {} for of, minus in differences]
    if len(gains) == 1:
        return contrast_of(scores, gains[0], units)
    above, below = gains

    def contrast(ratio: float) -> Estimate:
        names = dict.fromkeys([*above, *below])
        weighed = {name: above.get(name, 0.0) - ratio * below.get(name, 0.0) for name in names}
        return contrast_of(scores, weighed, units)

    return Ratio(contrast_of(scores, above, units), contrast_of(scores, below, units), contrast)


def contrast_of(scores: Scores, coefficients: Coefficients, units: int) -> Estimate:
    """The weighed sum of some arms' means over seeds."""
    value = sum(weight * float(scores[name].values.mean()) for name, weight in coefficients.items())
    width = next(iter(scores.values())).samples.shape[1]
    samples = sum((w * scores[name].samples.mean(axis=0) for name, w in coefficients.items()), np.zeros(width))
    return Estimate(value, np.asarray(samples), units, _seed_spread(scores, coefficients))


def _seed_spread(scores: Scores, coefficients: Coefficients) -> SeedSpread:
    """Blocks of arms are independent of each other; in a block, arms are paired seed by seed."""
    blocks = [_block(scores, coefficients, names) for names in blocks_of(scores, list(coefficients))]
    total = sum(block.total for block in blocks)
    if not blocks:
        return SeedSpread()
    lost = sum(block.total**2 / block.freedom for block in blocks)
    return SeedSpread(
        total=total,
        shared=sum(block.shared for block in blocks),
        freedom=total**2 / lost if lost > 0 else sum(block.freedom for block in blocks),
        seeds=min(block.seeds for block in blocks),
    )


def _block(scores: Scores, coefficients: Coefficients, names: Sequence[str]) -> SeedSpread:
    """The spread of the mean over S paired seeds, and what of it the images explain."""
    values = np.sum([coefficients[name] * scores[name].values for name in names], axis=0)
    samples = np.sum([coefficients[name] * scores[name].samples for name in names], axis=0)
    seeds, defined = len(values), samples[:, ~np.isnan(samples).any(axis=0)]
    deviations = defined - defined.mean(axis=0)
    own = float(deviations.var(axis=1).mean()) * seeds / (seeds - 1) if defined.size else 0.0
    return SeedSpread(float(values.var(ddof=1)) / seeds, own / seeds, seeds - 1, seeds)


def blocks_of(scores: Scores, names: Sequence[str]) -> list[list[str]]:
    """Arms with several seeds, those together that share a source."""
    blocks: list[tuple[set[str], list[str]]] = []
    for name in names:
        if len(scores[name].values) < 2:
            continue
        joined = [block for block in blocks if block[0] & scores[name].sources]
        kept = [block for block in blocks if not block[0] & scores[name].sources]
        sources = set(scores[name].sources).union(*(block[0] for block in joined))
        blocks = [*kept, (sources, [*(member for block in joined for member in block[1]), name])]
    return [members for _, members in blocks]
