"""A trained detector of MMDetection, ready to predict."""

from typing import Any

import torch

from bunri.engines.base import Job
from bunri.engines.checkpoint import Identity
from bunri.engines.mmdetection import checkpoint, framework, weights
from bunri.engines.mmdetection.config import from_text
from bunri.engines.mmdetection.inference import MMDetectionFinder
from bunri.engines.mmdetection.loaders import test_pipeline
from bunri.engines.mmdetection.model import build, for_boxes, stages, with_floor


def trained(job: Job, resolved: str, class_names: tuple[str, ...]) -> tuple[Any, dict[str, Any]]:
    """The detector with the weights that predict, and facts on it.

    Raises:
        DataError: There is no such checkpoint, or it is of another model or other classes.
    """
    framework.load()
    config = from_text(resolved)
    path = job.checkpoint or job.folder.checkpoint_file("best")
    stored = checkpoint.load(path, Identity.of(resolved, class_names))
    values = weights.without(with_floor(for_boxes(config["model"], len(class_names)), job.recipe))
    detector = build(values)
    detector.load_state_dict(stored["state_dict"])
    facts = {
        "weights": weights.origin(config),
        "stages": stages(str(values["type"])),
        "parameters": sum(parameter.numel() for parameter in detector.parameters()),
    }
    return detector, facts


def finder(job: Job, resolved: str, class_names: tuple[str, ...]) -> tuple[MMDetectionFinder, dict[str, Any]]:
    """The same where it is to compute, with what prepares photos for it.

    Raises:
        DataError: As :func:`trained`.
    """
    detector, facts = trained(job, resolved, class_names)
    detector.to("cuda" if job.device != "cpu" and torch.cuda.is_available() else "cpu")
    return MMDetectionFinder(detector, test_pipeline(from_text(resolved))), facts
