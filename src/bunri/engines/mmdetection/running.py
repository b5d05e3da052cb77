"""The config as it runs: the native one, pointed at our data, with what the recipe says and nothing else changed."""

from collections.abc import Mapping
from typing import Any

from bunri.engines.base import Job
from bunri.engines.mmdetection import loaders, model, pipelines
from bunri.engines.mmdetection.lengths import Plan
from bunri.engines.mmdetection.loaders import Notes
from bunri.engines.mmdetection.pipelines import kind
from bunri.engines.mmdetection.variables import UNREAD, runner_keys
from bunri.engines.process_group import world_size
from bunri.recipe import Recipe

LOCAL_BACKEND = {"type": "LocalVisBackend"}
"""The only place the framework's own visualizer writes to: below ``native/``."""


def with_data(values: Mapping[str, Any], job: Job, class_names: tuple[str, ...], notes: Notes) -> dict[str, Any]:
    """The config over the job's photos and classes, all but its length."""
    assert job.train is not None
    config = {key: value for key, value in values.items() if key in runner_keys() and key not in UNREAD}
    config["model"] = _model(values, job.recipe, len(class_names))
    config["train_dataloader"] = loaders.training_loader(values, job.train, job.recipe, job.loader_workers, notes)
    config |= _validation(values, job, notes)
    config["optim_wrapper"] = _optim_wrapper(values, job.recipe, _has_gpu(job), notes)
    config |= _hooks(values, job.recipe, config["optim_wrapper"].get("accumulative_counts", 1), notes)
    config |= _surroundings(values, job) | _processes(values)
    if job.recipe.says("optimizer") and (config.get("auto_scale_lr") or {}).get("enable"):
        notes.add("auto_scale_lr: off, as the recipe says the learning rate")
        config["auto_scale_lr"] = None
    return config


def with_length(config: Mapping[str, Any], plan: Plan, recipe: Recipe, notes: Notes) -> dict[str, Any]:
    """The same with its length, and the recipe's schedule over it."""
    done = {**config, "train_cfg": plan.train_cfg(config["train_cfg"])}
    native = config.get("param_scheduler") or []
    schedulers = native if isinstance(native, (list, tuple)) else [native]
    if recipe.says("schedule"):
        ours = {"type": "RecipeSchedule", "schedule": recipe.schedule.model_dump(mode="json")}
        momenta = [entry for entry in schedulers if kind(entry).endswith("Momentum")]
        done["param_scheduler"] = [{**ours, "total": plan.steps, "accumulate": plan.accumulate}, *momenta]
    elif recipe.says_length and schedulers:
        notes.add(
            "param_scheduler: the native schedule stays as it is, made for the native length "
            f"({_length(config['train_cfg'])}); say recipe.schedule for one that fits"
        )
    return done


def _length(train_cfg: Mapping[str, Any]) -> str:
    return next((f"{key} {train_cfg[key]}" for key in ("max_epochs", "max_iters") if key in train_cfg), "unknown")


def _has_gpu(job: Job) -> bool:
    import torch

    return job.device != "cpu" and torch.cuda.is_available()


def _model(values: Mapping[str, Any], recipe: Recipe, classes: int) -> dict[str, Any]:
    detector = model.with_floor(model.for_boxes(values["model"], classes), recipe)
    if recipe.says("augment") and isinstance(detector.get("data_preprocessor"), Mapping):
        detector["data_preprocessor"] = _without_batch_augments(detector["data_preprocessor"])
    return detector


def _without_batch_augments(preprocessor: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in preprocessor.items() if key != "batch_augments"}


def _validation(values: Mapping[str, Any], job: Job, notes: Notes) -> dict[str, Any]:
    if job.val is None:
        return {"val_dataloader": None, "val_cfg": None, "val_evaluator": None}
    truth = str((job.folder.native_folder / "val.json").absolute())
    return {
        "val_dataloader": loaders.validation_loader(values, job.val, job.loader_workers),
        "val_cfg": values.get("val_cfg") or {"type": "ValLoop"},
        "val_evaluator": _evaluator(values.get("val_evaluator"), truth, notes),
    }


def _evaluator(native: Any, truth: str, notes: Notes) -> dict[str, Any]:
    """COCO's metric over our truth, with what the native one says of it (``classwise``, ``proposal_nums``)."""
    entries = native if isinstance(native, (list, tuple)) else [native or {}]
    found: Mapping[str, Any] = next((e for e in entries if e.get("type") and kind(e) == "CocoMetric"), {})
    if len(entries) > len([found] if found else []):
        notes.add("val_evaluator: CocoMetric on boxes is what stands under native/; other metrics are left out")
    said = {key: found[key] for key in ("classwise", "proposal_nums", "iou_thrs", "metric_items") if key in found}
    return {"type": "CocoMetric", **said, "metric": "bbox", "ann_file": truth}


