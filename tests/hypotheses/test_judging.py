import math
from typing import Any

import numpy as np
import pytest

from bunri.hypotheses.contrasts import ArmScores, effect_of
from bunri.hypotheses.estimates import Estimate, SeedSpread
from bunri.hypotheses.file import Hypothesis
from bunri.hypotheses.holm import adjusted, levels
from bunri.hypotheses.judging import Case, Judgement, judge_family
from bunri.hypotheses.power import Planned, needed
from bunri.hypotheses.questions import questions_of
from bunri.hypotheses.ratios import Ratio
from hypotheses_builders import gaussian


def hypothesis(smallest: float = 0.01, expect: str = "at_least", effect: str = "b - a") -> Hypothesis:
    values = {"claim": "c", "effect": effect, "smallest_effect": smallest, "expect": expect}
    return Hypothesis.validated(values, "the test")


def judged(value: float, error: float, claims: int = 1, **changes: Any) -> Judgement:
    """A claim among others that are far from any answer."""
    cases = [Case(questions_of(hypothesis(**changes)), gaussian(value, error), 100)]
    cases += [Case(questions_of(hypothesis()), gaussian(0.005, 0.1), 100)] * (claims - 1)
    return judge_family(cases, 0.05, 0.8)[0]


@pytest.mark.parametrize(
    ("value", "error", "expect", "verdict"),
    [
        (0.03, 0.01, "at_least", "supported"),  # surely above 0, and 0.01 may be reached
        (0.008, 0.003, "at_least", "supported"),
        (0.005, 0.002, "at_least", "refuted"),  # surely above 0, and surely below 0.01
        (-0.03, 0.01, "at_least", "refuted"),
        (0.015, 0.01, "at_least", "undecided"),
        (0.0, 0.01, "at_least", "undecided"),
        (0.0, 0.004, "below", "supported"),
        (0.03, 0.004, "below", "refuted"),
        (0.005, 0.004, "below", "undecided"),
    ],
)
def test_verdicts(value: float, error: float, expect: str, verdict: str) -> None:
    assert judged(value, error, expect=expect).verdict == verdict


def test_the_verdict_can_be_read_off_the_corrected_interval() -> None:
    alone, one_of_five = judged(0.022, 0.01), judged(0.022, 0.01, claims=5)
    assert (alone.verdict, one_of_five.verdict) == ("supported", "undecided")
    assert alone.low is not None
    assert one_of_five.low is not None
    assert alone.low > 0 > one_of_five.low
    assert one_of_five.plain_low == alone.low
    assert one_of_five.p_support_corrected == pytest.approx(5 * one_of_five.p_support)


def test_holms_p_values_and_levels_agree() -> None:
    p_values = [0.01, 0.04, 0.03, 0.005]
    assert adjusted(p_values) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert levels(p_values, 0.05) == pytest.approx([0.05 / 3, 0.05 / 2, 0.05 / 2, 0.05 / 4])
    for p, corrected, level in zip(p_values, adjusted(p_values), levels(p_values, 0.05), strict=True):
        assert (p <= level) == (corrected <= 0.05)
    assert levels([0.001, 0.002], 0.05) == [0.025, 0.05]


def test_predicted_power_is_what_happens() -> None:
    random, questions, seeds = np.random.default_rng(0), questions_of(hypothesis(0.03)), 3
    image, main, own, times = 0.008, 0.006, 0.004, 3000
    spread = SeedSpread(total=(main**2 + own**2) / seeds, shared=own**2 / seeds, freedom=2, seeds=seeds)
    planned = Planned(gaussian(0.03, math.hypot(image, own / math.sqrt(seeds)), spread), questions, 0.05, 0.05)
    verdicts = []
    normal = gaussian(0.0, math.hypot(image, own / math.sqrt(seeds))).samples[::40]
    for _ in range(times):
        found = random.normal(0, math.hypot(main, own), seeds)
        value = 0.03 + random.normal(0, image) + found.mean()
        estimate = Estimate(value, value + normal, 10**6, SeedSpread(found.var(ddof=1) / seeds, own**2 / seeds, 2, 3))
        verdicts.append((estimate.low(0.05) > 0) and not estimate.high(0.05) < 0.03)
    assert planned.chances(0.03)[0] == pytest.approx(np.mean(verdicts), abs=0.03)


