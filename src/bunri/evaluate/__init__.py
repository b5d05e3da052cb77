"""Scores of predictions: the COCO metrics, their uncertainty, and comparisons in pairs."""

from bunri.evaluate.metrics import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
