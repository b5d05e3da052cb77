"""The settings of an experiment file, one class a part, a sentence under every field."""

import math
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from bunri.recipe import Recipe
from bunri.settings import Settings
from bunri.store import StoreSettings
from bunri.writers import WritersSettings

Name = Annotated[str, Field(pattern=r"^[\w][\w.+-]*$")]
"""Names become folders: letters, digits, ``_``, ``.``, ``+`` and ``-``."""

RESERVED_NAMES = ("data", "ensemble")
"""Folders of an experiment that are no model's."""

Scalar = str | int | float | bool | None


def _not_reserved(name: str) -> str:
    if name in RESERVED_NAMES:
        raise ValueError(f"the name of a model must not be one of {', '.join(RESERVED_NAMES)}")
    return name


class Selection(Settings):
    """Some of the images of an annotation file."""

    where: dict[str, Scalar | list[Scalar]] = {}
    """Fields of the images and the value, or the values, they must have."""
    at_most: dict[str, Annotated[int, Field(ge=0)]] = {}
    """Class and on how many images it may be, drawn at random: a small data set, or one with a long tail."""
    seed: int = 0
    """Of the draw."""


class TestSettings(Settings):
    """The images the submission is for; their truth, where the file has it, is used for nothing but the last word."""

    annotations: Path | None = None
    """COCO JSON, with or without annotations; null takes the file of the data."""
    images: Path | None = None
    """Folder of the photos; null takes the folder of the file."""
    where: dict[str, Scalar | list[Scalar]] = {}
    """Fields of the images and the value, or the values, they must have."""


class DataSettings(Settings):
    """Where the data is."""

    annotations: Path
    """COCO JSON."""
    images: Path | None = None
    """Folder in which the file names start; null takes the folder of the annotations."""
    train: Selection = Selection()
    """Which images are folded, trained on and predicted out of fold."""
    test: TestSettings | None = None
    """Images that are never trained on."""


class FoldSettings(Settings):
    """How the training images are cut into folds."""

    count: Annotated[int, Field(ge=2)] = 5
    """Number of folds."""
    seed: int = 0
    """Of the cut."""
    group: str | None = None
    """Field of the images whose equal values stay in one fold."""
    window_seconds: Annotated[float, Field(gt=0)] | None = None
    """The field is a time, and images taken within so many seconds of the next stay in one fold."""
    near_duplicates: bool = True
    """Photos that show the same thing stay in one fold."""
    folder: Path | None = None
    """Folder written by ``bunri split``; its folds are taken as they are, and ``count`` of them."""
    run: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    """Which folds to train; null trains all."""

    @property
    def to_run(self) -> tuple[int, ...]:
        """The folds to train."""
        return tuple(range(self.count)) if self.run is None else self.run

    @field_validator("run")
    @classmethod
    def _folds_exist(cls, run: tuple[int, ...] | None, info: ValidationInfo) -> tuple[int, ...] | None:
        count = info.data.get("count")
        if run is not None and count is not None and (max(run, default=0) >= count or len(set(run)) < len(run)):
            raise ValueError(f"must name folds from 0 to {count - 1}, each once")
        return run


