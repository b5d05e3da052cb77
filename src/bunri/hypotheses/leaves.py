"""Leaves: predictions of one model, from files or from trained runs, with what is known of how they came about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.fuse import join_parts
from bunri.hypotheses.file import Arm
from bunri.io import load_dataset, read_predictions
from bunri.predictions import Predictions


@dataclass(frozen=True)
class Facts:
    """What is known of how predictions came about; None where it is not.

    Attributes:
        tta: Test-time views.
        iterations: Optimizer steps, of each training.
        fold: The fold in which each image was held out, by image id.
        leaked: Ids of images that the model that looked at them had learned.
        runs: Run folders.
    """

    tta: tuple[str, ...] | None = None
    iterations: tuple[int, ...] | None = None
    fold: Mapping[int, int] | None = None
    leaked: frozenset[int] | None = None
    runs: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Leaf:
    """What one arm that is no ensemble predicts, by seed; boxes are cut at the borders of the images."""

    name: str
    by_seed: Mapping[int, Predictions]
    facts: Facts = field(default_factory=Facts)


def read_leaf(name: str, arm: Arm, truth: Dataset) -> Leaf:
    """The leaf of an arm of files.

    Raises:
        DataError: A file is wrong or does not fit the truth.
    """
    assert arm.predictions is not None
    by_seed = {seed: _read_parts(files, truth, name) for seed, files in arm.predictions.items()}
    iterations = None if arm.iterations is None else (arm.iterations,)
    leaked = None if arm.trained_on is None else _learned(arm.trained_on, truth)
    return Leaf(name, by_seed, Facts(tta=arm.tta, iterations=iterations, leaked=leaked))


def _read_parts(files: Sequence[Path], truth: Dataset, name: str) -> Predictions:
    return join_parts([read_predictions(file, truth, name).clipped(truth) for file in files], name)


def _learned(path: Path, truth: Dataset) -> frozenset[int]:
    return ids_of_names(load_dataset(path).images.file_name, truth)


def ids_of_names(names: Sequence[str], truth: Dataset) -> frozenset[int]:
    """Ids of the images of the truth that have one of some file names."""
    known = set(names)
    return frozenset(
        int(image) for image, name in zip(truth.images.id, truth.images.file_name, strict=True) if name in known
    )


def check_same_images(own: Dataset, truth: Dataset, place: str) -> None:
    """Refuse a truth whose ids stand for other photos, or whose classes are others.

    Raises:
        DataError: Says where they differ.
    """
    if own.class_names != truth.class_names:
        raise DataError(f"{place} must have the classes of the truth, but {own.class_names} and {truth.class_names}")
    names = dict(zip(truth.images.id.tolist(), truth.images.file_name, strict=True))
    for image, name in zip(own.images.id.tolist(), own.images.file_name, strict=True):
        if names.get(image, name) != name:
            raise DataError(
                f"ids of {place} must stand for the images of the truth, but {image} is {name} here and {names[image]} "
                "there. Give the truth that the experiment's data was made from."
            )
