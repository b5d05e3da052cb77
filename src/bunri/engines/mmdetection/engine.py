"""The adapter: reads the native config, points it at our data set, runs, and translates to Predictions.

Modules that import MMDetection are imported in the methods, after its compiled operators are stood in for.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bunri.dataset import Dataset
from bunri.engines.base import Job, ResolvedConfig
from bunri.engines.mmdetection import ops
from bunri.engines.predicting import Finder, predict_job
from bunri.errors import ConfigError, EngineError
from bunri.events import Emit, Facts
from bunri.files import write_text
from bunri.recipe import Recipe


class MMDetectionEngine:
    """MMDetection's detectors behind the engine's door."""

    def __init__(self) -> None:
        """Make MMDetection loadable.

        Raises:
            ImportError: MMCV is not installed.
        """
        ops.prepare()

    def is_code(self, config: Path) -> bool:
        """Whether a config is the user's own: in Python it is run, in YAML and JSON a ``type`` names what is called."""
        from bunri.engines.mmdetection.framework import shipped_configs

        return not config.resolve().is_relative_to(shipped_configs())

    def resolve(self, config: Path, overrides: Mapping[str, Any]) -> ResolvedConfig:
        """The native config with overrides, flattened; its model is built once to see that it can be."""
        from bunri.engines.mmdetection.config import resolve

        return resolve(config, overrides)

    def refusals(self, resolved: ResolvedConfig, recipe: Recipe) -> list[str]:
        """What of a recipe the model of a config cannot honour."""
        from bunri.engines.mmdetection.config import from_text
        from bunri.engines.mmdetection.refusals import refusals

        return refusals(from_text(resolved.after), recipe)

    def batch_size(self, resolved: ResolvedConfig, recipe: Recipe) -> int:
        """Photos in a batch, of all processes together."""
        from bunri.engines.mmdetection.config import from_text
        from bunri.engines.mmdetection.loaders import batch_size

        return batch_size(from_text(resolved.after), recipe)

    def train(self, job: Job, emit: Emit) -> None:
        """Train, keep the best and the last checkpoint; resume where asked."""
        if job.train is None:
            raise ConfigError("train: a job that trains must name its training images")
        _choose_device(job)
        from bunri.engines.mmdetection.training import train

        train(job, self._resolved(job), emit)

    def predict(self, job: Job, emit: Emit) -> None:
        """Predict every set of the job with every view of the recipe."""
        _choose_device(job)
        from bunri.engines.mmdetection.prediction import finder

        resolved = self._resolved(job)

        def finder_of(dataset: Dataset) -> Finder:
            found, facts = finder(job, resolved, dataset.class_names)
            emit(Facts(facts))
            return found

        predict_job(job, finder_of, emit)

    def export(self, job: Job, emit: Emit) -> None:
        """Write the networks of the checkpoint that would predict, and ``export.json``."""
        assert job.export is not None
        _choose_device(job)
        from bunri.engines.mmdetection.config import from_text
        from bunri.engines.mmdetection.loaders import test_pipeline
        from bunri.engines.mmdetection.prediction import trained

        resolved = self._resolved(job)
        detector, _ = trained(job, resolved, job.export.class_names)
        from bunri.engines.mmdetection.exporting import export_model  # needs MMDetection's modules registered

        networks = export_model(detector, test_pipeline(from_text(resolved)), job.recipe, job.export)
        write_text(job.export.folder / "export.json", networks.model_dump_json())

    def _resolved(self, job: Job) -> str:
        """The whole config as text: made before, or made now."""
        if job.resolved is not None:
            return job.resolved.read_text(encoding="utf-8")
        return self.resolve(job.config, job.overrides).after


def _choose_device(job: Job) -> None:
    """MMEngine takes a GPU wherever it sees one: hide it where the job wants none.

    Raises:
        EngineError: The job wants a GPU and there is none.
    """
    if job.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    import torch

    torch.set_num_threads(job.threads)
    if job.device == "cuda" and not torch.cuda.is_available():
        raise EngineError("device: cuda needs a GPU that torch sees, and there is none here. Say device: cpu or auto.")
