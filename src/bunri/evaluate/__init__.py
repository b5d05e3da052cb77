"""Scores of predictions: the COCO metrics, their uncertainty, and comparisons in pairs."""

from bunri.evaluate.bootstrap import Interval, bootstrap_AP50, bootstrap_mAP50, evaluate_with_intervals, interval
from bunri.evaluate.comparing import Comparison, compare
from bunri.evaluate.metrics import Evaluation, evaluate

__all__ = [
    "Comparison",
    "Evaluation",
    "Interval",
    "bootstrap_AP50",
    "bootstrap_mAP50",
    "compare",
    "evaluate",
    "evaluate_with_intervals",
    "interval",
]
