"""The settings of an experiment file about its images: which there are, and how they are cut into folds."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from bunri.settings import Settings

Scalar = str | int | float | bool | None


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
