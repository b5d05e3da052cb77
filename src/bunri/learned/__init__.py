"""Learned fusion: the boxes of all members, scored anew by a model fitted on out-of-fold predictions."""

from bunri.learned.explanation import Explanation
from bunri.learned.fitting import MIN_IMAGES, TooLittleDataError, fit_learned
from bunri.learned.fusion import LearnedFusion
from bunri.learned.trees import TreeSettings

__all__ = [
    "MIN_IMAGES",
    "Explanation",
    "LearnedFusion",
    "TooLittleDataError",
    "TreeSettings",
    "fit_learned",
]