class ExtraSettings(Settings):
    """Further photos a model learns from, such as pseudo-labels."""

    annotations: Path
    """COCO JSON; ``{fold}`` and ``{seed}`` in it stand for those of the run, so that labels can come from a model that
    did not learn the photos held out in the fold."""
    images: Path | None = None
    """Folder of the photos; null takes the folder of the file."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """How often each of them is seen, relative to the other photos."""

    def file_of(self, fold: int, seed: int) -> Path:
        """The file for a run."""
        return Path(str(self.annotations).replace("{fold}", str(fold)).replace("{seed}", str(seed)))


class ResourceSettings(Settings):
    """What a run takes: of a cluster all of it, on one machine its processes (there ``jobs`` counts the runs)."""

    gpus: Annotated[float, Field(ge=0)] | None = None
    """A share of a GPU, one, or a number of them, each with a process that trains; null asks for one for each process
    where ``device`` says ``cuda``, or says ``auto`` and the cluster has any."""
    processes: Annotated[int, Field(ge=1)] | None = None
    """Processes that train the model together; null takes one for each GPU. On the CPU this is how to have several."""
    cpus: Annotated[int, Field(ge=1)] | None = None
    """CPU cores; null asks for as many as ``threads`` says, or one for each process."""
    memory_gb: Annotated[float, Field(gt=0)] | None = None
    """Memory in 10^9 bytes; null reserves none."""

    @field_validator("gpus")
    @classmethod
    def _no_broken_number(cls, gpus: float | None) -> float | None:
        if gpus is not None and gpus > 1 and gpus != int(gpus):
            raise ValueError("must be a share of one GPU or a whole number of them")
        return gpus

    @field_validator("processes")
    @classmethod
    def _one_gpu_each(cls, processes: int | None, info: ValidationInfo) -> int | None:
        gpus = info.data.get("gpus")
        if processes is not None and gpus and processes != max(gpus, 1):
            raise ValueError(f"each process has a GPU of its own, so with {gpus:g} gpus leave it out")
        return processes

    @property
    def training_processes(self) -> int:
        """How many processes train the model."""
        return self.processes or max(int(self.gpus or 1), 1)


class ModelSettings(Settings):
    """One model: its native config, what is changed in it, and what is special in its recipe.

    In the file a model may also have a ``sweep``, of which several are made: ``bunri.config.sweeps``.
    """

    name: Annotated[Name, AfterValidator(_not_reserved)]
    """Of its folder and in every table."""
    engine: str = "torchvision"
    """Name in the table of engines, or ``module:Class`` of an engine of your own."""
    config: Path
    """The framework's own config file; it is never changed."""
    trust: bool = False
    """Whether you trust the source of a config that is code: MMDetection's, and Detectron2's LazyConfigs."""
    set: dict[str, Any] = {}
    """Overrides: dotted keys of the native config and their values."""
    recipe: Recipe = Recipe()
    """Written as the differences to the experiment's recipe."""
    extra: ExtraSettings | None = None
    """Further photos it learns from; they are never held out."""
    resources: ResourceSettings = ResourceSettings()
    """What each of its runs asks a cluster for."""
    arm_of: Name | None = None
    """Models with the same text here are arms of one question, which ``early_stopping`` compares; a sweep says it of
    its arms."""
    priority: int = 0
    """Runs of models with a higher one begin first; where it is the same, fold by fold in the order of the file."""
    stages: Literal["one", "two", "transformer"] | None = None
    """One-stage, two-stage or a transformer, for the leaderboard; null takes what the engine says of the model."""


class EngineSettings(Settings):
    """How an engine is started."""

    interpreter: str | None = None
    """The Python with the framework; null takes ``BUNRI_<ENGINE>_PYTHON`` or the Python of bunri."""


class EnsembleSettings(Settings):
    """How the models become one: searched on out-of-fold predictions, or fixed."""

    method: Literal["search", "wbf", "nms", "soft_nms", "nmw"] = "search"
    """``search`` finds members, weights and thresholds; another one fuses all models with the values below."""
    iou: Annotated[float, Field(gt=0, lt=1)] = 0.55
    """Boxes of a class that overlap more are taken for one object."""
    weights: dict[str, Annotated[float, Field(ge=0)]] = {}
    """Weight of each model by name; 1 where nothing is said."""
    min_score: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Boxes of smaller score are left out before fusing."""
    families: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Kinds of recipes ``search`` tries; null tries the usual ones."""
    folds: Annotated[int, Field(ge=2)] = 5
    """Parts of the images, each of which ``search`` judges by a recipe found on the others."""
    seconds: Annotated[float, Field(gt=0)] | None = None
    """Time after which ``search`` takes the best so far; null searches to the end."""


