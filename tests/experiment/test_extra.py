"""Further photos of a model: pseudo-labels from the left-out photos of small experiments."""

from pathlib import Path

import numpy as np
import pytest

from builders import make_dataset
from bunri.config import Experiment, load_experiment
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.experiment import run
from bunri.experiment.data import load_data, write_data
from bunri.experiment.exposures import exposures_of
from bunri.experiment.extra import joined
from bunri.experiment.plan import planned_runs
from bunri.io import load_dataset, write_coco
from bunri.sampling import WEIGHT_FIELD, factors_of
from experiment_files import TESTS, write_experiment

BOX = (10.0, 10.0, 20.0, 20.0)
DRAW = "data.train.at_most={Metal: 2}"
EXTRA = "models.exact.extra.annotations=pseudo{fold}.json"


def write_labels(folder: Path, name: str, image_ids: list[int]) -> None:
    """Labels on some photos of the tiny experiment."""
    write_coco(load_dataset(folder / "photos.json").subset(image_ids), folder / name)


def tiny(folder: Path, *overrides: str) -> Experiment:
    return load_experiment(write_experiment(folder), overrides)


def drawn_out(folder: Path) -> list[int]:
    """Ids of training photos that the draw of the tiny experiment leaves out."""
    left_out = load_data(tiny(folder, DRAW)).left_out
    assert left_out is not None
    return [int(i) for i in left_out.images.id]


def test_photos_that_are_not_drawn_are_written_for_labelling(tmp_path: Path) -> None:
    experiment = tiny(tmp_path, DRAW)
    data = load_data(experiment)
    write_data(data, experiment)
    left_out = load_dataset(experiment.folder / "data" / "left_out.json")
    assert set(left_out.images.id).isdisjoint(data.train.images.id)
    assert len(left_out) + len(data.train) == 12


def test_a_run_learns_its_folds_and_its_further_photos(tmp_path: Path) -> None:
    left_out = drawn_out(tmp_path)
    for fold in (0, 1):
        write_labels(tmp_path, f"pseudo{fold}.json", left_out[fold : fold + 1])
    experiment = tiny(tmp_path, DRAW, EXTRA, "models.exact.extra.weight=0.5", "seeds=[3]")
    data = load_data(experiment)
    files = write_data(data, experiment)
    for fold in (0, 1):
        learned = load_dataset(files.train(experiment.models[0], fold, 3).annotations)
        own = data.learned(fold)
        assert learned.images.file_name[:-1] == own.images.file_name
        assert learned.images.file_name[-1] == f"{left_out[fold]:04d}.jpg"
        assert learned.images.fields[WEIGHT_FIELD] == (1.0,) * len(own) + (0.5,)
        assert factors_of(learned, experiment.models[0].recipe.sampler).tolist() == [1.0] * len(own) + [0.5]


def test_an_experiment_with_further_photos_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)  # where its engine is
    for fold in (0, 1):
        write_labels(tmp_path, f"pseudo{fold}.json", drawn_out(tmp_path)[:2])
    board = run(write_experiment(tmp_path), [DRAW, EXTRA])
    assert [row.model for row in board.rows if not row.is_ensemble] == ["exact"]


@pytest.mark.parametrize("judging", ["held out", "test"])
def test_photos_that_judge_are_refused(tmp_path: Path, judging: str) -> None:
    data = load_data(tiny(tmp_path))
    assert data.test is not None
    judge = data.held_out(0) if judging == "held out" else data.test
    write_labels(tmp_path, "pseudo0.json", [int(judge.images.id[0])])
    experiment = tiny(tmp_path, EXTRA, "folds.run=[0]")
    with pytest.raises(DataError, match=f"{judging}.* must not be learned from, but 1 of them"):
        write_data(load_data(experiment), experiment)


def test_labels_that_are_not_there_are_told_with_fold_and_seed(tmp_path: Path) -> None:
    experiment = tiny(tmp_path, EXTRA)
    with pytest.raises(DataError, match=r"pseudo0\.json must be a COCO JSON for fold 0 and seed 0, but is no file"):
        write_data(load_data(experiment), experiment)


def test_the_exposure_counts_further_photos(tmp_path: Path) -> None:
    left_out = drawn_out(tmp_path)
    write_labels(tmp_path, "pseudo0.json", left_out)
    experiment = tiny(tmp_path, DRAW, EXTRA, "recipe.sampler.repeat_factor_threshold=0.5", "folds.run=[0]")
    data = load_data(experiment)
    (told,) = exposures_of(planned_runs(experiment), data)
    assert told.images == len(data.learned(0)) + len(left_out)


def other_photos(folder: Path) -> Dataset:
    dataset = make_dataset([(1, 1, BOX), (2, 0, BOX)], fields={"street": (4, 5)})
    return Dataset(dataset.class_names, dataset.category_ids, dataset.images, dataset.annotations, folder)


def test_joined_data_sets_have_new_ids_and_one_folder(tmp_path: Path) -> None:
    first, second = other_photos(tmp_path / "a"), other_photos(tmp_path / "b" / "c")
    both = joined(first, second)
    assert both.images.id.tolist() == [1, 2, 3, 4]
    assert both.annotations.image_id.tolist() == [1, 2, 3, 4]
    assert both.annotations.class_index.tolist() == [1, 0, 1, 0]
    assert len(np.unique(both.annotations.id)) == 4
    paths = [both.path_of(row) for row in range(4)]
    assert paths == [first.path_of(0), first.path_of(1), second.path_of(0), second.path_of(1)]


def test_joined_data_sets_have_the_same_classes(tmp_path: Path) -> None:
    first = other_photos(tmp_path)
    names = tuple(reversed(first.class_names))
    second = Dataset(names, first.category_ids, first.images, first.annotations, tmp_path)
    with pytest.raises(DataError, match="must have the classes"):
        joined(first, second)
