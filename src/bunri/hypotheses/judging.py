"""Verdicts of a family of claims: both questions of each, corrected over all claims, with their power."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bunri.evaluate.metrics import none_if_nan
from bunri.hypotheses.estimates import Bounded, Estimate
from bunri.hypotheses.holm import adjusted, levels
from bunri.hypotheses.power import Needed, Planned, needed
from bunri.hypotheses.questions import Question, Questions, Verdict, verdict_of
from bunri.hypotheses.ratios import Ratio


@dataclass(frozen=True)
class Judgement:
    """What the data say of a claim. None stands for what is not defined, or has no bound.

    Attributes:
        verdict: ``supported``, ``refuted`` or ``undecided``.
        value: The effect.
        low: Of its interval at the level that Holm leaves the claim: the verdict can be read off it.
        high: Of the same.
        plain_low: Of the interval at the error rate, as if this were the only claim.
        plain_high: Of the same.
        p_support: Two-sided p-value of the question that supports the claim.
        p_refute: That of the question that refutes it.
        p_support_corrected: Over the family (Holm); supported where it is at most the error rate.
        p_refute_corrected: The same for refuting.
        power: Chance of ``supported`` if the effect were ``power_at``, at the claim's level.
        power_at: The smallest effect that matters; 0 or 1 where the claim is that there is less.
        needed: Where undecided, how much data would decide if the effect were as estimated.
    """

    verdict: Verdict
    value: float | None
    low: float | None
    high: float | None
    plain_low: float | None
    plain_high: float | None
    p_support: float
    p_refute: float
    p_support_corrected: float
    p_refute_corrected: float
    power: float | None
    power_at: float
    needed: Needed


@dataclass(frozen=True, eq=False)
class Case:
    """A claim as its questions, the number they are about, and the number of judged images."""

    questions: Questions
    number: Bounded
    images: int


def judge_family(cases: Sequence[Case], error_rate: float, power: float) -> list[Judgement]:
    """Judge claims together.

    False ``supported`` and false ``refuted`` are two errors, each of which is kept to the error rate over the family:
    Holm runs over the questions of support, and over those of refutation.

    Args:
        cases: The claims.
        error_rate: Of the family, two-sided.
        power: With which the data that would decide are told.
    """
    support = [case.questions.support.p_value(case.number) for case in cases]
    refute = [case.questions.refute.p_value(case.number) for case in cases]
    columns = (support, refute, adjusted(support), adjusted(refute))
    both_levels = zip(levels(support, error_rate), levels(refute, error_rate), strict=True)
    rows = zip(cases, zip(*columns, strict=True), both_levels, strict=True)
    return [_judge(case, p_values, own, error_rate, power) for case, p_values, own in rows]


def _judge(
    case: Case,
    p_values: tuple[float, float, float, float],
    own_levels: tuple[float, float],
    error_rate: float,
    power: float,
) -> Judgement:
    support, refute = (p_value <= error_rate for p_value in p_values[2:])
    verdict, number = verdict_of(support, refute, case.questions), case.number
    above, below = own_levels if case.questions.support.side == "above" else reversed(own_levels)
    planned = _planned(number, case.questions, own_levels)
    open_case = verdict == "undecided" and planned is not None
    return Judgement(
        verdict=verdict,
        value=none_if_nan(number.value),
        low=_bound(number.low(above)),
        high=_bound(number.high(below)),
        plain_low=_bound(number.low(error_rate)),
        plain_high=_bound(number.high(error_rate)),
        p_support=p_values[0],
        p_refute=p_values[1],
        p_support_corrected=p_values[2],
        p_refute_corrected=p_values[3],
        power=None if planned is None else none_if_nan(planned.chances(planned.questions.planned_effect)[0]),
        power_at=case.questions.planned_effect,
        needed=needed(planned, power, case.images) if open_case and planned is not None else Needed(),
    )


def _bound(end: float) -> float | None:
    return end if math.isfinite(end) else None


def _planned(number: Bounded, questions: Questions, own_levels: tuple[float, float]) -> Planned | None:
    """The plan of a difference; of a ratio that of its contrast at "no effect", the gain below taken as it was found.

    None where there is no interval, or the gain below is not above 0.
    """
    if isinstance(number, Ratio):
        if not number.below.value > 0:
            return None
        start = min(questions.support.threshold, questions.refute.threshold, questions.planned_effect)
        questions = _in_points(questions, start, number.below.value)
        number = number.contrast(start)
    assert isinstance(number, Estimate)
    return None if math.isnan(number.error) else Planned(number, questions, *own_levels)


def _in_points(questions: Questions, start: float, gain_below: float) -> Questions:
    """Questions on a ratio as questions on ``above - start * below``."""

    def points(ratio: float) -> float:
        return (ratio - start) * gain_below

    support, refute = (Question(q.side, points(q.threshold)) for q in (questions.support, questions.refute))
    return Questions(support, refute, points(questions.planned_effect))
