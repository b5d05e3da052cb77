"""The settings of an experiment file about one model."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from bunri.recipe import Recipe
from bunri.settings import Settings

Name = Annotated[str, Field(pattern=r"^[\w][\w.+-]*$")]
"""Names become folders: letters, digits, ``_``, ``.``, ``+`` and ``-``."""

RESERVED_NAMES = ("data", "ensemble")
"""Folders of an experiment that are no model's."""


def _not_reserved(name: str) -> str:
    if name in RESERVED_NAMES:
        raise ValueError(f"the name of a model must not be one of {', '.join(RESERVED_NAMES)}")
    return name


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
