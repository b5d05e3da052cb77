"""A run is trained again from its folder, and both are compared bit by bit."""

import json
from pathlib import Path
from typing import Any

import pytest

import bunri
from bunri.cli import main
from bunri.errors import DataError, UsageError
from bunri.experiment.reproducing import PredictionsTwice, Reproduction, reproduce
from experiment_files import TESTS, write_experiment


@pytest.fixture(autouse=True)
def _where_the_fake_engine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Folder of one finished run."""
    bunri.run(write_experiment(tmp_path, {"shaky": {"steps": 3, "noise": 2.0}}, ensemble=None))
    return tmp_path / "runs" / "tiny" / "shaky" / "fold1"


def test_the_same_comes_out_again(run: Path, tmp_path: Path) -> None:
    done = reproduce(run, tmp_path / "again")
    assert done.identical
    assert set(done.predictions) == {"val", "test"}
    assert done.predictions["val"].boxes[0] == done.predictions["val"].boxes[1] > 0
    scores = done.predictions["val"].mAP50
    assert scores is not None
    assert scores[0] == scores[1]
    assert done.predictions["test"].mAP50 is None  # a worker is not told the truth of the test images


def test_the_reproduction_is_a_run_folder_that_says_what_it_reproduces(run: Path, tmp_path: Path) -> None:
    reproduce(run, tmp_path / "again")
    manifest = json.loads((tmp_path / "again" / "manifest.json").read_text())
    before = json.loads((run / "manifest.json").read_text())
    assert manifest["reproduces"] == str(run)
    assert manifest["sha256"] == before["sha256"]
    assert manifest["fold"] == 1
    for name in ("overrides.diff", "resolved_config.yaml", "config/shaky.yaml"):
        assert (tmp_path / "again" / name).read_bytes() == (run / name).read_bytes()


def test_a_reproduction_can_be_reproduced(run: Path, tmp_path: Path) -> None:
    reproduce(run, tmp_path / "again")
    assert reproduce(tmp_path / "again", tmp_path / "third").identical


def test_overrides_and_user_files_that_are_gone_do_not_matter(tmp_path: Path) -> None:
    experiment = write_experiment(tmp_path, {"shaky": {"steps": 3, "noise": 2.0}}, ensemble=None)
    bunri.run(experiment, ["models.shaky.set.noise=4.0"])
    experiment.unlink()
    (tmp_path / "shaky.yaml").unlink()
    assert reproduce(tmp_path / "runs" / "tiny" / "shaky" / "fold0", tmp_path / "again").identical


@pytest.mark.parametrize("split", ["train", "val"])
def test_changed_data_is_refused_by_name(run: Path, tmp_path: Path, split: str) -> None:
    file = tmp_path / "runs" / "tiny" / "data" / f"fold1_{split}.json"
    values: Any = json.loads(file.read_text())
    values["annotations"] = values["annotations"][1:]
    file.write_text(json.dumps(values))
    with pytest.raises(DataError, match=rf"data\.{split} changed"):
        reproduce(run, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_data_that_is_gone_is_told(run: Path, tmp_path: Path) -> None:
    (tmp_path / "runs" / "tiny" / "data" / "fold1_train.json").unlink()
    with pytest.raises(DataError, match="from its own data"):
        reproduce(run, tmp_path / "again")


def test_nothing_is_overwritten(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="new or empty"):
        reproduce(run, run)


def test_only_a_finished_run_is_reproduced(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no manifest"):
        reproduce(tmp_path, tmp_path / "again")
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"status": "stopped"}))
    with pytest.raises(UsageError, match="status is stopped"):
        reproduce(run, tmp_path / "again")


def test_a_difference_is_told_with_exit_code_1(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = json.loads((run / "job.json").read_text())  # somebody changes the run's folder by hand
    (run / "job.json").write_text(json.dumps(job | {"overrides": {"noise": 8.0}}))
    monkeypatch.setattr("sys.argv", ["bunri", "reproduce", str(run), "--out", str(tmp_path / "again"), "--json"])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 1
    captured = capsys.readouterr()
    values = json.loads(captured.out)
    assert not values["identical"]
    assert "must come out again bit by bit" in captured.err


def test_the_verb_prints_a_row_for_each_set(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bunri", "reproduce", str(run), "--out", str(tmp_path / "again")])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["val", "identical"], ["test", "identical"]]


def test_a_tolerance_allows_a_difference_in_mAP50_alone() -> None:
    near = PredictionsTwice(identical=False, boxes=(5, 6), mAP50=(0.70, 0.704))
    blind = PredictionsTwice(identical=False, boxes=(5, 6), mAP50=None)
    done = Reproduction(Path("a"), Path("b"), {"val": near, "test": blind})
    assert not done.within(0.0)
    assert not done.within(0.003)
    assert done.within(0.005)
