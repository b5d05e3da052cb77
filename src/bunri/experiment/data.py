"""The data of an experiment: what is learned from, in which folds, what is tested; COCO JSON for the workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bunri.boxes import IntArray
from bunri.config import DataSettings, Experiment
from bunri.dataset import Dataset
from bunri.engines.base import Photos
from bunri.errors import DataError
from bunri.experiment.folds import folds_of
from bunri.files import sha256_of
from bunri.io import load_dataset, write_coco


@dataclass(frozen=True)
class ExperimentData:
    """Images to learn from in folds, and images to predict at the end.

    Attributes:
        train: M images with their boxes.
        fold: ``(M,)`` the fold in which each training image is held out.
        test: Images that are never trained on, with their truth where there is one.
        source_sha256: Hash of each annotation file that was read, by its path.
        groups: For each training image what it belongs to, where the experiment names such a field.
    """

    train: Dataset
    fold: IntArray
    test: Dataset | None
    source_sha256: Mapping[str, str]
    groups: Sequence[str] | None = None

    @property
    def test_truth(self) -> Dataset | None:
        """The test images where they have annotations."""
        return self.test if self.test is not None and len(self.test.annotations) else None

    def held_out(self, fold: int) -> Dataset:
        """The images of a fold."""
        return self.train.subset(self.train.images.id[self.fold == fold])

    def learned(self, fold: int) -> Dataset:
        """The images of all other folds."""
        return self.train.subset(self.train.images.id[self.fold != fold])


def load_data(experiment: Experiment) -> ExperimentData:
    """Read and cut the data.

    Raises:
        DataError: An annotation file is wrong, a selection is empty, there are no boxes to learn from, photos are
            missing, test images are trained on, or classes differ.
    """
    settings = experiment.data
    whole = load_dataset(settings.annotations, settings.images)
    train = select(whole, settings.train.where, "data.train.where")
    test = _load_test(settings)
    _check_boxes(train, settings)
    _check_photos(train, "data.images")
    if test is not None:
        _check_photos(test, "data.test.images")
    if test is not None:
        _check_apart(train, test)
    paths = [settings.annotations, *([settings.test.annotations or settings.annotations] if settings.test else [])]
    sources = {str(path): sha256_of(path) for path in paths}
    return ExperimentData(train, folds_of(experiment, train, sources), test, sources, _groups(experiment, train))


def _check_boxes(train: Dataset, settings: DataSettings) -> None:
    if not train.boxes_per_class().any():
        raise DataError(
            f"data.annotations: training images must have boxes to learn from, but those of {settings.annotations} "
            "have none. Give the annotated file."
        )


def _check_photos(dataset: Dataset, key: str) -> None:
    """Look for all photos before hours of training end at one that is not there."""
    missing = [str(path) for row in range(len(dataset)) if not (path := dataset.path_of(row)).is_file()]
    if missing:
        raise DataError(
            f"every image must have its photo, but {len(missing)} of {len(dataset)} are not there, first {missing[0]}. "
            f"Set {key} to their folder; `bunri doctor` gives the whole list."
        )


def _groups(experiment: Experiment, train: Dataset) -> Sequence[str] | None:
    settings = experiment.folds
    if settings.group is None or settings.window_seconds is not None:
        return None
    return [str(value) for value in train.images.fields.get(settings.group, ())] or None


def _load_test(settings: DataSettings) -> Dataset | None:
    test = settings.test
    if test is None:
        return None
    if test.annotations is None:
        whole = load_dataset(settings.annotations, test.images or settings.images)
    else:
        whole = load_dataset(test.annotations, test.images)
    return select(whole, test.where, "data.test.where")


def select(dataset: Dataset, where: Mapping[str, Any], place: str) -> Dataset:
    """The images whose fields have the wanted values.

    Raises:
        DataError: The images have no such field, or none has such a value.
    """
    kept = np.ones(len(dataset), bool)
    for name, wanted in where.items():
        if name not in dataset.images.fields:
            raise DataError(
                f"{place}.{name}: must be a field of the images, which have {sorted(dataset.images.fields)}"
            )
        values = dataset.images.fields[name]
        kept &= np.array([value in wanted if isinstance(wanted, list) else value == wanted for value in values], bool)
    if not kept.any():
        raise DataError(f"{place}: must select at least one of {len(dataset)} images, but {dict(where)} selects none")
    return dataset if kept.all() else dataset.subset(dataset.images.id[kept])


def _check_apart(train: Dataset, test: Dataset) -> None:
    if test.class_names != train.class_names:
        raise DataError(
            f"classes of training and test must be the same, but {train.class_names} and {test.class_names}"
        )
    if train.image_folder == test.image_folder and (both := set(train.images.file_name) & set(test.images.file_name)):
        raise DataError(f"test images must not be trained on, but {len(both)} are in both sets, such as {min(both)}")


@dataclass(frozen=True)
class DataFiles:
    """The COCO files the workers read, and the hash of each."""

    folder: Path
    image_folder: Path
    test_image_folder: Path | None

    def train(self, fold: int) -> Photos:
        """What fold ``fold`` learns from."""
        return Photos(annotations=self.folder / f"fold{fold}_train.json", images=self.image_folder)

    def val(self, fold: int) -> Photos:
        """What fold ``fold`` holds out."""
        return Photos(annotations=self.folder / f"fold{fold}_val.json", images=self.image_folder)

    def test(self) -> dict[str, Photos]:
        """The test images, without their truth."""
        if self.test_image_folder is None:
            return {}
        return {"test": Photos(annotations=self.folder / "test.json", images=self.test_image_folder)}


def write_data(data: ExperimentData, experiment: Experiment) -> DataFiles:
    """Write the COCO files of the folds that are to run; what is there already and the same is written again."""
    folder = (experiment.folder / "data").absolute()
    assert data.train.image_folder is not None
    for fold in experiment.folds.to_run:
        write_coco(data.learned(fold), folder / f"fold{fold}_train.json")
        write_coco(data.held_out(fold), folder / f"fold{fold}_val.json")
    if data.test is None:
        return DataFiles(folder, data.train.image_folder.absolute(), None)
    write_coco(without_truth(data.test), folder / "test.json")
    assert data.test.image_folder is not None
    return DataFiles(folder, data.train.image_folder.absolute(), data.test.image_folder.absolute())


def without_truth(dataset: Dataset) -> Dataset:
    """The images alone: what a worker is to predict it must not be able to see."""
    return replace(dataset, annotations=dataset.annotations.take(np.empty(0, np.int64)))


def classes_of(dataset: Dataset) -> dict[str, Any]:
    """The classes as plain values for a manifest: a run can name what it finds without its data."""
    return {"class_names": list(dataset.class_names), "category_ids": dataset.category_ids.tolist()}
