"""The adapter: reads the native config, points it at our data set, runs, and translates to Predictions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bunri.dataset import Dataset
from bunri.engines.base import Job, ResolvedConfig
from bunri.engines.feeding import load_photos
from bunri.engines.predicting import predict_job
from bunri.engines.torchvision import checkpoint
from bunri.engines.torchvision.builders import build_detector, mistakes_in, open_score_floor
from bunri.engines.torchvision.checkpoint import Identity
from bunri.engines.torchvision.config import resolve
from bunri.engines.torchvision.inference import TorchvisionFinder
from bunri.engines.torchvision.samples import seed_everything
from bunri.engines.torchvision.training import Trainer, device_of
from bunri.errors import ConfigError
from bunri.events import Emit, Facts
from bunri.recipe import Recipe


class TorchvisionEngine:
    """torchvision's detectors behind the engine's door."""

    def resolve(self, config: Path, overrides: Mapping[str, Any]) -> ResolvedConfig:
        """The native config with overrides; downloads nothing, but looks whether what it names is there."""
        detector, resolved = resolve(config, overrides)
        if mistakes := mistakes_in(detector):
            raise ConfigError("\n".join(mistakes), mistakes)
        return resolved

    def refusals(self, resolved: ResolvedConfig, recipe: Recipe) -> list[str]:
        """The loop is ours: it honours every field."""
        return []

    def train(self, job: Job, emit: Emit) -> None:
        """Train, keep the best and the last checkpoint; resume where asked."""
        if job.train is None:
            raise ConfigError("train: a job that trains must name its training images")
        torch.set_num_threads(job.threads)
        train = load_photos(job.train)
        val = load_photos(job.val) if job.val is not None else None
        seed_everything(job.seed)
        model, identity = self._model(job, train.class_names, emit)
        Trainer(model, train, val, job, identity, emit).run()

    def predict(self, job: Job, emit: Emit) -> None:
        """Predict every set of the job with every view of the recipe."""
        torch.set_num_threads(job.threads)
        path = job.checkpoint or job.folder.checkpoint_file("best")

        def finder_of(dataset: Dataset) -> TorchvisionFinder:
            model, identity = self._model(job, dataset.class_names, emit)
            checkpoint.load_model(model, path, identity)
            return TorchvisionFinder(model, device_of(job))

        predict_job(job, finder_of, emit)

    def _model(self, job: Job, class_names: tuple[str, ...], emit: Emit) -> tuple[nn.Module, Identity]:
        config, resolved = resolve(job.config, job.overrides)
        model, origin = build_detector(config, len(class_names))
        emit(Facts({"weights": origin, "stages": config.stages, "parameters": _parameters(model)}))
        floor = job.recipe.score_floor
        open_score_floor(model, floor, job.recipe.max_boxes)
        return model, Identity.of(resolved.after, class_names)


def _parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
