"""Calibration: scores turned into the share of boxes of that score that are true.

Members of different frameworks mean different things by 0.7; calibrated, they may be averaged. A curve is fitted per
class and drawn toward the curve of all classes the more, the fewer true boxes the class has.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.errors import DataError, UsageError
from bunri.fuse.calibration_curves import CURVES, GRID
from bunri.predictions import Predictions

POOLING = 50.0
"""True boxes at which a class trusts its own curve as much as that of all classes."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """The curves of one member.

    Attributes:
        method: One of ``CURVES``.
        table: ``(C, 201)`` the curve of each class on ``GRID``, rising, in [0, 1].
    """

    method: str
    table: FloatArray

    def apply(self, score: FloatArray, class_index: IntArray) -> FloatArray:
        """Calibrated scores ``(N,)``."""
        place = np.clip(score, 0.0, 1.0) * (len(GRID) - 1)
        left = np.minimum(place.astype(np.int64), len(GRID) - 2)
        share = place - left
        return np.asarray(
            (1 - share) * self.table[class_index, left] + share * self.table[class_index, left + 1], np.float64
        )

    def apply_to(self, member: Predictions) -> Predictions:
        """The same boxes with calibrated scores.

        Raises:
            DataError: The member names classes that were not there when it was fitted.
        """
        if member.class_index.max(initial=-1) >= len(self.table):
            raise DataError(
                f"{member.name} names class {member.class_index.max()}, but the calibration has {len(self.table)} "
                "classes, from 0 on. Check the pair of files."
            )
        return replace(member, score=self.apply(member.score, member.class_index))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"method": self.method, "table": self.table.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Calibration":
        """Back from ``to_dict``.

        Raises:
            DataError: It is not what ``to_dict`` gives.
        """
        try:
            table = np.asarray(values["table"], np.float64)
            if table.ndim != 2 or table.shape[1] != len(GRID):
                raise ValueError(f"the table must be (classes, {len(GRID)}), but it is {table.shape}")
            if not np.all((table >= 0) & (table <= 1)) or np.any(np.diff(table) < 0):
                raise ValueError("the table must rise and lie in [0, 1]")
            return cls(str(values["method"]), table)
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise DataError(f"a calibration must be whole, but it is not: {error}. Fit it again.") from error


def fit_calibration(
    score: FloatArray, class_index: IntArray, is_true: BoolArray, classes: int, method: str = "isotonic"
) -> Calibration:
    """Fit the curves of one member.

    Args:
        score: ``(N,)`` in [0, 1], of boxes the member was not trained on.
        class_index: ``(N,)``
        is_true: ``(N,)`` whether each box is a true positive.
        classes: C.
        method: One of ``CURVES``.

    Raises:
        UsageError: The method is not known.
        DataError: There is no true box, or no false one.
    """
    if method not in CURVES:
        raise UsageError(f"method must be one of {', '.join(CURVES)}, but got {method!r}")
    if is_true.all() or not is_true.any():
        raise DataError(
            f"calibration needs true and false boxes, but {int(is_true.sum())} of {len(is_true)} are true. "
            "Check the pair of files, or lower the floor of the scores."
        )
    curve = CURVES[method]
    pooled = curve(score, is_true)
    table = np.tile(pooled, (classes, 1))
    for c in range(classes):
        own = class_index == c
        true = int(is_true[own].sum())
        if 0 < true < own.sum():
            trust = true / (true + POOLING)
            table[c] = trust * curve(score[own], is_true[own]) + (1 - trust) * pooled
    return Calibration(method, np.round(table, 6))


def calibrate_out_of_fold(
    score: FloatArray,
    class_index: IntArray,
    is_true: BoolArray,
    fold: IntArray,
    classes: int,
    method: str = "isotonic",
) -> FloatArray:
    """Calibrated scores ``(N,)``, each by curves fitted on the other folds; ``fold`` is ``(N,)``."""
    result = np.empty(len(score))
    for k in np.unique(fold):
        held_out = fold == k
        fitted = fit_calibration(score[~held_out], class_index[~held_out], is_true[~held_out], classes, method)
        result[held_out] = fitted.apply(score[held_out], class_index[held_out])
    return result
