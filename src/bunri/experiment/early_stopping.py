"""The median stopping rule.

Golovin, Solnik, Moitra, Kochanski, Karro, Sculley: Google Vizier: A Service for Black-Box Optimization. KDD 2017,
section 3.2.2. Two things are as in Ray Tune rather than there: arms that still train count among the others, and there
must be some of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

Curve = Sequence[tuple[float, float]]
"""Validations of an arm: epoch and mAP50 (0-1), by epoch."""

SAME_EPOCH = 1e-6
"""Epochs that differ by less are the same."""


@dataclass(frozen=True)
class Verdict:
    """An arm is behind.

    Attributes:
        epoch: Of its last validation.
        best: Its best mAP50 so far.
        median: Of the means of the others.
        others: How many there were.
    """

    epoch: float
    best: float
    median: float
    others: int

    def __str__(self) -> str:
        return (
            f"stopped early at epoch {self.epoch:g}: its best mAP50 so far, {self.best:.4f}, is below "
            f"{self.median:.4f}, the median of the means of {self.others} other arms up to there"
        )


def median_rule(curve: Curve, others: Sequence[Curve], grace_epochs: float, min_others: int) -> Verdict | None:
    """Whether an arm is to be given up at its last validation.

    It is if its best value so far is below the median, over the other arms that have come as far, of the mean of their
    values up to there.

    Args:
        curve: Of the arm.
        others: Of the other arms, wherever they are.
        grace_epochs: Nothing is said before.
        min_others: Nothing is said where fewer others have come as far.

    Returns:
        None where it goes on.
    """
    if not curve or curve[-1][0] < grace_epochs - SAME_EPOCH:
        return None
    epoch, best = curve[-1][0], max(value for _, value in curve)
    reached = [other for other in others if other and other[-1][0] >= epoch - SAME_EPOCH]
    up_to_there = [[value for at, value in other if at <= epoch + SAME_EPOCH] for other in reached]
    means = [fmean(values) for values in up_to_there if values]
    if len(means) < min_others or best >= median(means):
        return None
    return Verdict(epoch, best, median(means), len(means))
