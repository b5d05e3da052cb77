"""Trained runs, models and ensembles of the fake engine look at photos."""

import os
from pathlib import Path

import numpy as np
import pytest

from builders import make_dataset
from bunri.dataset import Dataset
from bunri.errors import BunriError, DataError, UsageError
from bunri.experiment import run
from bunri.experiment.predicting import classes_of_run, predict, runs_below
from bunri.run_folder import RunFolder
from experiment_files import TESTS, write_experiment
from fake_engine import true_box


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an experiment of two models, one of them on two folds' worth of noise."""
    folder = tmp_path_factory.mktemp("trained")
    path = write_experiment(folder, {"exact": {"steps": 2}, "rough": {"steps": 2, "noise": 3}})
    before = Path.cwd()
    os.chdir(TESTS)
    try:
        return run(path, ("ensemble.method=wbf", "writers.console=false")).folder
    finally:
        os.chdir(before)


@pytest.fixture(autouse=True)
def _where_the_fake_engine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)


def photos(folder: Path) -> Dataset:
    """Two photos that no run has seen; the fake engine does not look at them."""
    return make_dataset(boxes=(), image_ids=[101, 107], image_folder=folder)


def test_a_run_predicts_with_its_best_checkpoint(trained: Path, tmp_path: Path) -> None:
    found = predict(trained / "exact" / "fold0", photos(tmp_path))
    assert found.name == "exact"
    assert found.image_id.tolist() == [101, 107]
    assert found.seen_image_id.tolist() == [101, 107]
    np.testing.assert_allclose(found.box_xyxy, [true_box(101), true_box(107)], atol=1e-6)


def test_a_model_is_the_fusion_of_its_folds(trained: Path, tmp_path: Path) -> None:
    found = predict(trained / "exact", photos(tmp_path))
    assert len(runs_below(trained / "exact")) == 2
    np.testing.assert_allclose(found.box_xyxy, [true_box(101), true_box(107)], atol=1e-6)


def test_an_experiment_is_its_ensemble(trained: Path, tmp_path: Path) -> None:
    found = predict(trained, photos(tmp_path))
    assert found.name == "ensemble"
    assert found.seen_image_id.tolist() == [101, 107]
    assert not np.allclose(found.box_xyxy[:1], [true_box(101)])  # the rough model has its say, too


def test_nothing_of_the_run_is_changed(trained: Path, tmp_path: Path) -> None:
    folder = trained / "rough" / "fold1"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    predict(folder, photos(tmp_path))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_the_classes_are_those_of_the_run(trained: Path) -> None:
    classes = classes_of_run(runs_below(trained)[0])
    assert classes.class_names == ("Paper", "Metal", "Glass")
    assert classes.category_ids.tolist() == [1, 4, 7]
    assert len(classes) == 0


def test_a_folder_without_a_trained_run_is_refused(tmp_path: Path) -> None:
    RunFolder(tmp_path / "fold0").update_manifest({"status": "stopped"})
    with pytest.raises(UsageError, match="1 runs are in it and none is done"):
        runs_below(tmp_path)


def test_a_manifest_without_classes_is_refused(tmp_path: Path) -> None:
    RunFolder(tmp_path).update_manifest({"status": "done"})
    with pytest.raises(DataError, match="must name the classes"):
        classes_of_run(RunFolder(tmp_path))


def test_a_missing_checkpoint_is_told(trained: Path, tmp_path: Path) -> None:
    checkpoint = RunFolder(trained / "rough" / "fold0").checkpoint_file("best")
    moved = checkpoint.rename(tmp_path / "best.pt")
    try:
        with pytest.raises(BunriError, match="the checkpoint must be a readable file"):
            predict(trained / "rough" / "fold0", photos(tmp_path))
    finally:
        moved.rename(checkpoint)
