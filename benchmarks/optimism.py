"""How much the score `bunri search` reports flatters: reported minus true mAP50, on simulated data with many images.

    python benchmarks/optimism.py [--worlds 20] [--images 120] [--folds 3] [--families fused]

Each world has some images to search on and many more, from the same source, to know the true score of the recipe that
was found. Which images fall on which side is luck that has nothing to do with the search, and larger than what is to
be measured; a fixed fusion that was not searched for has the same luck, so its difference is taken off (a control
variate). Prints the mean with its standard error, and beside it what the in-sample score would have said.

`--families learned` measures learned fusion, which needs some 200 images. The recipe it is judged by was fitted on all
of them, those behind the reported score on a part: where more images help, the reported score is rather too low.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from worlds import make_member, make_truth

from bunri.evaluate import evaluate
from bunri.fuse import fuse
from bunri.predictions import Predictions
from bunri.search import apply_recipe, search

MEMBERS = 3
HIDDEN = 8
"""Times as many images know the true score."""


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in (("worlds", 20), ("images", 120), ("folds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--families", nargs="+", default=["fused"])
    given = parser.parse_args()
    worlds = [optimism_of(seed, given.images, given.folds, given.families) for seed in range(given.worlds)]
    found = np.array(worlds)
    for name, values in zip(("reported", "in sample"), found.T, strict=True):
        error = values.std(ddof=1) / np.sqrt(len(values))
        print(f"{name} minus true: {values.mean():+.4f} (standard error {error:.4f}, {len(values)} worlds)")


def optimism_of(seed: int, images: int, folds: int, families: Sequence[str]) -> tuple[float, float]:
    """Reported minus true, and in-sample minus true, mAP50 of one world."""
    truth = make_truth(images * (1 + HIDDEN), seed)
    members = [_weakened(make_member(truth, 20, 10 * seed + m), m) for m in range(MEMBERS)]
    visible, hidden = truth.images.id[:images], truth.images.id[images:]
    known, unknown = truth.subset(visible), truth.subset(hidden)
    result = search([m.of_images(visible) for m in members], known, folds=folds, families=families, resamples=2)
    if result.notes:
        sys.exit("; ".join(result.notes))
    of_known, of_unknown = (
        evaluate(apply_recipe(result.recipe, {m.name: m.of_images(ids).clipped(part) for m in members}), part).mAP50
        for ids, part in ((visible, known), (hidden, unknown))
    )
    fixed_known, fixed_unknown = (
        evaluate(fuse([m.of_images(ids).clipped(part) for m in members], iou=0.6), part).mAP50
        for ids, part in ((visible, known), (hidden, unknown))
    )
    luck = fixed_known - fixed_unknown
    found = (result.score - of_unknown - luck, of_known - of_unknown - luck)
    print(f"world {seed}: true {of_unknown:.4f}, luck {luck:+.4f}, optimism {found[0]:+.4f}", flush=True)
    return found


def _weakened(member: Predictions, rank: int) -> Predictions:
    """Members of uneven strength: each next one loses a part of its boxes."""
    kept = np.random.default_rng(rank).random(len(member)) < 1 - 0.2 * rank
    return member[kept].named(f"member{rank}")


if __name__ == "__main__":
    main()
