"""The settings of an experiment file, one class a part, a sentence under every field."""

import math
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from bunri.config.data_settings import DataSettings, FoldSettings
from bunri.config.model_settings import ModelSettings, Name
from bunri.recipe import Recipe
from bunri.settings import Settings
from bunri.store import StoreSettings
from bunri.writers import WritersSettings


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
