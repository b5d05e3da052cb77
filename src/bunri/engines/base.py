"""What every engine is: a job in, events and files out, and the table of engines.

An adapter does four things: read the native config, point it at our data set, run, translate to Predictions. It never
rebuilds a foreign config in our words, and refuses by name what it cannot honour.
"""

import importlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import field_serializer

from bunri.errors import ConfigError, MissingPackageError
from bunri.events import Emit
from bunri.recipe import Recipe
from bunri.run_folder import RunFolder
from bunri.settings import Settings, nearest


class Photos(Settings):
    """A data set as an engine gets it: COCO JSON and the folder of its photos."""

    annotations: Path
    """COCO JSON."""
    images: Path
    """Folder in which the file names start."""


class ExportWish(Settings):
    """What a model is to be exported to."""

    format: Literal["onnx", "torchscript"]
    """Of the networks."""
    folder: Path
    """Where they go, with ``export.json``: :class:`bunri.engines.exported.spec.ExportedNetworks`."""
    class_names: tuple[str, ...] = ()
    """Classes of the model, in order."""


class Job(Settings):
    """All an engine's worker is told, as written to the run folder's ``job.json``."""

    kind: Literal["job"] = "job"
    """Tells it from a :class:`CheckJob`."""
    engine: str
    """Name in the table of engines."""
    config: Path
    """The framework's own config file, byte for byte as the user wrote it."""
    overrides: dict[str, Any] = {}
    """Dotted keys of the native config and their new values."""
    trust: bool = False
    """Whether the user trusts the source of a config that is code."""
    resolved: Path | None = None
    """What :meth:`Engine.resolve` made of config and overrides, whole; null where nothing was resolved before."""
    recipe: Recipe = Recipe()
    """How to train and predict."""
    run_folder: Path
    """Where everything goes."""
    tasks: tuple[Literal["train", "predict", "export"], ...] = ("train", "predict")
    """What to do, in order."""
    train: Photos | None = None
    """Images to learn from."""
    val: Photos | None = None
    """Held-out images: validated while training, then predicted to ``predictions/val.parquet``."""
    predict: dict[str, Photos] = {}
    """Further sets to predict: name (as in ``predictions/<name>.parquet``) and photos."""
    standby: Path | None = None
    """COCO JSON that names the classes: the worker loads the model, stays and answers requests; null where it does not
    stay."""
    export: ExportWish | None = None
    """What the task ``export`` makes."""
    checkpoint: Path | None = None
    """Checkpoint to predict with or to export; null takes the run's own best one."""
    seed: int = 0
    """Of weights, order and augmentation."""
    threads: int = 1
    """CPU threads of the worker, shared among its processes."""
    processes: int = 1
    """Processes that train the model together, each on its share of every batch, and on a GPU of its own where it
    trains on GPUs."""
    loader_workers: int = 0
    """Processes that read and augment photos; 0 does it in the worker itself."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """``auto`` takes the GPU where there is one."""
    resume: bool = False
    """Go on from the last checkpoint where there is one."""
    python_path: tuple[Path, ...] = ()
    """Folders searched last for modules of the user's own (an engine, an optimizer)."""

    @property
    def folder(self) -> RunFolder:
        """The run folder with its paths."""
        return RunFolder(self.run_folder)

    @field_serializer("recipe")
    def _what_is_given(self, recipe: Recipe) -> dict[str, Any]:
        return recipe.given()


class ModelToCheck(Settings):
    """A native config, its overrides and its recipe, to be checked before anything trains."""

    name: str
    """Of the model in the experiment."""
    config: Path
    """The framework's own config file."""
    overrides: dict[str, Any] = {}
    """Dotted keys of the native config and their new values."""
    trust: bool = False
    """As in :class:`Job`."""
    recipe: Recipe = Recipe()
    """How it would be trained."""
    processes: int = 1
    """As in :class:`Job`."""
    gpus: int = 0
    """GPUs that must be where it is checked; 0 where it trains elsewhere or does without."""

    @field_serializer("recipe")
    def _what_is_given(self, recipe: Recipe) -> dict[str, Any]:
        return recipe.given()


class CheckJob(Settings):
    """Asks a worker whether it understands the native configs of some models, without training."""

    kind: Literal["check"] = "check"
    """Tells it from a :class:`Job`."""
    engine: str
    """Name in the table of engines."""
    models: tuple[ModelToCheck, ...]
    """All models of that engine, so that the framework is loaded once."""
    answer: Path
    """JSON file the worker writes: for each model its config before and after the overrides, or its mistakes."""
    python_path: tuple[Path, ...] = ()
    """As in :class:`Job`."""


class StopRequested(Exception):  # noqa: N818 - not an error: somebody asked
    """Raised by an engine that was asked to stop, after it has saved ``checkpoints/last``."""


_stop = threading.Event()


def request_stop() -> None:
    """Ask the engine in this process to stop at its next checkpoint."""
    _stop.set()


