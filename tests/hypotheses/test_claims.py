"""The files of claims that come with the project: whole, and without arms that nothing is said of."""

import re
from pathlib import Path

import pytest

from bunri.hypotheses.loading import load_hypotheses

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "hypotheses").glob("*.yaml"))


def test_there_are_claims() -> None:
    assert {path.stem.partition("_")[0] for path in FILES} >= {"h01", "h02", "h03", "h04", "h11"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_whole(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, place in re.findall(r"\$\{(BUNRI_\w+):-[^}]*\}/([\w./]+)", path.read_text()):
        monkeypatch.setenv(variable, str(tmp_path / variable))
        there = tmp_path / variable / place
        there.parent.mkdir(parents=True, exist_ok=True)
        there.touch()
    settings = load_hypotheses(path)
    used = {name for hypothesis in settings.hypotheses.values() for name in hypothesis.arm_names}
    members = {member.partition("@")[0] for arm in settings.arms.values() for member in arm.members}
    assert set(settings.arms) <= used | members


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_says_how_it_is_run(path: Path) -> None:
    assert re.search(rf"^# .*bunri test hypotheses/{path.name}", path.read_text(), re.MULTILINE)
