"""Whole experiments with the fake engine in real worker processes."""

import os
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from bunri.errors import BunriError, ConfigError, DataError, EngineError, OutputError, UsageError
from bunri.experiment import Leaderboard, dry_run, run
from bunri.files import read_json, sha256_of
from bunri.io import load_dataset, read_predictions
from bunri.run_folder import RunFolder
from bunri.writers.jsonl import read_metrics
from experiment_files import TESTS, write_experiment

FIXED = ("ensemble.method=wbf",)


@pytest.fixture(autouse=True)
def _where_the_fake_engine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Leaderboard]:
    """An experiment of two models on two folds that has been run."""
    folder = tmp_path_factory.mktemp("finished")
    path = write_experiment(folder, {"exact": {"steps": 4}, "rough": {"steps": 2, "noise": 6}})
    before = Path.cwd()
    os.chdir(TESTS)
    try:
        return path, run(path, (*FIXED, "models.rough.set.noise=9"))
    finally:
        os.chdir(before)


def one_model(folder: Path, **native: Any) -> Path:
    return write_experiment(
        folder, {"a": {"steps": 6, **native}}, folds={"count": 2, "run": [0], "near_duplicates": False}
    )


def test_every_result_says_what_it_is_the_work_of(finished: tuple[Path, Leaderboard]) -> None:
    folder, photos = finished[1].folder, finished[0].parent / "photos.json"
    board = read_json(folder / "leaderboard.json", "the leaderboard")
    recipe = read_json(folder / "ensemble" / "recipe.json", "the recipe")
    for made in (board["made_by"], recipe["found"]["made_by"]):
        assert made["bunri"] == metadata.version("bunri")
        assert made["sha256"] == {str(photos): sha256_of(photos)}
        assert made["git"] is None or set(made["git"]) == {"commit", "dirty"}
    manifest = run_folder(finished[0].parent, "exact").read_manifest()
    assert {"bunri", "git", "sha256", "versions"} <= manifest.keys()


def run_folder(folder: Path, model: str = "a", fold: int = 0) -> RunFolder:
    return RunFolder(folder / "runs" / "tiny" / model / f"fold{fold}")


def test_a_run_folder_holds_the_whole_record(finished: tuple[Path, Leaderboard]) -> None:
    folder = run_folder(finished[0].parent, "rough", 1)
    assert folder.native_config_file("rough.yaml").read_bytes() == (finished[0].parent / "rough.yaml").read_bytes()
    assert folder.resolved_config_file().read_text() == "noise: 9\nsteps: 2\n"
    assert "-noise: 6\n+noise: 9\n" in folder.overrides_file.read_text()
    assert "the framework talks a lot" in folder.log_file.read_text()
    assert [row["step"] for row in read_metrics(folder.metrics_file)] == [1, 2, 2]
    assert folder.results_file.read_text().splitlines()[0] == "step,epoch,train/loss,lr/base,val/mAP50"
    manifest = folder.read_manifest()
    assert (manifest["status"], manifest["fold"], manifest["seed"]) == ("done", 1, 0)
    assert {"config", "data.train", "data.val", "data.test"} == set(manifest["sha256"])
    assert {"bunri", "python", "numpy"} <= set(manifest["versions"])
    assert manifest["class_names"] == ["Paper", "Metal", "Glass"]
    assert manifest["facts"]["weights"] == "none"


def test_predictions_are_joined_out_of_fold_and_fused_on_test(finished: tuple[Path, Leaderboard]) -> None:
    path, board = finished
    whole = load_dataset(path.parent / "photos.json")
    for member in ("exact", "rough", "ensemble"):
        out_of_fold = read_predictions(board.folder / member / "oof.parquet", whole)
        assert out_of_fold.seen_image_id.tolist() == list(range(1, 13))
        test = read_predictions(board.folder / member / "test.parquet", whole)
        assert test.seen_image_id.tolist() == list(range(13, 19))
    exact = read_predictions(board.folder / "exact" / "test.parquet", whole)
    assert len(exact) == 6  # the boxes both folds found on an object are one box
    submission = read_predictions(board.folder / "submission.csv", whole)
    assert set(submission.image_id.tolist()) == set(range(13, 19))


def test_the_leaderboard_has_every_model_and_the_ensemble_last(finished: tuple[Path, Leaderboard]) -> None:
    board = finished[1]
    assert [row.model for row in board.rows] == ["exact", "rough", "ensemble"]
    exact, rough, ensemble = board.rows
    assert [exact.mAP50, exact.low, exact.high, exact.test_mAP50] == pytest.approx([1.0] * 4)
    assert exact.stages == "one"  # the engine said so
    assert ensemble.is_ensemble
    assert rough.mAP50_95 is not None
    assert rough.mAP50_95 < 1.0
    assert board.gain is not None
    assert (board.gain.a, board.gain.b, board.gain.images) == ("ensemble", "exact", 12)
    assert board.test_gain is not None
    written = read_json(board.folder / "leaderboard.json", "the leaderboard")
    assert {key: value for key, value in written.items() if key != "made_by"} == board.to_dict()
    evaluation = read_json(board.folder / "rough" / "evaluation.json", "the evaluation")
    assert evaluation["out_of_fold"]["mAP50"] == rough.mAP50
    assert read_json(board.folder / "ensemble" / "recipe.json", "the recipe")["members"] == ["exact", "rough"]
    assert read_json(board.folder / "experiment.json", "the experiment")["name"] == "tiny"


def test_what_is_done_is_skipped(finished: tuple[Path, Leaderboard]) -> None:
    path, board = finished
    overrides = (*FIXED, "models.rough.set.noise=9")
    before = [folder.read_manifest() for folder in (run_folder(path.parent, "exact"), run_folder(path.parent, "rough"))]
    assert [planned.action for planned in dry_run(path, overrides, resume=True).runs] == ["skip"] * 4
    assert run(path, overrides, resume=True) == board
    after = [folder.read_manifest() for folder in (run_folder(path.parent, "exact"), run_folder(path.parent, "rough"))]
    assert after == before