def job_should_stop() -> bool:
    """Whether somebody asked to stop; an engine looks between steps, saves and raises :class:`StopRequested`."""
    return _stop.is_set()


@dataclass(frozen=True)
class ResolvedConfig:
    """A native config with overrides applied, as text before and after.

    Attributes:
        before: The config, with what it is based on where it has bases.
        after: The same with the overrides; read alone it says the whole model.
        suffix: Of a file that holds such a text.
    """

    before: str
    after: str
    suffix: str = ".yaml"


class Engine(Protocol):
    """A framework behind one door. Methods raise errors of ours; what a framework prints goes to the run's log."""

    def resolve(self, config: Path, overrides: Mapping[str, Any]) -> ResolvedConfig:
        """Read the native config and apply overrides in the framework's own way.

        Raises:
            ConfigError: A key the framework does not know; the message names the nearest one.
        """

    def refusals(self, resolved: ResolvedConfig, recipe: Recipe) -> list[str]:
        """What the framework cannot honour of a recipe with this model: one sentence each, ``<field>: why``.

        Asked before anything trains; nothing of a recipe may be dropped in silence.
        """

    def train(self, job: Job, emit: Emit) -> None:
        """Train ``job.train``, validate on ``job.val``, keep ``checkpoints/best`` and ``checkpoints/last``.

        With ``job.resume`` it goes on from the last checkpoint, says so with ``Resumed``, and ends as if it had never
        been killed.

        Raises:
            StopRequested: :func:`job_should_stop` became true; the last checkpoint is saved.
        """

    def predict(self, job: Job, emit: Emit) -> None:
        """Predict ``job.val`` (as ``val``) and each of ``job.predict`` to ``predictions/<name>.parquet``.

        With ``job.standby`` it stays and answers requests. ``bunri.engines.predicting.predict_job`` does all of it.
        """


@runtime_checkable
class Exports(Protocol):
    """An engine whose models can be taken out of their framework."""

    def export(self, job: Job, emit: Emit) -> None:
        """Write what ``job.export`` asks for: networks that give what the trained model gives.

        Raises:
            ConfigError: The model cannot be exported exactly; the message says why, and what to do instead.
        """


@runtime_checkable
class SharesBatches(Protocol):
    """An engine that trains a model in several processes at once, each on its share of every batch.

    Its :meth:`Engine.train` is then called in each of them, inside a process group of torch's;
    :mod:`bunri.engines.process_group` has what it needs. Only the first process may write.
    """

    def batch_size(self, resolved: ResolvedConfig, recipe: Recipe) -> int:
        """Photos in a batch, which the processes share: as the recipe says, else as the config does."""


@runtime_checkable
class ReadsCode(Protocol):
    """An engine whose native configs may be code; such a one is asked before it reads any."""

    def is_code(self, config: Path) -> bool:
        """Whether reading the file, or building what it says, can run what its author wants.

        Nothing of the file is run to find out. Configs that come with the framework count as no code.
        """


def refuse_code(engine: Engine, config: Path, trust: bool) -> None:
    """Refuse a native config that is code, unless the user trusts its source.

    Raises:
        ConfigError: Naming the file and the switch; nothing of the file has been run.
    """
    if not trust and isinstance(engine, ReadsCode) and config.is_file() and engine.is_code(config):
        raise ConfigError(
            f"config: {config} is code, which the framework runs with all you may do, so its source must be trusted. "
            "Read it, and if you trust it say `trust: true` beside `config:` in the experiment."
        )


ENGINES: Mapping[str, str] = {
    "torchvision": "bunri.engines.torchvision.engine:TorchvisionEngine",
    "detectron2": "bunri.engines.detectron2.engine:Detectron2Engine",
    "ultralytics": "bunri.engines.ultralytics.engine:UltralyticsEngine",
    "mmdetection": "bunri.engines.mmdetection.engine:MMDetectionEngine",
    "effdet": "bunri.engines.effdet.engine:EffdetEngine",
}
"""Name of an engine and where its class is; the class is imported only in the worker."""


def engine_by_name(name: str) -> Engine:
    """The engine of a name in the table, or of a ``module:Class`` path of the user's own.

    Raises:
        ConfigError: There is no such engine.
        MissingPackageError: Its framework is not installed in this environment.
    """
    path = ENGINES.get(name, name if ":" in name else None)
    if path is None:
        raise ConfigError(f"engine: {name!r} is unknown{nearest(name, list(ENGINES))}")
    module, _, attribute = path.partition(":")
    try:
        engine: Engine = getattr(importlib.import_module(module), attribute)()
    except (ImportError, AttributeError) as error:
        raise MissingPackageError(f"engine {name} cannot be loaded: {error}. {_next_step(name)}") from error
    return engine


def _next_step(name: str) -> str:
    if name in ENGINES:
        return "`bunri engines list` says what is missing and the line that installs it."
    return "Put its module beside the model's config file or where the command is given, or install it."
