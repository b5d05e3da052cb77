"""Scripts that only a framework's own Python can run: what they measure there is judged here."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bunri.engines.catalogue import engine_state
from bunri.engines.process import PACKAGE, interpreter_of
from bunri.files import read_json

HERE = Path(__file__).parent


def worked_in(engine: str, work: str, folder: Path) -> Path:
    """The folder, after ``<engine>_<work>.py`` has worked in it."""
    state = engine_state(engine)
    if not state.ready:
        pytest.skip(f"{engine} is not installed: {state.install}")
    places = (PACKAGE.parent, HERE.parent, HERE)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places)), "OMP_NUM_THREADS": "1"}
    environment["FVCORE_CACHE"] = str(folder / "cache")
    command = [interpreter_of(engine), "-W", "ignore", str(HERE / f"{engine}_{work}.py"), str(folder)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, (ran.stdout[-2000:], ran.stderr[-4000:])
    return folder


def measured_in(folder: Path) -> dict[str, Any]:
    """What a script has written there."""
    return dict(read_json(folder / "measured.json", "what was measured"))