def test_what_would_decide() -> None:
    open_case = judged(0.012, 0.01)
    assert open_case.verdict == "undecided"
    assert open_case.needed.images is not None
    more = open_case.needed.images / 100
    assert 2.8 * 0.01 / math.sqrt(more) == pytest.approx(0.012, rel=0.05)  # 1.96 + 0.84 standard errors
    assert judged(0.03, 0.01).needed.images is None


def test_seeds_may_be_what_is_lacking() -> None:
    spread = SeedSpread(total=1e-4, shared=0.0, freedom=4, seeds=3)
    planned = Planned(gaussian(0.012, 0.001, spread), questions_of(hypothesis(0.01)), 0.05, 0.05)
    told = needed(planned, 0.8, 100)
    assert told.images is None  # the error over seeds stays
    assert told.seeds is not None
    assert 10 < told.seeds < 25


def test_power_of_a_claim_that_there_is_less_is_told_for_no_effect() -> None:
    found = judged(0.0, 0.004, expect="below")
    assert found.power_at == 0.0
    assert found.power == pytest.approx(0.705, abs=0.01)  # 0.01 lies 2.5 standard errors off, 1.96 are needed


def ratio_of(above: float, below: float, error: float = 0.002) -> Ratio:
    random = np.random.default_rng(0)
    noise = random.normal(0, error, (3, 1, 4000))
    arms = {
        name: ArmScores(np.array([value]), value + own)
        for (name, value), own in zip({"x": 0.5 + above, "y": 0.5 + below, "base": 0.5}.items(), noise, strict=True)
    }
    number = effect_of(arms, (("x", "base"), ("y", "base")), units=10**6)
    assert isinstance(number, Ratio)
    return number


def test_bounds_of_a_ratio_are_fiellers() -> None:
    ratio, variance, z = ratio_of(0.06, 0.03), 0.002**2, 1.96
    assert ratio.value == pytest.approx(2.0)
    a, c = 0.03**2 - z**2 * 2 * variance, 0.06**2 - z**2 * 2 * variance
    b = 0.06 * 0.03 - z**2 * variance
    roots = [(b + sign * math.sqrt(b**2 - a * c)) / a for sign in (-1, 1)]
    assert [ratio.low(0.05), ratio.high(0.05)] == pytest.approx(roots, rel=0.03)
    assert ratio.p_above(ratio.low(0.05)) == pytest.approx(0.05, rel=0.01)


def test_a_gain_below_that_may_be_nothing_leaves_the_ratio_without_a_bound() -> None:
    ratio = ratio_of(0.06, 0.003)
    assert ratio.high(0.05) == math.inf
    assert 0 < ratio.low(0.05) < 20
    nothing = ratio_of(0.001, -0.001)
    assert math.isnan(nothing.value)
    assert (nothing.low(0.05), nothing.high(0.05)) == (-math.inf, math.inf)


def test_a_ratio_of_losses_supports_nothing() -> None:
    losses = ratio_of(-0.03, -0.06)
    assert losses.p_above(1.0) == 1.0
    found = judge_family([Case(questions_of(hypothesis(2, effect="(x - base) / (y - base)")), losses, 100)], 0.05, 0.8)
    assert (found[0].verdict, found[0].value, found[0].power) == ("undecided", None, None)


def test_ratios_are_judged_by_their_contrasts() -> None:
    questions = questions_of(hypothesis(1.5, effect="(x - base) / (y - base)"))
    verdicts = [
        judge_family([Case(questions, ratio_of(above, 0.03), 100)], 0.05, 0.8)[0].verdict
        for above in (0.06, 0.031, 0.01)
    ]
    assert verdicts == ["supported", "refuted", "refuted"]
