"""An engine of a model library: it reads the native config and builds a detector; the loop trains and predicts."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from bunri.dataset import Dataset
from bunri.engines import checkpoint
from bunri.engines.base import Job, ResolvedConfig
from bunri.engines.checkpoint import Identity
from bunri.engines.feeding import load_photos
from bunri.engines.loop.detector import Detector
from bunri.engines.loop.samples import seed_everything
from bunri.engines.loop.trainer import Trainer, device_of
from bunri.engines.predicting import Finder, predict_job
from bunri.engines.process_group import is_first
from bunri.errors import ConfigError
from bunri.events import Emit, Facts
from bunri.files import read_bytes, write_text
from bunri.recipe import Recipe


class LoopEngine(ABC):
    """Base of such engines (:class:`bunri.engines.base.Engine`); a library adds ``resolve`` and ``build``."""

    @abstractmethod
    def resolve(self, config: Path, overrides: Mapping[str, Any]) -> ResolvedConfig:
        """Read the native config and apply overrides in the library's own way.

        Raises:
            ConfigError: A key or value the library does not know; the message names the nearest key.
        """

    @abstractmethod
    def build(self, config: str, class_names: tuple[str, ...], recipe: Recipe) -> Detector:
        """The detector of a resolved config.

        Args:
            config: ``ResolvedConfig.after`` of :meth:`resolve`.
            class_names: Of the data set, in order.
            recipe: Its ``score_floor`` and ``max_boxes`` are what the detector must not cut below.

        Raises:
            ConfigError: The library refuses the config.
            DataError: Weights it names cannot be had, or do not fit.
        """

    def refusals(self, resolved: ResolvedConfig, recipe: Recipe) -> list[str]:
        """The loop is ours: it honours every field."""
        return []

    def batch_size(self, resolved: ResolvedConfig, recipe: Recipe) -> int:
        """The recipe's: these libraries' configs say none."""
        return recipe.batch_size

    def train(self, job: Job, emit: Emit) -> None:
        """Train, keep the best and the last checkpoint; resume where asked."""
        if job.train is None:
            raise ConfigError("train: a job that trains must name its training images")
        torch.set_num_threads(job.threads)
        train = load_photos(job.train)
        val = load_photos(job.val) if job.val is not None else None
        seed_everything(job.seed)
        detector, identity = self._detector(job, train.class_names, emit)
        suffix = job.resolved.suffix if job.resolved is not None else ".yaml"
        if is_first():
            write_text(job.folder.native_folder / f"config{suffix}", detector.native)
        Trainer(detector, train, val, job, identity, emit).run()

    def predict(self, job: Job, emit: Emit) -> None:
        """Predict every set of the job with every view of the recipe."""
        torch.set_num_threads(job.threads)
        path = job.checkpoint or job.folder.checkpoint_file("best")

        def finder_of(dataset: Dataset) -> Finder:
            detector, identity = self._detector(job, dataset.class_names, emit)
            checkpoint.load_model(detector.model, path, identity)
            return detector.finder(detector.model, device_of(job))

        predict_job(job, finder_of, emit)

    def export(self, job: Job, emit: Emit) -> None:
        """Write the networks of the checkpoint that would predict, and ``export.json``."""
        assert job.export is not None
        detector, identity = self._detector(job, job.export.class_names, emit)
        checkpoint.load_model(detector.model, job.checkpoint or job.folder.checkpoint_file("best"), identity)
        networks = detector.export(job.recipe, job.export)
        write_text(job.export.folder / "export.json", networks.model_dump_json())

    def _detector(self, job: Job, class_names: tuple[str, ...], emit: Emit) -> tuple[Detector, Identity]:
        text = self._resolved(job)
        detector = self.build(text, class_names, job.recipe)
        parameters = sum(parameter.numel() for parameter in detector.model.parameters())
        emit(Facts({**detector.facts, "parameters": parameters}))
        return detector, Identity.of(text, class_names)

    def _resolved(self, job: Job) -> str:
        """The config as it was resolved before the run began; for a job made by hand it is resolved now."""
        if job.resolved is not None:
            return read_bytes(job.resolved, "the resolved config").decode()
        return self.resolve(job.config, job.overrides).after
