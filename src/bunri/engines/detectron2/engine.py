"""The adapter: reads the native config, points it at our data set, lets Detectron2 run, translates to Predictions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import detectron2  # noqa: F401 - where it is absent the engine says how to install it
import torch

from bunri.dataset import Dataset
from bunri.engines.base import Job, ResolvedConfig
from bunri.engines.detectron2 import config as configs
from bunri.engines.predicting import predict_job
from bunri.engines.process_group import rank, world_size
from bunri.events import Emit
from bunri.files import write_text
from bunri.recipe import Recipe


class Detectron2Engine:
    """Detectron2 behind the engine's door."""

    def is_code(self, config: Path) -> bool:
        """Whether a config is a LazyConfig of the user's own: in Python it is run, in YAML ``_target_`` is called."""
        return configs.is_code(config)

    def resolve(self, config: Path, overrides: Mapping[str, Any]) -> ResolvedConfig:
        """A yacs config or a LazyConfig with what it is based on, and overrides; downloads nothing."""
        return configs.resolve(config, overrides)

    def refusals(self, resolved: ResolvedConfig, recipe: Recipe) -> list[str]:
        """What Detectron2 cannot honour of a recipe with this config."""
        return configs.model_of_text(resolved).refusals(recipe)

    def batch_size(self, resolved: ResolvedConfig, recipe: Recipe) -> int:
        """Photos in a batch."""
        from bunri.engines.detectron2.native import recipe_in_full

        return recipe_in_full(recipe, configs.model_of_text(resolved)).batch_size

    def train(self, job: Job, emit: Emit) -> None:
        """Train by Detectron2's own trainer, keep the best and the last checkpoint; resume where asked."""
        from bunri.engines.detectron2.loading import seed_everything
        from bunri.engines.detectron2.run import Run
        from bunri.engines.detectron2.trainers import train

        set_up(job)
        seed_everything(job.seed)
        train(Run(job, configs.model_of_job(job), emit))

    def predict(self, job: Job, emit: Emit) -> None:
        """Predict every set of the job with every view of the recipe."""
        from bunri.engines.detectron2.inference import Detectron2Finder, Preparation
        from bunri.engines.detectron2.models import model_to_predict

        set_up(job)

        def finder_of(dataset: Dataset) -> Detectron2Finder:
            native = configs.model_of_job(job)
            model = model_to_predict(job, native, dataset.class_names)
            return Detectron2Finder(model, Preparation(native))

        predict_job(job, finder_of, emit)

    def export(self, job: Job, emit: Emit) -> None:
        """Write the networks of the checkpoint that would predict, and ``export.json``."""
        from bunri.engines.detectron2.exporting import export_model
        from bunri.engines.detectron2.inference import Preparation
        from bunri.engines.detectron2.models import model_to_predict

        assert job.export is not None
        set_up(job)
        native = configs.model_of_job(job)
        model = model_to_predict(job, native, job.export.class_names).eval()
        networks = export_model(model, Preparation(native), job.recipe, job.export)
        write_text(job.export.folder / "export.json", networks.model_dump_json())


def set_up(job: Job) -> None:
    """Threads, processes, and the framework's words to the log."""
    from detectron2.utils import comm
    from detectron2.utils.logger import setup_logger

    torch.set_num_threads(job.threads)
    if world_size() > 1:
        comm.create_local_process_group(world_size())
    for name in ("detectron2", "fvcore"):
        setup_logger(name=name, color=False, distributed_rank=rank())
