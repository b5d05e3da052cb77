"""The examples run as they are, and say what their comments promise."""

import re
import runpy
import sys
from pathlib import Path

import pytest

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
