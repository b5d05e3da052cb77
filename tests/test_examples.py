"""The examples run as they are, and say what their comments promise."""

import json
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

import bunri

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_fuse_and_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["fuse_and_compare.py", str(tmp_path)])
    runpy.run_path(str(EXAMPLES / "fuse_and_compare.py"), run_name="__main__")
    *members, gain = capsys.readouterr().out.splitlines()
    scores = {line.split()[0]: float(line.split()[-1]) for line in members}
    assert set(scores) == {"first", "second", "ensemble"}
    assert scores["ensemble"] > max(scores["first"], scores["second"]) > 0.4
    assert re.fullmatch(r"ensemble minus \w+: \+0\.\d+ \[\+0\.\d+, \+0\.\d+\], better", gain)


def test_every_example_is_tested() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {"fuse_and_compare.py"}


@pytest.mark.parametrize(
    ("name", "promised"),
    [
        (
            "1_first_steps",
            ["Dataset: 40 images", "breaks training: False", "thinner than 16 pixels", "Dataset: 10 images"],
        ),
        ("2_fuse_and_compare", ["mAP50:95", "first minus second", "better", "<image ", "parquet True", "json True"]),
        ("3_errors_and_ensemble", ["background", "on photos it was found without", "RectangleLabels"]),
    ],
)
def test_notebooks(name: str, promised: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbclient is not installed; it is in the extra `dev`")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed; it is in the extra `dev`")
    monkeypatch.setenv("PYTHONPATH", str(Path(bunri.__file__).parents[1]))  # the kernel starts in another folder
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(EXAMPLES)}}).execute()
    shown = "\n".join(_texts(output) for cell in notebook.cells for output in cell.get("outputs", []))
    assert [text for text in promised if text not in shown] == []


def _texts(output: Any) -> str:
    return "\n".join([str(output.get("text", "")), *map(str, output.get("data", {}).values())])


def test_notebooks_are_kept_without_outputs() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.ipynb")}
    assert names == {"1_first_steps", "2_fuse_and_compare", "3_errors_and_ensemble"}
    for path in EXAMPLES.glob("*.ipynb"):
        assert path.stat().st_size < 10_000
        cells = json.loads(path.read_text())["cells"]
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
