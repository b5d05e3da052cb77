import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bunri.cli import build_app
from bunri.config import load_experiment
from bunri.demo.job import write_experiment
from bunri.demo.render import render_demo
from bunri.errors import UsageError
from experiment_builders import make_experiment_folder

RUNNER = CliRunner()


def test_report_writes_the_page(tmp_path: Path) -> None:
    folder, out = make_experiment_folder(tmp_path, photos=2), tmp_path / "pages" / "report.html"
    result = RUNNER.invoke(build_app(), ["report", str(folder), "--out", str(out), "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"report": str(out)}
    assert "open it in a browser" in result.stderr
    assert out.read_text().startswith("<!doctype html>")


def test_report_of_no_folder_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there") as caught:
        RUNNER.invoke(build_app(), ["report", str(tmp_path / "nowhere")], catch_exceptions=False)
    assert caught.value.exit_code == 2


def test_the_packaged_experiment_is_right_and_has_both_kinds_of_detectors(tmp_path: Path) -> None:
    render_demo(tmp_path / "data", train=1, test=1)
    write_experiment(tmp_path)
    experiment = load_experiment(tmp_path / "experiment.yaml")
    assert experiment.name == "demo"
    assert {model.stages for model in experiment.models} == {"one", "two"}
    assert all(model.config.is_file() for model in experiment.models)
