"""A training by MMEngine's runner: its loop, its hooks, its optimizer wrapper, over our photos."""

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from bunri.dataset import Dataset
from bunri.engines.base import Job
from bunri.engines.checkpoint import Identity
from bunri.engines.feeding import load_photos
from bunri.engines.mmdetection import checkpoint, framework, running, weights
from bunri.engines.mmdetection.config import from_text
from bunri.engines.mmdetection.hook import RecordingHook
from bunri.engines.mmdetection.lengths import Plan
from bunri.engines.mmdetection.loaders import Notes
from bunri.engines.mmdetection.model import stages
from bunri.engines.mmdetection.text import as_text
from bunri.engines.process_group import is_first, world_size
from bunri.events import Emit, Facts, Note
from bunri.files import write_text
from bunri.io import write_coco


def train(job: Job, resolved: str, emit: Emit) -> None:
    """Train on ``job.train``.

    Raises:
        StopRequested: Somebody asked to stop; the last checkpoint is written.
    """
    framework.load()
    assert job.train is not None
    train_set = load_photos(job.train)
    val_set = load_photos(job.val) if job.val is not None else None
    identity, notes = Identity.of(resolved, train_set.class_names), Notes()
    config = running.with_data(from_text(resolved), job, train_set.class_names, notes)
    best = _start(config, job, identity)
    _write_truth(job, val_set)
    loader = Runner.build_dataloader(Config({"loader": config["train_dataloader"]}).loader, seed=job.seed)
    plan = _plan(config, loader, job)
    config = running.with_length(config, plan, job.recipe, notes)
    _tell(emit, notes, config)
    hook = RecordingHook(job, plan, identity, val_set, emit)
    hook.best = best
    _run(config, job, plan, loader, hook, emit)


def _start(config: dict[str, Any], job: Job, identity: Identity) -> float:
    """Say in the config what weights to start from; the best mAP50 that a resumed run knew."""
    path = job.folder.checkpoint_file("last")
    weights.read_files_safely()
    if not (job.resume and path.exists()):
        weights.check(config)
        return -1.0
    stored = checkpoint.load(path, identity)
    config |= {"model": weights.without(config["model"]), "load_from": str(path.absolute()), "resume": True}
    return float(stored[checkpoint.KEY]["best"])


def _write_truth(job: Job, val_set: Dataset | None) -> None:
    """The held-out truth for the framework's own metric, categories in our order.

    Boxes are numbered from 1: pycocotools takes a match with annotation 0 for no match.
    """
    if val_set is not None:
        boxes = replace(val_set.annotations, id=np.arange(1, len(val_set.annotations.id) + 1))
        job.folder.native_folder.mkdir(parents=True, exist_ok=True)
        write_coco(replace(val_set, annotations=boxes), job.folder.native_folder / "val.json")


def _plan(config: Mapping[str, Any], loader: Any, job: Job) -> Plan:
    sampler, accumulate = loader.sampler, config["optim_wrapper"].get("accumulative_counts", 1)
    photos = float(sampler.factors.sum())
    plan = Plan.of(config["train_cfg"], job.recipe, photos, loader.batch_size * world_size(), accumulate)
    sampler.epoch_length = max(round(plan.epoch), 1) * loader.batch_size
    return plan


def _tell(emit: Emit, notes: Notes, config: Mapping[str, Any]) -> None:
    for sentence in notes.sentences:
        emit(Note(sentence))
    emit(Facts({"weights": weights.origin(config), "stages": stages(str(config["model"]["type"]))}))


def _run(config: Mapping[str, Any], job: Job, plan: Plan, loader: Any, hook: RecordingHook, emit: Emit) -> None:
    file = _native_file(config, job) if is_first() else None
    _seed(job.seed)
    runner = Runner.from_cfg(Config(dict(config), filename=file, format_python_code=False))
    runner._train_dataloader = loader
    runner.train_loop._max_iters = plan.batches  # MMEngine takes all epochs for equally long
    runner.register_hook(hook, priority="LOWEST")
    emit(Facts({"parameters": sum(parameter.numel() for parameter in runner.model.parameters())}))
    runner.train()


def _native_file(config: Mapping[str, Any], job: Job) -> str:
    """The config as it runs, written."""
    path = job.folder.native_folder / "config.py"
    write_text(path, as_text(config))
    return str(path)


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
