"""An experiment of the fake engine, trained once for all tests of this folder."""

import os
from pathlib import Path

import pytest

from bunri.experiment import run
from experiment_files import TESTS, write_experiment


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an experiment of two models on two folds, one of them with noise."""
    folder = tmp_path_factory.mktemp("trained")
    path = write_experiment(folder, {"exact": {"steps": 2}, "rough": {"steps": 2, "noise": 3}})
    before = Path.cwd()
    os.chdir(TESTS)
    try:
        return run(path, ("ensemble.method=wbf", "writers.console=false")).folder
    finally:
        os.chdir(before)
