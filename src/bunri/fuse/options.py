"""What a user may say about fusing, checked at the door."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bunri.boxes import FloatArray
from bunri.errors import UsageError

METHODS = ("wbf", "nms", "soft_nms", "nmw")
CONF_TYPES = ("avg", "max", "box_and_model_avg", "absent_model_aware_avg")
DECAYS = ("linear", "gaussian")


@dataclass(frozen=True)
class FuseOptions:
    """How M members are fused.

    Attributes:
        method: One of ``METHODS``.
        iou: Boxes of one class overlap when their IoU is above it; in (0, 1]. Soft-NMS with Gaussian decay has none.
        weights: One for each member, 0 leaves it out; None for all equal.
        min_score: Boxes of a lower score are left out first; one number, or one for each member.
        conf_type: WBF: score of a cluster, one of ``CONF_TYPES``.
        decay: Soft-NMS: one of ``DECAYS``.
        sigma: Soft-NMS: width of the Gaussian decay.
        soft_min_score: Soft-NMS: boxes stay while their decayed score is above it.
        max_boxes: At most so many boxes of an image stay, the highest scores; None for all.
    """

    method: str = "wbf"
    iou: float = 0.55
    weights: tuple[float, ...] | None = None
    min_score: float | tuple[float, ...] = 0.0
    conf_type: str = "avg"
    decay: str = "gaussian"
    sigma: float = 0.5
    soft_min_score: float = 0.001
    max_boxes: int | None = None

    def __post_init__(self) -> None:
        _check_choice("method", self.method, METHODS)
        _check_choice("conf_type", self.conf_type, CONF_TYPES)
        _check_choice("decay", self.decay, DECAYS)
        for name in ("iou", "sigma", "soft_min_score"):
            _check(_is_number(getattr(self, name)), f"{name} must be a number", repr(getattr(self, name)))
        _check(0 < self.iou <= 1, "iou must lie in (0, 1]", self.iou)
        _check(self.sigma > 0, "sigma must be above 0", self.sigma)
        _check(self.soft_min_score >= 0, "soft_min_score must not be negative", self.soft_min_score)
        _check(self.max_boxes is None or self.max_boxes > 0, "max_boxes must be above 0", self.max_boxes)
        floors = self.min_score if isinstance(self.min_score, tuple) else (self.min_score,)
        good = all(_is_number(floor) and 0 <= floor <= 1 for floor in floors)
        _check(good, "min_score must lie in [0, 1]", self.min_score)
        if self.weights is not None:
            good = all(_is_number(w) and math.isfinite(w) and w >= 0 for w in self.weights)
            good = good and sum(self.weights) > 0
            _check(good, "weights must be finite, not negative, and one at least above 0", self.weights)

    def weights_of(self, members: int) -> FloatArray:
        """Weights ``(M,)``."""
        if self.weights is None:
            return np.ones(members)
        return _one_each("weights", self.weights, members)

    def floors_of(self, members: int) -> FloatArray:
        """Score floors ``(M,)``."""
        if isinstance(self.min_score, Sequence):
            return _one_each("min_score", self.min_score, members)
        return np.full(members, float(self.min_score))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number)


def _one_each(what: str, values: Sequence[float], members: int) -> FloatArray:
    _check(len(values) == members, f"{what} must have one number for each of the {members} members", tuple(values))
    return np.asarray(values, np.float64)


def _check(holds: bool, what: str, got: object) -> None:
    if not holds:
        raise UsageError(f"{what}, but got {got}")


def _check_choice(what: str, got: str, known: Sequence[str]) -> None:
    _check(got in known, f"{what} must be one of {', '.join(known)}", repr(got))
