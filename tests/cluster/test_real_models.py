"""Real models of torchvision on the demo's photos, trained on two nodes."""

from pathlib import Path

import pytest
import yaml

from bunri import demo
from bunri.demo.render import render_demo
from bunri.experiment import run
from bunri.experiment.crew import OpenCrew
from bunri.run_folder import RunFolder

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("default")]  # Ray leaves sockets to the collector

CONFIGS = Path(demo.__file__).parent / "models"
MODELS = ("ssd_lite0", "fasterrcnn_lite0")


def write_experiment(folder: Path) -> Path:
    pytest.importorskip("torchvision", reason="pip install 'bunri[torchvision]'")
    render_demo(folder / "data", seed=3, train=16, test=4)
    values = {
        "data": {"annotations": "data/train.json", "test": {"annotations": "data/test.json"}},
        "folds": {"count": 2, "near_duplicates": False},
        "recipe": {"iterations": 6, "batch_size": 4, "validate_every": 1, "optimizer": {"name": "AdamW", "lr": 0.001}},
        "models": [{"name": name, "config": str(CONFIGS / f"{name}.yaml")} for name in MODELS],
        "ensemble": {"method": "wbf"},
        "threads": 1,
        "runs": str(folder / "runs"),
    }
    path = folder / "real.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_real_models_on_two_nodes_are_those_of_one_machine(tmp_path: Path, on_ray: OpenCrew) -> None:
    path = write_experiment(tmp_path)
    board = run(path, open_crew=on_ray)
    local = run(path, (f"runs={tmp_path / 'local'}", "jobs=2"))
    assert [row.model for row in board.rows] == [*MODELS, "ensemble"]
    assert [row.mAP50 for row in board.rows] == [row.mAP50 for row in local.rows]
    nodes = set()
    for name in MODELS:
        for fold in (0, 1):
            far, near = (RunFolder(one.folder / name / f"fold{fold}") for one in (board, local))
            assert far.predictions_file("val").read_bytes() == near.predictions_file("val").read_bytes()
            nodes |= set(far.read_manifest()["nodes"])
            assert far.read_manifest()["best"]["mAP50"] == near.read_manifest()["best"]["mAP50"]
    assert len(nodes) == 2
    assert (board.folder / "submission.csv").read_bytes() == (local.folder / "submission.csv").read_bytes()
