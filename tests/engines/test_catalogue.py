import os
import subprocess
import sys
from pathlib import Path

import pytest

from bunri.engines import catalogue
from bunri.engines.base import ENGINES
from bunri.engines.catalogue import (
    NOT_IN_WORKERS,
    REQUIREMENTS,
    Requirements,
    base_requirements,
    engine_state,
    engine_states,
    installed_versions,
    name_of,
)
from bunri.engines.proving import CONFIGS
from bunri.errors import UsageError


@pytest.fixture(autouse=True)
def _no_environment_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUNRI_ENGINES", str(tmp_path / "engines"))
    monkeypatch.delenv("BUNRI_TORCHVISION_PYTHON", raising=False)


def needing(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Let torchvision be an engine that needs these packages."""
    monkeypatch.setattr(catalogue, "REQUIREMENTS", {"torchvision": Requirements(packages, packages, "BSD-3-Clause")})


def test_every_engine_of_the_table_says_what_it_needs_and_can_be_checked() -> None:
    assert set(REQUIREMENTS) == set(ENGINES) == set(CONFIGS)


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_versions_that_are_shown_are_installed_by_a_pin_or_a_wheel(name: str) -> None:
    needed = REQUIREMENTS[name]
    installed = {name_of(pin) for pin in needed.pins} | (
        {name_of(needed.unpacked.requirement)} if needed.unpacked else set()
    )
    assert {package.split("|")[0] for package in needed.packages} <= installed
    assert needed.licence


def test_what_is_there_is_asked_from_the_engines_own_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    needing(monkeypatch, "numpy", "no-such-package")
    [state] = engine_states()
    assert state.interpreter == sys.executable
    assert state.versions["numpy"]
    assert state.versions["no-such-package"] is None
    assert not state.ready
    assert state.to_dict()["install"] == "bunri engines install torchvision"
    assert state.licence == "BSD-3-Clause"


def test_an_engine_with_all_it_needs_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    needing(monkeypatch, "numpy")
    assert engine_state("torchvision").ready


def test_a_framework_under_another_name_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    needing(monkeypatch, "our-fork-of-numpy|numpy", "one|another")
    assert list(engine_state("torchvision").versions) == ["numpy", "one"]


def test_an_interpreter_that_does_not_run_has_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUNRI_TORCHVISION_PYTHON", str(tmp_path / "python"))
    state = engine_state("torchvision")
    assert set(state.versions.values()) == {None}
    assert state.install == "unset BUNRI_TORCHVISION_PYTHON; bunri engines install torchvision"


def test_what_a_worker_needs_is_named_where_a_users_own_python_lacks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')  # without site-packages
    bare.chmod(0o755)
    monkeypatch.setenv("BUNRI_TORCHVISION_PYTHON", str(bare))
    needing(monkeypatch)
    state = engine_state("torchvision")
    assert state.versions["polars"] is None
    assert "jinja2" not in state.versions
    assert state.install is not None
    assert state.install.startswith(f"{bare} -m pip install 'numpy>=")
    assert "'polars>=" in state.install


def test_workers_do_without_what_only_the_lab_needs() -> None:
    code = """
import sys
import numpy as np
import bunri.engines.worker, bunri.engines.feeding, bunri.engines.predicting, bunri.engines.validating
from bunri.augment import Augmenter
from builders import make_dataset
from bunri.evaluate import evaluate
import bunri.fuse
from bunri.predictions import Predictions
ones = np.ones(1, np.int64)
found = Predictions(ones, ones * 0, np.ones(1), np.array([[1.0, 2.0, 9.0, 8.0]]), ones)
truth = make_dataset([(1, 0, (1.0, 2.0, 9.0, 8.0))])
assert evaluate(found, truth).mAP50 > 0.99
Augmenter(())
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=_with_tests())
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "numba" in loaded
    modules = {"scikit-learn": "sklearn"}
    assert loaded & {modules.get(name, name) for name in NOT_IN_WORKERS} == set()
    assert {name_of(line) for line in base_requirements()} > set(NOT_IN_WORKERS)


def _with_tests() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


def test_a_python_that_fails_has_no_versions() -> None:
    assert installed_versions("/bin/false", ["a|b", "c"]) == {"a": None, "c": None}


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="'torchvison' is unknown; did you mean 'torchvision'"):
        engine_state("torchvison")
