"""How often the interval of `bunri compare` holds the true difference, and how often it calls equal models unequal.

    python benchmarks/interval_coverage.py [--sets 500] [--images 250] [--resamples 1000]

Two models look at a large simulated world, where the difference of their mAP50 is known. Data sets are drawn from it
and compared: 95% of the intervals should hold the known difference. For models that are equal, the two change places
on a random half of the images of each data set; a verdict other than undecided is then an error, and there should be
5% of them at most.
"""

import argparse
from collections.abc import Sequence

import numpy as np
from worlds import make_member, make_truth

from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.evaluate import Comparison, compare, evaluate
from bunri.predictions import Predictions, concatenate

WORLD = 20_000
BOXES = 12


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in (("sets", 500), ("images", 250), ("resamples", 1000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    truth = make_truth(WORLD)
    strong, weak = (make_member(truth, BOXES, seed) for seed in (1, 2))
    weak = weak[np.random.default_rng(3).random(len(weak)) < 0.9]
    known = evaluate(strong, truth).mAP50 - evaluate(weak, truth).mAP50
    drawn = [np.sort(np.random.default_rng(k).choice(WORLD, given.images, False)) for k in range(given.sets)]
    unequal = [_compared(truth, (strong, weak), ids, given.resamples) for ids in drawn]
    equal = [_compared(truth, _swapped(strong, weak, ids, k), ids, given.resamples) for k, ids in enumerate(drawn)]
    _report(known, unequal, equal, given.images)


def _compared(truth: Dataset, pair: Sequence[Predictions], ids: IntArray, resamples: int) -> Comparison:
    a, b = (member.of_images(ids) for member in pair)
    return compare(a, b, truth.subset(ids), resamples, min_score=0.0)


def _swapped(a: Predictions, b: Predictions, ids: IntArray, seed: int) -> tuple[Predictions, Predictions]:
    """Both models, in each other's place on about half of the images."""
    first = np.random.default_rng(seed + 1_000_000).random(len(ids)) < 0.5
    left, right = ids[first], ids[~first]
    return (
        concatenate([a.of_images(left), b.of_images(right)], "a"),
        concatenate([b.of_images(left), a.of_images(right)], "b"),
    )


def _report(known: float, unequal: Sequence[Comparison], equal: Sequence[Comparison], images: int) -> None:
    holds = [one.low <= known <= one.high for one in unequal]
    print(f"{len(unequal)} data sets of {images} images; known difference {known:+.4f}, found on average", end=" ")
    print(f"{np.mean([one.difference for one in unequal]):+.4f}")
    width = np.mean([one.high - one.low for one in unequal])
    below, above = (np.mean([known < one.low for one in unequal]), np.mean([known > one.high for one in unequal]))
    print(
        f"the 95% interval holds it in {_share(holds)} (too high {below:.1%}, too low {above:.1%}); width {width:.4f}"
    )
    print(f"verdicts: {', '.join(_verdicts(unequal))}")
    print(f"equal models: interval holds 0 in {_share([one.low <= 0 <= one.high for one in equal])},", end=" ")
    print(f"called unequal in {_share([one.verdict != 'undecided' for one in equal])}", end=" ")
    print(f"(p below 0.05 in {_share([one.p_value < 0.05 for one in equal])})")


def _share(holds: Sequence[bool]) -> str:
    share = np.mean(holds)
    return f"{share:.1%} (standard error {np.sqrt(share * (1 - share) / len(holds)):.1%})"


def _verdicts(found: Sequence[Comparison]) -> list[str]:
    verdicts, counts = np.unique([one.verdict for one in found], return_counts=True)
    return [f"{verdict} {count / len(found):.0%}" for verdict, count in zip(verdicts, counts, strict=True)]


if __name__ == "__main__":
    main()
