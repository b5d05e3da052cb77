import sys
from pathlib import Path

import pytest

from bunri.engines import catalogue
from bunri.engines.base import ENGINES
from bunri.engines.catalogue import REQUIREMENTS, Requirements, engine_state, engine_states
from bunri.engines.proving import CONFIGS
from bunri.errors import UsageError


def test_every_engine_of_the_table_says_what_it_needs_and_can_be_checked() -> None:
    assert set(REQUIREMENTS) == set(ENGINES) == set(CONFIGS)


def test_what_is_there_is_asked_from_the_engines_own_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUNRI_TORCHVISION_PYTHON", raising=False)
    monkeypatch.setattr(catalogue, "REQUIREMENTS", {"torchvision": Requirements(("numpy", "no-such-package"), "it")})
    [state] = engine_states()
    assert state.interpreter == sys.executable
    assert state.versions["numpy"]
    assert state.versions["no-such-package"] is None
    assert not state.ready
    assert state.to_dict()["install"] == f"{sys.executable} -m pip install it"


def test_an_engine_with_all_it_needs_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUNRI_TORCHVISION_PYTHON", raising=False)
    monkeypatch.setattr(catalogue, "REQUIREMENTS", {"torchvision": Requirements(("numpy",), "it")})
    assert engine_state("torchvision").ready


def test_an_interpreter_that_does_not_run_has_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUNRI_TORCHVISION_PYTHON", str(tmp_path / "python"))
    state = engine_state("torchvision")
    assert set(state.versions.values()) == {None}
    assert state.install == f"{tmp_path / 'python'} -m pip install 'bunri[torchvision]'"


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="'torchvison' is unknown; did you mean 'torchvision'"):
        engine_state("torchvison")