class EarlyStopping(Settings):
    """When arms that are far behind are given up: ``bunri.experiment.early_stopping``."""

    rule: Literal["median"] = "median"
    """An arm is given up whose best validation so far is below the median of what the others averaged to there."""
    grace_epochs: Annotated[float, Field(gt=0)] = 2.0
    """Before so many epochs no arm is judged."""
    min_others: Annotated[int, Field(ge=1)] = 3
    """An arm is judged when at least so many others have come as far."""
    spare: tuple[str, ...] = ()
    """Models that are never given up."""


class Experiment(Settings):
    """The whole of an experiment file."""

    name: Name
    """Of the folder of its runs; by default the stem of the file."""
    data: DataSettings
    """What to learn from."""
    folds: FoldSettings = FoldSettings()
    """How to cut it."""
    recipe: Recipe = Recipe()
    """How to train; each model may differ."""
    models: Annotated[tuple[ModelSettings, ...], Field(min_length=1)]
    """What to train."""
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    """Each model is trained once for each seed; more than one gives ``seed<s>`` folders."""
    jobs: Annotated[int, Field(ge=1)] = 1
    """Workers at once."""
    threads: Annotated[int, Field(ge=1)] | None = None
    """CPU threads of a worker; null shares the cores among the jobs."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train; ``auto`` takes the GPU where there is one."""
    watchdog_minutes: Annotated[float, Field(gt=0)] | None = 30.0
    """A worker that neither reports nor prints for so long is taken to hang and killed; null waits for ever."""
    engines: dict[str, EngineSettings] = {}
    """How each engine is started."""
    ensemble: EnsembleSettings | None = EnsembleSettings()
    """How the models become one; null leaves it out."""
    early_stopping: EarlyStopping | None = None
    """When arms of a sweep that are far behind are given up; null trains all to the end."""
    writers: WritersSettings = WritersSettings()
    """What records the runs."""
    python_path: tuple[Path, ...] = ()
    """Folders in which code of your own is looked for (engines, optimizers, samplers, augmentations, writers); by
    default the folder of the experiment file."""
    runs: Path = Path("runs")
    """Root of the run folders, relative to where the command is given."""
    store: StoreSettings | None = None
    """Where finished runs are put as well; a URL alone stands for its settings, null keeps them here only."""

    @field_validator("store", mode="before")
    @classmethod
    def _url_alone(cls, store: object) -> object:
        return {"url": store} if isinstance(store, str) else store

    @property
    def folder(self) -> Path:
        """Where everything of the experiment goes."""
        return self.runs / self.name

    @property
    def threads_per_worker(self) -> int:
        """As given, or the cores shared among the jobs."""
        return self.threads or max((os.cpu_count() or 1) // self.jobs, 1)

    @field_validator("device")
    @classmethod
    def _gpus_are_used(cls, device: str, info: ValidationInfo) -> str:
        models = info.data.get("models", ())
        asking = [model.name for model in models if (model.resources.gpus or 0) > 1]
        if device == "cpu" and asking:
            raise ValueError(f"{asking[0]} asks for several gpus; on the CPU say resources.processes in their place")
        return device

    def device_of(self, model: ModelSettings) -> Literal["auto", "cpu", "cuda"]:
        """Where a model trains: one that asks for several GPUs never goes to the CPU for want of them."""
        return "cuda" if (model.resources.gpus or 0) > 1 and self.device == "auto" else self.device

    @property
    def seconds_of_patience(self) -> float:
        """How long a worker may be silent."""
        return math.inf if self.watchdog_minutes is None else self.watchdog_minutes * 60

    def model(self, name: str) -> ModelSettings:
        """The model of a name."""
        return next(model for model in self.models if model.name == name)

    def interpreter(self, engine: str) -> str | None:
        """The Python the experiment names for an engine."""
        return self.engines.get(engine, EngineSettings()).interpreter
