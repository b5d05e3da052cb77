"""Two sets of predictions compared in pairs, image by image, with a verdict."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.evaluate.bootstrap import bootstrap_mAP50, contracted_tail, draws_among, groups_of, interval, units_of
from bunri.evaluate.counted import check_floor, counted_images
from bunri.evaluate.metrics import evaluate, none_if_nan
from bunri.predictions import Predictions
from bunri.shown import Shown

if TYPE_CHECKING:
    from bunri.evaluate.matching import Matches

SURE = 1.96 + 0.84
"""Standard errors a difference must measure to be found with 95% confidence in four cases of five."""


@dataclass(frozen=True)
class Comparison(Shown):
    """mAP50 of ``a`` minus mAP50 of ``b`` on the same images, with one score floor for both.

    Attributes:
        a: Name of the first member.
        b: Name of the second.
        mAP50_a: On the common images.
        mAP50_b: On the common images.
        difference: ``mAP50_a - mAP50_b``.
        low: Of the 95% interval of the difference over resampled images (``interval``); NaN of one image or group.
        high: Of the same.
        p_value: Two-sided: the larger of that by the share of resampled differences on the other side of zero and that
            by their standard error, with few images or groups taken into account as in the interval.
        verdict: ``better`` (the interval lies above zero, the p-value below 0.05), ``worse`` or ``undecided``.
        images: Number of common images.
        images_to_decide: About how many images would show a difference of this size (with 95% confidence, in four
            cases of five); None unless undecided, or where there is no difference at all.
        min_score: The floor both were cut at.
        lowest_score_a: The floor the first came with: its lowest score on the common images, NaN without boxes.
        lowest_score_b: That of the second.
        resamples: Number of resamples.
    """

    a: str
    b: str
    mAP50_a: float
    mAP50_b: float
    difference: float
    low: float
    high: float
    p_value: float
    verdict: str
    images: int
    images_to_decide: int | None
    min_score: float
    lowest_score_a: float
    lowest_score_b: float
    resamples: int

    @property
    def difference_in_words(self) -> str:
        """The difference, signed, with its interval where there is one."""
        if math.isnan(self.low):
            return f"{self.difference:+.4f}, without interval (of one image or group alone)"
        return f"{self.difference:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; NaN becomes None."""
        return {key: none_if_nan(v) if isinstance(v, float) else v for key, v in asdict(self).items()}


def compare(
    a: Predictions,
    b: Predictions,
    dataset: Dataset,
    resamples: int = 1000,
    seed: int = 0,
    min_score: float | None = None,
    groups: ArrayLike | None = None,
) -> Comparison:
    """Compare the mAP50 of ``a`` with that of ``b`` by a paired bootstrap over the images both looked at.

    Args:
        a: The one the verdict is about.
        b: The one it is compared with.
        dataset: The truth.
        resamples: Number of resamples.
        seed: The same seed draws the same.
        min_score: One floor for both; None takes the higher of the lowest scores the two have, as a model that was cut
            higher is at a disadvantage that says nothing about it.
        groups: One label for each image of the data set; images of one label are drawn together.

    Raises:
        DataError: The two have no image of the data set in common, or no object is on the common ones.
        UsageError: The floor is outside of [0, 1].
    """
    counted = counted_images([a, b], dataset)
    used = [member.of_images(counted) for member in (a, b)]
    lowest = [float(member.score.min()) if len(member) else math.nan for member in used]
    floor = max(np.nan_to_num(lowest).tolist()) if min_score is None else min_score
    check_floor(floor)
    both = [member.above(floor) for member in used]
    mAP50_a, mAP50_b = (evaluate(member, dataset).mAP50 for member in both)
    if math.isnan(mAP50_a):
        raise DataError(
            f"an annotated object must be on the {len(counted)} images that {a.name or 'a'} and {b.name or 'b'} both "
            "looked at, but there is none. Check that predictions and annotations belong together."
        )
    samples = bootstrap_mAP50(both, dataset, resamples, seed, groups)
    units = units_of(counted, groups_of(dataset, counted, groups))
    sides = [Side(one.name, score, least) for one, score, least in zip((a, b), (mAP50_a, mAP50_b), lowest, strict=True)]
    return _compared(sides, samples, len(counted), units, floor)


