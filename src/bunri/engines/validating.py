"""Validation while training: our evaluator's numbers under the contract's names, and which checkpoint is the best."""

from collections.abc import Mapping

from bunri.dataset import Dataset
from bunri.evaluate import Evaluation, evaluate
from bunri.events import Emit, Note
from bunri.predictions import Predictions


class Validator:
    """Judges predictions on the held-out images, and remembers the best mAP50 so far."""

    def __init__(self, val: Dataset, emit: Emit, best: float = -1.0) -> None:
        """Take the held-out images; ``best`` is what a resumed run knew."""
        self._val, self._emit, self.best = val, emit, best

    def judge(self, found: Predictions) -> tuple[dict[str, float], bool]:
        """Scalars ``val/...`` of predictions, and whether they are the best so far.

        Where no held-out image has a box nothing can be judged: the latest counts as the best, with a warning.
        """
        evaluation = evaluate(found, self._val)
        mAP50 = evaluation.mAP50
        if mAP50 != mAP50:
            self._emit(Note("no validation image has a box: the last checkpoint counts as the best", "warning"))
            return {}, True
        is_best = mAP50 > self.best
        self.best = max(self.best, mAP50)
        return validation_scalars(evaluation), is_best


def validation_scalars(evaluation: Evaluation) -> dict[str, float]:
    """An evaluation under the names of :mod:`bunri.events`; classes without boxes are left out."""
    values = {"val/mAP50": evaluation.mAP50, "val/mAP50_95": evaluation.mAP50_95}
    return values | {f"val/AP50/{name}": value for name, value in evaluation.AP50.items() if value == value}


def native_scalars(values: Mapping[str, object]) -> dict[str, float]:
    """A framework's own figures as ``native/<its name>``, numbers as they are, whatever is no number left out."""
    numbers = {name: value for name, value in values.items() if isinstance(value, (int, float))}
    return {f"native/{name}": float(value) for name, value in numbers.items()}
