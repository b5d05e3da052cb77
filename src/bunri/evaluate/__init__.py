"""Scores of predictions: the COCO metrics, their uncertainty, and comparisons in pairs."""

from bunri.evaluate.bootstrap import Interval, bootstrap_AP50, bootstrap_mAP50, evaluate_with_intervals, interval
from bunri.evaluate.comparing import Comparison, compare
from bunri.evaluate.metrics import Evaluation, evaluate, evaluate_blocks
from bunri.evaluate.overlap import ErrorOverlap, Overlap, error_overlap

__all__ = [
    "Comparison",
    "ErrorOverlap",
    "Evaluation",
    "Interval",
    "Overlap",
    "bootstrap_AP50",
    "bootstrap_mAP50",
    "compare",
    "error_overlap",
    "evaluate",
    "evaluate_blocks",
    "evaluate_with_intervals",
    "interval",
]
