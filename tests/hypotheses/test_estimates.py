import math

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from bunri.hypotheses.contrasts import ArmScores, blocks_of, contrast_of
from bunri.hypotheses.estimates import Design, Estimate, SeedSpread, smallest_level, thought_of
from hypotheses_builders import gaussian


def test_without_seeds_the_interval_is_that_of_a_normal_mean() -> None:
    estimate = gaussian(0.03, 0.01)
    assert estimate.low(0.05) == pytest.approx(0.03 - 1.96 * 0.01, abs=2e-5)
    assert estimate.high(0.1) == pytest.approx(0.03 + 1.645 * 0.01, abs=2e-5)


def test_p_values_are_the_levels_at_which_the_interval_ends() -> None:
    estimate = gaussian(0.03, 0.01)
    assert estimate.p_above(0.01) == pytest.approx(2 * norm.cdf(-2), rel=0.02)
    assert estimate.p_below(0.05) == pytest.approx(2 * norm.cdf(-2), rel=0.02)
    assert estimate.low(estimate.p_above(0.01)) == pytest.approx(0.01, abs=1e-5)
    assert estimate.p_below(0.01) == 1.0
    assert estimate.p_above(-1.0) == pytest.approx(2 / 4001, rel=1e-3)  # so many resamples cannot tell less


def test_few_units_reach_further_and_one_tells_nothing() -> None:
    assert gaussian(0, 1, units=12).high(0.05) > 1.1 * gaussian(0, 1).high(0.05)
    alone = gaussian(0.5, 0.1, units=1)
    assert math.isnan(alone.low(0.05))
    assert (alone.p_above(0.0), alone.p_below(1.0)) == (1.0, 1.0)


def test_skewed_resamples_reach_further_on_their_long_side() -> None:
    samples = np.random.default_rng(0).exponential(1.0, 20_000) - 1
    estimate = Estimate(0.0, samples, 10**6)
    assert estimate.reach(0.05, below=False) == pytest.approx(math.log(40) - 1, rel=0.05)
    assert estimate.reach(0.05, below=True) == pytest.approx(1.96, rel=0.05)  # its own percentile lies nearer


def test_three_seeds_alone_are_students_with_two_degrees_of_freedom() -> None:
    estimate = gaussian(0.0, 1e-9, SeedSpread(total=4e-4 / 3, freedom=2, seeds=3))
    assert estimate.reach(0.05, below=True) == pytest.approx(student.ppf(0.975, 2) * 0.02 / math.sqrt(3), rel=1e-3)


def test_what_seeds_share_with_the_images_counts_once() -> None:
    spread = SeedSpread(total=3e-4, shared=3.5e-4, freedom=2, seeds=3)
    assert spread.net == 0.0
    assert gaussian(0, 0.01, spread).low(0.05) == pytest.approx(gaussian(0, 0.01).low(0.05))
    assert gaussian(0, 0.01, SeedSpread(3e-4, 1e-4, 2, 3)).error == pytest.approx(math.sqrt(3e-4), rel=1e-3)


def test_more_images_and_seeds_shrink_their_own_part() -> None:
    seeds = SeedSpread(total=4e-4, shared=1e-4, freedom=2, seeds=3)
    thought = thought_of(seeds, Design(images=4, seeds=2, chi=1.0))
    assert thought.total == pytest.approx((3e-4 + 1e-4 / 4) / 2)
    assert thought.net == pytest.approx(3e-4 / 2)
    assert thought.freedom == pytest.approx(2 * 5 / 2)
    estimate = gaussian(0, 0.01)
    assert estimate.reach(0.05, True, Design(images=4)) == pytest.approx(estimate.reach(0.05, True) / 2, rel=1e-3)


def test_the_smallest_level_of_what_is_never_and_always_sure() -> None:
    assert smallest_level(lambda level: False) == 1.0
    assert smallest_level(lambda level: True) < 1e-8
    assert smallest_level(lambda level: level > 0.02) == pytest.approx(0.02, rel=1e-6)


def scores(values: list[float], noise: float = 0.0, seed: int = 0, *sources: str) -> ArmScores:
    random = np.random.default_rng(seed)
    samples = np.array(values)[:, None] + random.normal(0, 1, (1, 500)) * 0.01
    samples = samples + noise * random.normal(size=(len(values), 500))
    return ArmScores(np.array(values), samples, frozenset(sources))


def test_arms_trained_apart_vary_apart() -> None:
    arms = {"a": scores([0.5, 0.52, 0.54], 0, 0, "a"), "b": scores([0.4, 0.4, 0.46], 0, 0, "b")}
    estimate = contrast_of(arms, {"a": 1, "b": -1}, units=100)
    assert estimate.value == pytest.approx(0.1)
    variances = [np.var([0.5, 0.52, 0.54], ddof=1) / 3, np.var([0.4, 0.4, 0.46], ddof=1) / 3]
    assert estimate.seeds.total == pytest.approx(sum(variances))
    welch = sum(variances) ** 2 / sum(v**2 / 2 for v in variances)
    assert estimate.seeds.freedom == pytest.approx(welch)
    assert estimate.image_error == pytest.approx(0, abs=1e-12)  # the same images move both alike


def test_arms_that_share_a_training_are_paired_by_seed() -> None:
    base = scores([0.5, 0.6, 0.4], 0, 0, "x")
    arms = {"both": scores([0.51, 0.61, 0.41], 0, 0, "x", "y"), "base": base, "other": scores([0.2, 0.3], 0, 0, "z")}
    assert contrast_of(arms, {"both": 1, "base": -1}, 50).seeds.total == pytest.approx(0, abs=1e-12)
    assert sorted(map(sorted, blocks_of(arms, list(arms)))) == [["base", "both"], ["other"]]


def test_seeds_that_do_well_on_other_images_are_seen_in_the_resamples() -> None:
    estimate = contrast_of({"a": scores([0.5, 0.52, 0.54], 0.02, 1, "a")}, {"a": 1}, 100)
    assert estimate.seeds.shared == pytest.approx(0.02**2 / 3, rel=0.15)


def test_single_trainings_have_no_spread() -> None:
    arms = {"a": scores([0.5]), "b": scores([0.4])}
    assert contrast_of(arms, {"a": 1, "b": -1}, 100).seeds == SeedSpread()
