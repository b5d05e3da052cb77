"""How often the verdicts of `bunri test` are wrong on equal models, and whether their power is as predicted.

    python benchmarks/verdicts.py [--sets 500] [--images 250] [--resamples 1000]

Every data set is made anew, and models look at it that are known to be equal, or to differ. Three worlds: one training
a model, three seeds a model that differ by themselves, and a family of five claims on models that are all equal. Power
is told for the known difference, which is found on other data sets of the same source.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from worlds import make_member, make_truth

from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.evaluate.bootstrap import draw_images
from bunri.evaluate.matching import match, objects_of
from bunri.hypotheses.contrasts import ArmScores, contrast_of
from bunri.hypotheses.file import Hypothesis
from bunri.hypotheses.judging import Case, Judgement, judge_family
from bunri.hypotheses.questions import questions_of

BOXES = 12
PILOTS = 200
FAMILY = 5


@dataclass(frozen=True)
class World:
    """Models that keep a share of their boxes: `strong` and `weak` on average, each seed `spread` more or less."""

    name: str
    seeds: int
    spread: float
    strong: float = 0.9
    weak: float = 0.55


WORLDS = (World("one training a model", 1, 0.0), World("three seeds a model", 3, 0.06))


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in (("sets", 500), ("images", 250), ("resamples", 1000), ("jobs", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    with ProcessPoolExecutor(given.jobs) as pool:
        for world in WORLDS:
            _report_world(world, given, pool)
        _report_family(given, pool)


def _report_world(world: World, given: argparse.Namespace, pool: ProcessPoolExecutor) -> None:
    pilots = range(1_000_000, 1_000_000 + PILOTS)
    known = float(np.mean(list(pool.map(partial(_difference, world, given.images), pilots))))
    sides = {"equal": (world.strong, world.strong), "unequal": (world.strong, world.weak)}
    print(f"{world.name}, {given.sets} data sets of {given.images} images; known difference {known:+.4f}")
    for name, shares in sides.items():
        judge = partial(_judged, world, shares, known, given.images, given.resamples)
        found = list(pool.map(judge, range(given.sets)))
        counts = ", ".join(f"{v} {_share([one.verdict == v for one in found])}" for v in ("supported", "refuted"))
        values = [one.value or 0.0 for one in found]
        print(f"  {name}: {counts}; effect {np.mean(values):+.4f}, its spread {np.std(values):.4f}")
        if name == "unequal":
            print(f"  power predicted for it {np.mean([one.power or 0.0 for one in found]):.1%}")


def _report_family(given: argparse.Namespace, pool: ProcessPoolExecutor) -> None:
    found = list(pool.map(partial(_family, given.images, given.resamples), range(given.sets)))
    for name, wrong in (
        ("corrected (Holm)", [any(one.p_support_corrected <= 0.05 for one in family) for family in found]),
        ("not corrected", [any(one.p_support <= 0.05 for one in family) for family in found]),
    ):
        print(f"{FAMILY} claims on equal models, one at least supported, {name}: {_share(wrong)}")


def _member_scores(truth: Dataset, shares: Sequence[float], seed: int, weights: IntArray) -> ArmScores:
    """A model of several seeds, each of which keeps a share of its boxes; the first weighting is of all images."""
    objects, rows = objects_of(truth, truth.images.id), []
    for number, share in enumerate(shares):
        member = make_member(truth, BOXES, seed + number)
        kept = np.random.default_rng(seed + number).random(len(member)) < share
        rows.append(match(member[kept], objects).mAP50(weights))
    scores = np.stack(rows)
    return ArmScores(scores[:, 0], scores[:, 1:])


def _shares(world: World, mean: float, random: np.random.Generator) -> list[float]:
    return list(np.clip(mean + world.spread * random.normal(size=world.seeds), 0, 1))


def _arms(world: World, means: Sequence[float], number: int, images: int, resamples: int) -> dict[str, ArmScores]:
    truth, random = make_truth(images, number), np.random.default_rng(number)
    weights = _weights(images, resamples, number)
    return {
        name: _member_scores(truth, _shares(world, mean, random), 100 * number + 10 * k, weights)
        for k, (name, mean) in enumerate(zip("abcdef", means, strict=False))
    }


def _weights(images: int, resamples: int, seed: int) -> IntArray:
    plain = np.ones((images, 1), np.int16)
    return np.concatenate([plain, draw_images(images, resamples, seed)], axis=1) if resamples else plain


def _difference(world: World, images: int, number: int) -> float:
    arms = _arms(world, (world.strong, world.weak), number, images, 0)
    return float(arms["a"].values.mean() - arms["b"].values.mean())


def _judged(
    world: World, means: Sequence[float], smallest: float, images: int, resamples: int, number: int
) -> Judgement:
    arms = _arms(world, means, number, images, resamples)
    return judge_family([_case(arms, "b", smallest, images)], 0.05, 0.8)[0]


def _case(arms: dict[str, ArmScores], other: str, smallest: float, images: int) -> Case:
    questions = questions_of(Hypothesis(claim="a is better", effect="a - b", smallest_effect=smallest))
    return Case(questions, contrast_of(arms, {"a": 1.0, other: -1.0}, images), images)


def _family(images: int, resamples: int, number: int) -> list[Judgement]:
    """Claims that one model is better than each of five others that are its equals."""
    arms = _arms(WORLDS[0], (WORLDS[0].strong,) * (FAMILY + 1), number, images, resamples)
    return judge_family([_case(arms, other, 0.02, images) for other in "bcdef"], 0.05, 0.8)


def _share(holds: Sequence[bool]) -> str:
    share = float(np.mean(holds))
    return f"{share:.1%} (standard error {np.sqrt(share * (1 - share) / len(holds)):.1%})"


if __name__ == "__main__":
    main()
