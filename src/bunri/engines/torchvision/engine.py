"""The adapter: reads the native config, points it at our data set, runs, and translates to Predictions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bunri.dataset import Dataset
from bunri.engines.base import Job, Photos, ResolvedConfig, StopRequested, job_should_stop
from bunri.engines.torchvision import checkpoint
from bunri.engines.torchvision.builders import build_detector, open_score_floor
from bunri.engines.torchvision.checkpoint import Identity
from bunri.engines.torchvision.config import resolve
from bunri.engines.torchvision.inference import predict_view
from bunri.engines.torchvision.samples import seed_everything
from bunri.engines.torchvision.training import Trainer, device_of, progress_of
from bunri.errors import ConfigError, DataError
from bunri.events import Emit, Facts, PhaseStarted
from bunri.fuse import fuse
from bunri.io import load_dataset, write_predictions
from bunri.predictions import Predictions


class TorchvisionEngine:
    """torchvision's detectors behind the engine's door."""

    def resolve(self, config: Path, overrides: Mapping[str, Any]) -> ResolvedConfig:
        """The native config with overrides; builds nothing and downloads nothing."""
        return resolve(config, overrides)[1]

    def train(self, job: Job, emit: Emit) -> None:
        """Train, keep the best and the last checkpoint; resume where asked."""
        if job.train is None:
            raise ConfigError("train: a job that trains must name its training images")
        torch.set_num_threads(job.threads)
        train = _load(job.train)
        val = _load(job.val) if job.val is not None else None
        seed_everything(job.seed)
        model, identity = self._model(job, train.class_names, emit)
        Trainer(model, train, val, job, identity, emit).run()

    def predict(self, job: Job, emit: Emit) -> None:
        """Predict every set of the job with every view of the recipe."""
        torch.set_num_threads(job.threads)
        sets = {"val": job.val} if job.val is not None else {}
        for name, photos in {**sets, **job.predict}.items():
            dataset = _load(photos)
            model, identity = self._model(job, dataset.class_names, emit)
            path = job.checkpoint or job.folder.checkpoint_file("best")
            checkpoint.load_model(model, path, identity)
            self._predict_set(model, dataset, name, job, emit)

    def _model(self, job: Job, class_names: tuple[str, ...], emit: Emit) -> tuple[nn.Module, Identity]:
        config, resolved = resolve(job.config, job.overrides)
        model, origin = build_detector(config, len(class_names))
        emit(Facts({"weights": origin, "stages": config.stages, "parameters": _parameters(model)}))
        floor = job.recipe.score_floor
        open_score_floor(model, floor, job.recipe.max_boxes)
        return model, Identity.of(resolved.after, class_names)

    def _predict_set(self, model: nn.Module, dataset: Dataset, name: str, job: Job, emit: Emit) -> None:
        device, tta = device_of(job), job.recipe.tta
        model.to(device)
        emit(PhaseStarted("predict", len(dataset) * len(tta.views)))
        tick, views = progress_of(emit), []
        for view in tta.views:
            if job_should_stop():
                raise StopRequested
            views.append(predict_view(model, dataset, view, device, tick).clipped(dataset))
        if len(views) > 1:
            for found in views:
                write_predictions(found, job.folder.view_file(name, found.name), dataset)
        write_predictions(self._join(views, job), job.folder.predictions_file(name), dataset)

    def _join(self, views: list[Predictions], job: Job) -> Predictions:
        if len(views) == 1:
            return views[0]
        tta, recipe = job.recipe.tta, job.recipe
        return fuse(views, method=tta.method, iou=tta.iou, min_score=recipe.score_floor, max_boxes=recipe.max_boxes)


def _load(photos: Photos) -> Dataset:
    dataset = load_dataset(photos.annotations, photos.images)
    if not len(dataset):
        raise DataError(f"{photos.annotations} must have at least one image, but has none")
    return dataset


def _parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
