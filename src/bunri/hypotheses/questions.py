"""What supports a claim and what refutes it, as two one-sided questions about one number."""

from dataclasses import dataclass
from typing import Literal

from bunri.hypotheses.estimates import Bounded
from bunri.hypotheses.file import Hypothesis

Side = Literal["above", "below"]
Verdict = Literal["supported", "refuted", "undecided"]


@dataclass(frozen=True)
class Question:
    """Whether a number lies surely on one side of a threshold."""

    side: Side
    threshold: float

    def p_value(self, number: Bounded) -> float:
        """Two-sided: twice the chance to see this where the truth lies on the threshold."""
        ask = number.p_above if self.side == "above" else number.p_below
        return ask(self.threshold)

    def is_sure(self, number: Bounded, level: float) -> bool:
        """Whether the interval of a level lies on that side."""
        if self.side == "above":
            return number.low(level) > self.threshold
        return number.high(level) < self.threshold


@dataclass(frozen=True)
class Questions:
    """The two questions of a claim.

    Attributes:
        support: Yes supports it.
        refute: Yes refutes it.
        planned_effect: The effect for which power is told: the smallest that matters, or none where the claim is that
            there is less.
    """

    support: Question
    refute: Question
    planned_effect: float

    @property
    def refutes_first(self) -> bool:
        """Whether both can be answered with yes: an effect above nothing and yet too small to matter."""
        return self.support.side == "above"


def questions_of(hypothesis: Hypothesis) -> Questions:
    """What is asked for a claim.

    "At least d" is supported where the effect is surely above nothing and may reach d; it is refuted where the effect
    is surely below d, be it above nothing or not. That is how trials are planned: a test against nothing, with power
    for the smallest effect that matters; a test against d itself would have the power of its error rate there.
    "Below d" is supported where the effect is surely below d, and refuted where it is surely above.
    """
    smallest = hypothesis.smallest_effect
    if hypothesis.expect == "at_least":
        return Questions(Question("above", hypothesis.no_effect), Question("below", smallest), smallest)
    return Questions(Question("below", smallest), Question("above", smallest), hypothesis.no_effect)


def verdict_of(support: bool, refute: bool, questions: Questions) -> Verdict:
    """The verdict from the two answers."""
    if refute and (questions.refutes_first or not support):
        return "refuted"
    return "supported" if support else "undecided"
