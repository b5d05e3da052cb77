"""Trained runs, models and ensembles of the fake engine look at photos."""

from pathlib import Path

import numpy as np
import pytest

from builders import make_dataset
from bunri.engines.process import Worker
from bunri.errors import BunriError, EngineError
from bunri.inference import PhotoSet, photos_of, predict, trained_model
from bunri.inference.opening import open_session
from bunri.run_folder import RunFolder
from experiment_files import TESTS, write_photo_of
from fake_engine import TRICKS, true_box


@pytest.fixture(autouse=True)
def _where_the_fake_engine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)


def photos(folder: Path, ids: tuple[int, ...] = (101, 107)) -> PhotoSet:
    """Photos that no run has seen."""
    for image_id in ids:
        write_photo_of(folder / f"{image_id}.bmp", image_id)
    return photos_of([str(folder / f"{image_id}.bmp") for image_id in ids], make_dataset())


def test_a_run_predicts_with_its_best_checkpoint(trained: Path, tmp_path: Path) -> None:
    found = predict(trained_model(trained / "exact" / "fold0"), photos(tmp_path))
    assert found.name == "exact"
    assert found.image_id.tolist() == [1, 2]
    assert found.seen_image_id.tolist() == [1, 2]
    assert found.class_index.tolist() == [101 % 3, 107 % 3]
    np.testing.assert_array_equal(found.box_xyxy, [true_box(101), true_box(107)])


def test_a_model_is_the_fusion_of_its_folds(trained: Path, tmp_path: Path) -> None:
    found = predict(trained_model(trained / "exact"), photos(tmp_path))
    np.testing.assert_allclose(found.box_xyxy, [true_box(101), true_box(107)], atol=1e-6)


def test_an_experiment_is_its_ensemble(trained: Path, tmp_path: Path) -> None:
    found = predict(trained_model(trained), photos(tmp_path))
    assert found.name == "ensemble"
    assert found.seen_image_id.tolist() == [1, 2]
    assert not np.allclose(found.box_xyxy[:1], [true_box(101)])  # the rough model has its say, too


def test_more_photos_than_a_batch_are_answered_in_order(trained: Path, tmp_path: Path) -> None:
    ids = tuple(range(50, 71))
    found = predict(trained_model(trained / "exact" / "fold0"), photos(tmp_path, ids))
    np.testing.assert_array_equal(found.box_xyxy, [true_box(i) for i in ids])
    assert found.image_id.tolist() == list(range(1, 22))


def test_a_run_is_loaded_once_for_all_photos(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    start = Worker.__init__

    def counted(worker: Worker, *arguments: object, **named: object) -> None:
        begun.append(1)
        start(worker, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Worker, "__init__", counted)
    predict(trained_model(trained / "exact"), photos(tmp_path, tuple(range(20))))
    assert len(begun) == 2  # one for each of two folds


def test_nothing_of_the_run_is_changed(trained: Path, tmp_path: Path) -> None:
    folder = trained / "rough" / "fold1"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    predict(trained_model(folder), photos(tmp_path))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_photo_the_model_fails_on_ends_it_with_the_frameworks_words(trained: Path, tmp_path: Path) -> None:
    write_photo_of(tmp_path / "bad.bmp", 3, TRICKS["fail"])
    bad = photos_of([str(tmp_path / "bad.bmp")], make_dataset())
    with pytest.raises(EngineError, match="failed on a photo: RuntimeError: a photo I cannot bear"):
        predict(trained_model(trained / "exact" / "fold0"), bad)


def test_a_missing_checkpoint_is_told(trained: Path, tmp_path: Path) -> None:
    checkpoint = RunFolder(trained / "rough" / "fold0").checkpoint_file("best")
    moved = checkpoint.rename(tmp_path / "best.pt")
    try:
        with pytest.raises(BunriError, match="the checkpoint must be a readable file"):
            open_session(RunFolder(trained / "rough" / "fold0"))
    finally:
        moved.rename(checkpoint)