def _optim_wrapper(values: Mapping[str, Any], recipe: Recipe, has_gpu: bool, notes: Notes) -> dict[str, Any]:
    wrapper = dict(values["optim_wrapper"])
    _set_precision(wrapper, recipe, has_gpu, notes)
    if recipe.says("optimizer"):
        wrapper.pop("paramwise_cfg", None)
        wrapper |= {
            "constructor": "RecipeOptimWrapperConstructor",
            "optimizer": recipe.optimizer.model_dump(mode="json"),
        }
    if recipe.says("clip_norm"):
        wrapper["clip_grad"] = None if recipe.clip_norm is None else {"max_norm": recipe.clip_norm, "norm_type": 2}
    if recipe.says("accumulate"):
        wrapper["accumulative_counts"] = recipe.accumulate
    return wrapper


def _set_precision(wrapper: dict[str, Any], recipe: Recipe, has_gpu: bool, notes: Notes) -> None:
    """Mixed precision as the recipe says, else as the config does, and only on a GPU."""
    native = str(wrapper.get("type", "OptimWrapper")).rpartition(".")[2] == "AmpOptimWrapper"
    wanted = recipe.amp if recipe.says("amp") else native
    if wanted and has_gpu:
        wrapper["type"] = "AmpOptimWrapper"
    elif native:
        if wanted:
            notes.add("optim_wrapper: AmpOptimWrapper needs a GPU, so the training is in single precision")
        wrapper["type"] = "OptimWrapper"
        for key in ("loss_scale", "dtype", "use_fsdp"):
            wrapper.pop(key, None)


def _hooks(values: Mapping[str, Any], recipe: Recipe, accumulate: int, notes: Notes) -> dict[str, Any]:
    custom = list(values.get("custom_hooks") or [])
    if recipe.says("ema"):
        custom = [hook for hook in custom if kind(hook) != "EMAHook"]
        if recipe.ema > 0:
            custom.append(_ema(recipe.ema ** (1 / accumulate)))
    if recipe.says("augment"):
        kept = [hook for hook in custom if kind(hook) != "PipelineSwitchHook"]
        if len(kept) < len(custom):
            notes.add("recipe.augment replaces the pipelines of PipelineSwitchHook")
        custom = kept
    custom = [_with_photos_there(hook) for hook in custom]
    hooks = {**(values.get("default_hooks") or {}), "checkpoint": None}
    return {"default_hooks": hooks, "custom_hooks": custom}


def _with_photos_there(hook: Mapping[str, Any]) -> dict[str, Any]:
    """A hook that changes the pipeline gets one that begins with the loaded photo, too."""
    key = "switch_pipeline"
    return {**hook, key: pipelines.without_loading(hook[key])} if key in hook else dict(hook)


def _ema(decay: float) -> dict[str, Any]:
    """The framework's moving average, per batch."""
    average = {"type": "EMAHook", "ema_type": "ExponentialMovingAverage", "update_buffers": True}
    return {**average, "momentum": 1 - decay}


def _processes(values: Mapping[str, Any]) -> dict[str, Any]:
    """In several processes MMEngine's wrapper of the model; a batch may leave parameters out, as one without boxes."""
    if world_size() == 1:
        return {"launcher": "none"}
    unused = values.get("find_unused_parameters", True)
    wrapper = {"type": "MMDistributedDataParallel", "broadcast_buffers": False, "find_unused_parameters": unused}
    wrapper |= values.get("model_wrapper_cfg") or {}
    return {"launcher": "pytorch", "model_wrapper_cfg": {**wrapper, "device_ids": None}}


def _surroundings(values: Mapping[str, Any], job: Job) -> dict[str, Any]:
    visualizer = {"type": "DetLocalVisualizer", "name": "visualizer", "vis_backends": [LOCAL_BACKEND]}
    return {
        "default_scope": values.get("default_scope") or "mmdet",
        "randomness": {**(values.get("randomness") or {}), "seed": job.seed},
        "resume": False,
        "test_cfg": None,
        "test_dataloader": None,
        "test_evaluator": None,
        "visualizer": visualizer,
        "work_dir": str(job.folder.native_folder.absolute()),
    }
