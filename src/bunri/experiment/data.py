"""The data of an experiment: what is learned from, in which folds, what is tested; COCO JSON for the workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from bunri.boxes import IntArray
from bunri.config import DataSettings, Experiment, ModelSettings
from bunri.dataset import Dataset
from bunri.engines.base import Photos
from bunri.errors import DataError
from bunri.experiment.extra import joined, load_extra, refuse_judges
from bunri.experiment.folds import folds_of
from bunri.experiment.selecting import drawn, select
from bunri.files import sha256_of
from bunri.io import load_dataset, write_coco
from bunri.shards import absolute_folder, is_there


@dataclass(frozen=True)
class ExperimentData:
    """Images to learn from in folds, and images to predict at the end.

    Attributes:
        train: M images with their boxes.
        fold: ``(M,)`` the fold in which each training image is held out.
        test: Images that are never trained on, with their truth where there is one.
        source_sha256: Hash of each annotation file that was read, by its path.
        left_out: Images of ``train`` that were not drawn, with their truth, where the experiment draws.
        groups: For each training image what it belongs to, where the experiment names such a field.
    """

    train: Dataset
    fold: IntArray
    test: Dataset | None
    source_sha256: Mapping[str, str]
    groups: Sequence[str] | None = None
    left_out: Dataset | None = None

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

    def learned_by(self, model: ModelSettings, fold: int, seed: int) -> Dataset:
        """The images a run of a model learns from: those of all other folds, and the model's further photos.

        Raises:
            DataError: The further photos are not there, have other classes, or judge the model.
        """
        learned = self.learned(fold)
        if model.extra is None:
            return learned
        extra = load_extra(model.extra, fold, seed)
        refuse_judges(extra, self.held_out(fold), f"photos held out in fold {fold}")
        if self.test_truth is not None:
            refuse_judges(extra, self.test_truth, "test photos with a truth")
        return joined(learned, extra)


def load_data(experiment: Experiment) -> ExperimentData:
    """Read and cut the data.

    Raises:
        DataError: An annotation file is wrong, a selection is empty, there are no boxes to learn from, photos are
            missing, test images are trained on, or classes differ.
    """
    settings = experiment.data
    whole = load_dataset(settings.annotations, settings.images)
    selected = select(whole, settings.train.where, "data.train.where")
    train = drawn(selected, settings.train, "data.train.at_most")
    test = _load_test(settings)
    _check_boxes(train, settings)
    _check_photos(train, "data.images")
    if test is not None:
        _check_photos(test, "data.test.images")
    if test is not None:
        _check_apart(train, test)
    paths = [settings.annotations, *([settings.test.annotations or settings.annotations] if settings.test else [])]
    sources = {str(path): sha256_of(path) for path in paths}
    fold, groups = folds_of(experiment, train, sources), _groups(experiment, train)
    return ExperimentData(train, fold, test, sources, groups, _left_out(selected, train))


def _left_out(selected: Dataset, train: Dataset) -> Dataset | None:
    ids = selected.images.id[~np.isin(selected.images.id, train.images.id)]
    return selected.subset(ids) if len(ids) else None


def _check_boxes(train: Dataset, settings: DataSettings) -> None:
    if not train.boxes_per_class().any():
        raise DataError(
            f"data.annotations: training images must have boxes to learn from, but those of {settings.annotations} "
            "have none. Give the annotated file."
        )


def _check_photos(dataset: Dataset, key: str) -> None:
    """Look for all photos before hours of training end at one that is not there."""
    missing = [str(path) for row in range(len(dataset)) if not is_there(path := dataset.path_of(row))]
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
    extra_folder: Mapping[str, Path]

    def train(self, model: ModelSettings, fold: int, seed: int) -> Photos:
        """What a run learns from."""
        images = self.extra_folder.get(train_file_name(model, fold, seed), self.image_folder)
        return Photos(annotations=self.folder / train_file_name(model, fold, seed), images=images)

    def val(self, fold: int) -> Photos:
        """What fold ``fold`` holds out."""
        return Photos(annotations=self.folder / f"fold{fold}_val.json", images=self.image_folder)

    def test(self) -> dict[str, Photos]:
        """The test images, without their truth."""
        if self.test_image_folder is None:
            return {}
        return {"test": Photos(annotations=self.folder / "test.json", images=self.test_image_folder)}


def train_file_name(model: ModelSettings, fold: int, seed: int) -> str:
    """One file a fold, and for models with further photos one a run."""
    return f"fold{fold}_train.json" if model.extra is None else f"fold{fold}_seed{seed}_{model.name}_train.json"


def write_data(data: ExperimentData, experiment: Experiment) -> DataFiles:
    """Write the COCO files of the folds that are to run; what is there already and the same is written again.

    Photos that were not drawn are written to ``left_out.json``, to be labelled by a model (or by people) later.

    Raises:
        DataError: As :meth:`ExperimentData.learned_by`.
    """
    folder = (experiment.folder / "data").absolute()
    assert data.train.image_folder is not None
    for fold in experiment.folds.to_run:
        write_coco(data.learned(fold), folder / f"fold{fold}_train.json")
        write_coco(data.held_out(fold), folder / f"fold{fold}_val.json")
    if data.left_out is not None:
        write_coco(data.left_out, folder / "left_out.json")
    extra_folder = _write_extra(data, experiment, folder)
    if data.test is None:
        return DataFiles(folder, absolute_folder(data.train.image_folder), None, extra_folder)
    write_coco(without_truth(data.test), folder / "test.json")
    assert data.test.image_folder is not None
    test_image_folder = absolute_folder(data.test.image_folder)
    return DataFiles(folder, absolute_folder(data.train.image_folder), test_image_folder, extra_folder)


def _write_extra(data: ExperimentData, experiment: Experiment, folder: Path) -> dict[str, Path]:
    """Write what models with further photos learn from; the folder of the photos of each file."""
    image_folder = {}
    for model in experiment.models:
        for fold, seed in product(experiment.folds.to_run, experiment.seeds):
            if model.extra is not None:
                learned = data.learned_by(model, fold, seed)
                assert learned.image_folder is not None
                write_coco(learned, folder / train_file_name(model, fold, seed))
                image_folder[train_file_name(model, fold, seed)] = learned.image_folder
    return image_folder


def without_truth(dataset: Dataset) -> Dataset:
    """The images alone: what a worker is to predict it must not be able to see."""
    return replace(dataset, annotations=dataset.annotations.take(np.empty(0, np.int64)))


def classes_of(dataset: Dataset) -> dict[str, Any]:
    """The classes as plain values for a manifest: a run can name what it finds without its data."""
    return {"class_names": list(dataset.class_names), "category_ids": dataset.category_ids.tolist()}
