"""The demo's order of work, with an engine that trains nothing."""

from pathlib import Path

import pytest
import yaml

from bunri.demo import job
from bunri.demo.job import run_demo
from bunri.errors import OutputError
from bunri.experiment import Leaderboard
from bunri.io import load_dataset, read_predictions

TESTS = Path(__file__).parents[1]


def write_small_experiment(out: Path) -> None:
    """Two models of the fake engine instead of the packaged ones."""
    (out / "a.yaml").write_text("steps: 2\n")
    (out / "b.yaml").write_text("steps: 2\nnoise: 4\n")
    models = [{"name": name, "engine": "fake_engine:FakeEngine", "config": f"{name}.yaml"} for name in ("a", "b")]
    experiment = {
        "name": "demo",
        "data": {"annotations": "data/train.json", "test": {"annotations": "data/test.json"}},
        "folds": {"count": 2, "near_duplicates": False},
        "models": models,
        "ensemble": {"method": "wbf"},
    }
    (out / "experiment.yaml").write_text(yaml.safe_dump(experiment))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "write_experiment", write_small_experiment)
    monkeypatch.chdir(TESTS)  # where the workers find the fake engine


def test_everything_is_written_and_a_second_call_trains_nothing(tmp_path: Path) -> None:
    result = run_demo(tmp_path / "out", train=6, test=3)
    assert [row.model for row in result.leaderboard.rows] == ["a", "b", "ensemble"]
    assert result.report.read_text().startswith("<!doctype html>")
    assert result.submission.parent == result.report.parent == tmp_path / "out"
    test = load_dataset(tmp_path / "out" / "data" / "test_images.json")
    assert len(read_predictions(result.submission, test).seen_image_id) == 3
    manifest = tmp_path / "out" / "runs" / "demo" / "a" / "fold0" / "manifest.json"
    before = manifest.stat().st_mtime_ns
    assert run_demo(tmp_path / "out", train=6, test=3).to_dict() == result.to_dict()
    assert manifest.stat().st_mtime_ns == before


@pytest.mark.parametrize("overwrite", [True, False])
def test_overrides_reach_the_experiment(tmp_path: Path, overwrite: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Path, list[str], bool, bool]] = []

    def run(experiment: Path, overrides: list[str], resume: bool, overwrite: bool) -> Leaderboard:
        asked.append((experiment, overrides, resume, overwrite))
        (tmp_path / "submission.csv").write_text("PredictionString,image_id\n")
        return Leaderboard("demo", tmp_path, ())

    monkeypatch.setattr(job, "run", run)
    run_demo(tmp_path / "out", ["recipe.iterations=9"], overwrite, train=1, test=1)
    runs = tmp_path / "out" / "runs"
    assert asked == [
        (tmp_path / "out" / "experiment.yaml", [f"runs={runs}", "recipe.iterations=9"], not overwrite, overwrite)
    ]


def test_an_output_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="must be writable"):
        run_demo(tmp_path / "out", train=1, test=1)