@dataclass(frozen=True)
class Side:
    """One of the two that are compared.

    Attributes:
        name: Of the member.
        mAP50: On the common images.
        lowest_score: Its lowest score there, NaN without boxes.
    """

    name: str
    mAP50: float
    lowest_score: float


def compare_matched(
    matches: Sequence["Matches"],
    names: Sequence[str],
    lowest_scores: Sequence[float],
    counted: BoolArray,
    resamples: int,
    groups: IntArray,
) -> Comparison:
    """As :func:`compare` with the floor 0 and the seed 0, of two members that are matched already.

    Args:
        matches: Of both, on the same I images.
        names: Theirs.
        lowest_scores: Theirs.
        counted: ``(I,)`` which images both looked at.
        resamples: Number of resamples.
        groups: ``(I,)`` images of one label are drawn together.
    """
    draws = draws_among(counted, resamples, 0, groups)
    samples = np.concatenate([np.stack([one.mAP50(weights) for one in matches]) for weights in draws], axis=1)
    scores = [float(one.mAP50(counted[:, None].astype(np.int16))[0]) for one in matches]
    sides = [Side(*side) for side in zip(names, scores, lowest_scores, strict=True)]
    return _compared(sides, samples, int(counted.sum()), len(np.unique(groups[counted])), 0.0)


def _compared(sides: Sequence[Side], samples: FloatArray, images: int, units: int, floor: float) -> Comparison:
    """The verdict on two, from their resampled scores ``(2, R)``."""
    a, b = sides
    found = judge(a.mAP50 - b.mAP50, samples[0] - samples[1], images, units)
    return Comparison(
        a=a.name,
        b=b.name,
        mAP50_a=a.mAP50,
        mAP50_b=b.mAP50,
        **asdict(found),
        images=images,
        min_score=floor,
        lowest_score_a=a.lowest_score,
        lowest_score_b=b.lowest_score,
        resamples=samples.shape[1],
    )


@dataclass(frozen=True)
class Judgement:
    """What resampled differences say about a difference; attributes as in ``Comparison``."""

    difference: float
    low: float
    high: float
    p_value: float
    verdict: str
    images_to_decide: int | None


def judge(difference: float, samples: FloatArray, images: int, units: int) -> Judgement:
    """Judge a difference by its resampled values ``(R,)``; NaN among them are left out.

    Args:
        difference: The difference.
        samples: Its resampled values.
        images: How many images it is of.
        units: How many images, or groups of images, were drawn from.
    """
    defined = samples[~np.isnan(samples)]
    low, high = interval(defined, units)
    p_value = _p_value(difference, defined, units)
    sure = p_value < 0.05  # of a handful of units the interval ends where the resamples do, too early
    verdict = "better" if sure and low > 0 else "worse" if sure and high < 0 else "undecided"
    is_open = verdict == "undecided" and units > 1
    needed = _images_to_decide(difference, float(defined.std()), images) if is_open else None
    return Judgement(difference, low, high, p_value, verdict, needed)


def _p_value(difference: float, samples: FloatArray, units: int) -> float:
    """Two-sided; the larger of what the shares of the resamples say and what their standard error says.

    Either alone calls equal models unequal a little too often. Never 0: with R resamples nothing below 2 / (R + 1) can
    be told; 1 of a single unit.
    """
    from scipy.special import stdtr

    if units < 2 or difference == 0:
        return 1.0
    below, above = np.count_nonzero(samples <= 0), np.count_nonzero(samples >= 0)
    share = (1 + min(below, above)) / (len(samples) + 1)
    by_share = 1.0 if share >= 0.5 else 2 * contracted_tail(share, units)
    error = float(samples.std()) * math.sqrt(units / (units - 1))
    by_error = 2 * float(stdtr(units - 1, -abs(difference) / error)) if error > 0 else 0.0
    return max(by_share, by_error)


def _images_to_decide(difference: float, error: float, images: int) -> int | None:
    """The standard error falls with the root of the images: so many make it a ``SURE``-th of the difference."""
    if not abs(difference) > 1e-12 or not math.isfinite(error):
        return None
    return math.ceil(images * (SURE * error / difference) ** 2)
