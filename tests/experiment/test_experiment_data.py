from pathlib import Path

import numpy as np
import pytest

from builders import make_dataset
from bunri.config import load_experiment
from bunri.dataset import Dataset
from bunri.errors import DataError
from bunri.experiment.data import load_data, without_truth, write_data
from bunri.files import read_json
from bunri.io import load_dataset, write_coco
from bunri.splits import write_folds
from experiment_files import write_experiment

BOX = (10.0, 10.0, 20.0, 20.0)


def dataset_of(splits: tuple[str, ...]) -> Dataset:
    return make_dataset([(i + 1, 0, BOX) for i in range(len(splits))], fields={"split": splits})


def test_training_test_and_folds_are_apart(tmp_path: Path) -> None:
    data = load_data(load_experiment(write_experiment(tmp_path)))
    assert data.test is not None
    assert set(data.train.images.id).isdisjoint(data.test.images.id)
    for fold in (0, 1):
        held_out, learned = set(data.held_out(fold).images.id), set(data.learned(fold).images.id)
        assert held_out
        assert held_out.isdisjoint(learned)
        assert held_out | learned == set(data.train.images.id)


def test_the_cut_is_kept_until_data_or_settings_change(tmp_path: Path) -> None:
    path = write_experiment(tmp_path)
    first = load_data(load_experiment(path)).fold
    stored = tmp_path / "runs" / "tiny" / "data" / "folds.json"
    before = stored.stat().st_mtime_ns
    assert load_data(load_experiment(path, ["folds.run=[1]"])).fold.tolist() == first.tolist()
    assert stored.stat().st_mtime_ns == before
    load_data(load_experiment(path, ["folds.seed=3"]))
    assert read_json(stored, "the folds")["cut_from"]["seed"] == 3


def test_folds_of_a_folder_are_taken_as_they_are(tmp_path: Path) -> None:
    path = write_experiment(tmp_path)
    train = load_data(load_experiment(path)).train
    fold = np.arange(len(train)) % 3
    write_folds(train, fold, tmp_path / "folds")
    overrides = [f"folds.folder={tmp_path / 'folds'}", "folds.count=3"]
    assert load_data(load_experiment(path, overrides)).fold.tolist() == fold.tolist()
    with pytest.raises(DataError, match="every training image must be in a fold"):
        load_data(load_experiment(path, [overrides[0], "folds.count=2"]))


def test_workers_get_the_test_images_without_their_truth(tmp_path: Path) -> None:
    experiment = load_experiment(write_experiment(tmp_path))
    data = load_data(experiment)
    files = write_data(data, experiment)
    written = load_dataset(files.test()["test"].annotations)
    assert len(written.annotations) == 0
    assert written.images.id.tolist() == (data.test.images.id.tolist() if data.test else [])
    assert data.test_truth is not None


def test_a_test_file_without_annotations_has_no_truth(tmp_path: Path) -> None:
    path = write_experiment(tmp_path)
    whole = load_data(load_experiment(path)).test
    assert whole is not None
    write_coco(without_truth(whole), tmp_path / "test.json")
    data = load_data(load_experiment(path, [f"data.test.annotations={tmp_path / 'test.json'}"]))
    assert data.test_truth is None


def test_test_images_that_are_trained_on_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="test images must not be trained on, but 12 are in both sets, such as 0001"):
        load_data(load_experiment(write_experiment(tmp_path), ["data.test.where.split=train"]))


def test_other_classes_on_test_are_refused(tmp_path: Path) -> None:
    write_coco(make_dataset(class_names=("Paper", "Glass", "Metal")), tmp_path / "other.json")
    overrides = [f"data.test.annotations={tmp_path / 'other.json'}", "data.test.where={}"]
    with pytest.raises(DataError, match="classes of training and test must be the same"):
        load_data(load_experiment(write_experiment(tmp_path), overrides))


def test_images_of_one_group_are_known_to_the_bootstrap(tmp_path: Path) -> None:
    path = write_experiment(tmp_path)
    assert load_data(load_experiment(path)).groups is None
    data = load_data(load_experiment(path, ["folds.group=street"]))
    assert data.groups == [str(i % 4) for i in range(12)]
    assert all(len(set(data.fold[np.arange(12) % 4 == street])) == 1 for street in range(4))


def test_nothing_to_learn_from(tmp_path: Path) -> None:
    path = write_experiment(tmp_path)
    whole = load_dataset(tmp_path / "photos.json")
    write_coco(without_truth(whole), tmp_path / "photos.json")
    with pytest.raises(DataError, match=r"must have boxes to learn from, but those of .*photos\.json have none"):
        load_data(load_experiment(path))


@pytest.mark.parametrize(("number", "key"), [(2, "data.images"), (17, "data.test.images")])
def test_photos_are_looked_for_before_anything_trains(tmp_path: Path, number: int, key: str) -> None:
    path = write_experiment(tmp_path)
    (tmp_path / f"{number:04d}.jpg").unlink()
    with pytest.raises(DataError, match=rf"1 of \d+ are not there, first .*{number:04d}\.jpg\. Set {key} to"):
        load_data(load_experiment(path))
