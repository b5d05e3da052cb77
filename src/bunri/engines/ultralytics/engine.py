"""The adapter: reads the native config, points it at our data set, runs, and translates to Predictions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bunri.dataset import Dataset
from bunri.engines.base import Job, ResolvedConfig
from bunri.engines.feeding import load_photos
from bunri.engines.predicting import Finder, predict_job
from bunri.engines.process_group import is_first
from bunri.engines.ultralytics.config import NativeConfig, resolve
from bunri.engines.ultralytics.native_run import batch_of, batch_refusal, native_run
from bunri.errors import BunriError, ConfigError
from bunri.events import Emit, Facts, Note, PhaseStarted, Resumed
from bunri.files import write_text
from bunri.recipe import Recipe
from bunri.settings import parse_yaml


class UltralyticsEngine:
    """YOLO and RT-DETR behind the engine's door."""

    def resolve(self, config: Path, overrides: Mapping[str, Any]) -> ResolvedConfig:
        """The native config with overrides and the model's layers, which are built once; downloads nothing."""
        native, resolved = resolve(config, overrides)
        check_building(native, str(config))
        return resolved

    def refusals(self, resolved: ResolvedConfig, recipe: Recipe) -> list[str]:
        """Everything of a recipe is honoured; only a batch size must be said somewhere."""
        return batch_refusal(NativeConfig(parse_yaml(resolved.after), {}, {}), recipe)

    def batch_size(self, resolved: ResolvedConfig, recipe: Recipe) -> int:
        """Photos in a batch, of all processes together, as Ultralytics' own ``batch`` is."""
        return batch_of(NativeConfig(parse_yaml(resolved.after), {}, {}), recipe)

    def train(self, job: Job, emit: Emit) -> None:
        """Train in Ultralytics' trainer; keep the best and the last checkpoint; resume where asked."""
        from bunri.engines import checkpoint
        from bunri.engines.ultralytics import training
        from bunri.engines.ultralytics.assignment import Assignment

        if job.train is None:
            raise ConfigError("train: a job that trains must name its training images")
        train = load_photos(job.train)
        val = load_photos(job.val) if job.val is not None else None
        config, resolved = _config(job)
        run = native_run(config, job, train, devices_of(job))
        identity = checkpoint.Identity.of(resolved.after, train.class_names)
        last = job.folder.checkpoint_file("last")
        stored = checkpoint.load(last, identity) if job.resume and last.exists() else None
        if stored is not None and stored["iteration"] >= run.plan.steps:
            emit(Resumed(run.plan.steps))
            emit(PhaseStarted("train", run.plan.steps, run.plan.steps))
            return
        _tell_what_is_ignored(config, emit)
        if is_first():
            write_text(job.folder.native_folder / "model.yaml", resolved.after)
        training.train(Assignment(job, config, run, train, val, identity, stored, emit))

    def predict(self, job: Job, emit: Emit) -> None:
        """Predict every set of the job with every view of the recipe."""
        config, resolved = _config(job)

        def finder_of(dataset: Dataset) -> Finder:
            return _finder(job, config, resolved.after, dataset, emit)

        predict_job(job, finder_of, emit)

    def export(self, job: Job, emit: Emit) -> None:
        """Write the network of the checkpoint that would predict, and ``export.json``."""
        from bunri.engines.ultralytics.exporting import export_model

        assert job.export is not None
        config, resolved = _config(job)
        model, args = _trained(job, config, resolved.after, job.export.class_names)
        networks = export_model(model, args, config.stages == "transformer", job.recipe, job.export)
        write_text(job.export.folder / "export.json", networks.model_dump_json())


def _config(job: Job) -> tuple[NativeConfig, ResolvedConfig]:
    """What was resolved before the run, or the native config resolved now."""
    return resolve(job.resolved, {}) if job.resolved is not None else resolve(job.config, job.overrides)


def _tell_what_is_ignored(config: NativeConfig, emit: Emit) -> None:
    if config.ignored:
        keys = ", ".join(f"{key}: {value}" for key, value in config.ignored.items())
        emit(Note(f"the experiment says where data and results lie and what to run on; not used: {keys}"))


def device_of(job: Job) -> str:
    """The device as Ultralytics writes it: ``cpu``, or the number of the GPU."""
    import torch

    wants_gpu = job.device == "cuda" or (job.device == "auto" and torch.cuda.is_available())
    return "0" if wants_gpu else "cpu"


def devices_of(job: Job) -> str:
    """The device list of a training: a GPU for each process."""
    device = device_of(job)
    return device if device == "cpu" else ",".join(map(str, range(job.processes)))


def check_building(config: NativeConfig, source: str) -> None:
    """Build the model, which fails where layers do not fit.

    Raises:
        ConfigError: Ultralytics refuses; the reason is its own.
    """
    import torch

    try:
        with torch.random.fork_rng(devices=[]):
            _random_model(config, 2)
    except BunriError:
        raise
    except Exception as error:  # its parser checks little
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ConfigError(f"{source}: model: its layers do not fit: {reason}") from error


def _random_model(config: NativeConfig, classes: int) -> Any:
    from ultralytics.nn.tasks import DetectionModel, RTDETRDetectionModel

    from bunri.engines.ultralytics.layers import without_weights

    kind = RTDETRDetectionModel if config.stages == "transformer" else DetectionModel
    return kind(without_weights(config.model), nc=classes, verbose=False)


def _trained(job: Job, config: NativeConfig, resolved: str, class_names: tuple[str, ...]) -> tuple[Any, dict[str, Any]]:
    """The model with the weights that predict, and Ultralytics' arguments opened to the recipe's floor."""
    import torch

    from bunri.engines import checkpoint

    path = job.checkpoint or job.folder.checkpoint_file("best")
    stored = checkpoint.load(path, checkpoint.Identity.of(resolved, class_names))
    model = _random_model(config, len(class_names))
    model.load_state_dict(stored["model"])
    torch.set_num_threads(job.threads)
    recipe = job.recipe
    args = {"conf": recipe.score_floor, "max_det": max(config.args["max_det"], recipe.max_boxes), "plots": False}
    return model, config.args | args


def _finder(job: Job, config: NativeConfig, resolved: str, dataset: Dataset, emit: Emit) -> Finder:
    import torch

    from bunri.engines.ultralytics.inference import UltralyticsFinder

    is_transformer, device = config.stages == "transformer", device_of(job)
    model, args = _trained(job, config, resolved, dataset.class_names)
    emit(Facts({"stages": config.stages}))
    args |= {"device": device, "save_txt": False}
    folder = job.folder.native_folder / "predict"
    return UltralyticsFinder(model, args, torch.device("cuda:0" if device == "0" else "cpu"), is_transformer, folder)