def test_a_finished_experiment_is_not_trained_over(finished: tuple[Path, Leaderboard]) -> None:
    with pytest.raises(UsageError, match="has been trained already"):
        run(finished[0], FIXED)


def test_mistakes_in_native_configs_are_told_before_anything_is_lost(finished: tuple[Path, Leaderboard]) -> None:
    path = finished[0]
    with pytest.raises(ConfigError, match=r"models\.rough: rough\.yaml: nois: unknown key; did you mean 'noise'"):
        run(path, ("models.rough.set.nois=9",), overwrite=True)
    assert run_folder(path.parent, "rough").status == "done"


def test_a_killed_worker_is_reported_and_its_run_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    path = one_model(tmp_path, kill_at=5)
    with pytest.raises(EngineError, match=r"(?s)a fold0 failed: the worker was killed by SIGKILL.*--resume"):
        run(path)
    folder = run_folder(tmp_path)
    assert folder.status == "failed"
    assert [row["step"] for row in read_metrics(folder.metrics_file)][-1] == 5
    board = run(path, resume=True)
    assert board.rows[0].mAP50 == pytest.approx(1.0)
    losses = [(row["step"], row["train/loss"]) for row in read_metrics(folder.metrics_file) if "train/loss" in row]
    assert losses == [(step, 1.0 / step) for step in range(1, 7)]  # step 5 of the killed run is gone
    assert [line.split(",")[0] for line in folder.results_file.read_text().splitlines()] == ["step", "2", "4", "6"]


def test_a_worker_that_hangs_is_killed_told_and_resumed(tmp_path: Path) -> None:
    path = one_model(tmp_path, hang_at=5)
    with pytest.raises(EngineError, match=r"(?s)must say something every 3 seconds .*fell silent.*--resume"):
        run(path, ["watchdog_minutes=0.05"])
    assert run_folder(tmp_path).status == "failed"
    board = run(path, ["watchdog_minutes=0.05"], resume=True)
    assert board.rows[0].mAP50 == pytest.approx(1.0)


def test_one_that_fails_leaves_the_others_alone(tmp_path: Path) -> None:
    models = {"a": {"steps": 4, "crash_at": 3}, "b": {"steps": 2}}
    path = write_experiment(tmp_path, models, folds={"count": 2, "run": [0], "near_duplicates": False})
    with pytest.raises(EngineError, match="a fold0 failed: RuntimeError: CUDA out of patience") as caught:
        run(path)
    assert str(run_folder(tmp_path).log_file) in str(caught.value)
    assert run_folder(tmp_path).read_manifest()["message"] == "RuntimeError: CUDA out of patience"
    assert run_folder(tmp_path, "b").status == "done"


def test_an_error_of_ours_comes_back_with_its_exit_code(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="photo 7 must be whole") as caught:
        run(one_model(tmp_path, data_error=True))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_at_a_checkpoint(tmp_path: Path, number: signal.Signals) -> None:
    path = one_model(tmp_path, wait_at=3)
    command = [sys.executable, "-m", "bunri", "run", str(path)]
    with subprocess.Popen(command, cwd=TESTS, stderr=subprocess.PIPE, text=True) as process:
        _wait_for(lambda: run_folder(tmp_path).checkpoint_file("last").exists())
        process.send_signal(number)
        words = process.communicate()[1]
    assert process.returncode == 1
    assert "error: stopped with 1 of 1 runs unfinished. Go on with --resume." in words
    assert run_folder(tmp_path).status == "stopped"
    [planned] = dry_run(path, resume=True).runs
    assert planned.action == "continue"


def test_a_worker_does_not_outlive_its_killed_parent(tmp_path: Path) -> None:
    path = one_model(tmp_path, slow_from=3)
    process = subprocess.Popen([sys.executable, "-m", "bunri", "run", str(path)], cwd=TESTS, stderr=subprocess.DEVNULL)
    _wait_for(lambda: run_folder(tmp_path).checkpoint_file("last").exists())
    process.kill()
    process.wait()
    assert run_folder(tmp_path).status == "running"  # nobody was left to say otherwise
    run(path, resume=True)  # waits until the worker has saved and gone
    folder = run_folder(tmp_path)
    assert folder.status == "done"
    losses = [(row["step"], row["train/loss"]) for row in read_metrics(folder.metrics_file) if "train/loss" in row]
    assert losses == [(step, 1.0 / step) for step in range(1, 7)]  # the step that nobody heard is there, too
    assert not folder.measured_file.exists()


def _wait_for(true: Any) -> None:
    deadline = time.monotonic() + 100
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    path = one_model(tmp_path)
    (tmp_path / "runs").write_text("a file in place of a folder")
    with pytest.raises(OutputError, match="must be writable"):
        run(path)


def test_a_full_run_folder_is_told(tmp_path: Path) -> None:
    path = one_model(tmp_path)
    folder = run_folder(tmp_path)
    folder.path.parent.mkdir(parents=True)
    folder.path.write_text("a file in place of the run folder")
    with pytest.raises(BunriError, match="must be writable"):
        run(path)


def test_a_plan_is_checked_but_not_trained(tmp_path: Path) -> None:
    path = one_model(tmp_path)
    [planned] = dry_run(path).runs
    assert (planned.action, planned.folder.path) == ("train", run_folder(tmp_path).path)
    assert not planned.folder.path.exists()
    with pytest.raises(ConfigError, match="stepz: unknown key"):
        dry_run(path, ("models.a.set.stepz=1",))
