"""Exports that a script made in a framework's own Python, and how what they find compares."""

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bunri.engines.catalogue import engine_state
from bunri.engines.exported.model import ExportedModel, open_export
from bunri.engines.exported.spec import ExportedNetworks, Format
from bunri.engines.predicting import Found
from bunri.engines.process import PACKAGE, interpreter_of
from bunri.exporting.converting import to_openvino
from bunri.exporting.naming import Place, put
from bunri.files import read_json
from export_specs import spec_of

HERE = Path(__file__).parent


def worked_in(engine: str, folder: Path) -> Path:
    """The folder, after ``<engine>_exports.py`` has worked in it."""
    state = engine_state(engine)
    if not state.ready:
        pytest.skip(f"{engine} is not installed: {state.install}")
    places = (PACKAGE.parent, HERE.parent, HERE)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places)), "OMP_NUM_THREADS": "1"}
    environment["FVCORE_CACHE"] = str(folder / "cache")
    command = [interpreter_of(engine), "-W", "ignore", str(HERE / f"{engine}_exports.py"), str(folder)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, (ran.stdout[-2000:], ran.stderr[-4000:])
    return folder


def opened(folder: Path, runtime: Format) -> ExportedModel:
    """The export of a kind as `bunri export` would place it."""
    networks = ExportedNetworks.validated(read_json(folder / "export.json", "the networks"), "the networks")
    spec = spec_of(networks, "onnx")
    if runtime == "openvino":
        spec = to_openvino(spec, folder)
    out = folder / runtime
    put(spec, folder, Place(out, "model"))
    return open_export(out, threads=1)


def assert_alike(found: Found, wanted: Any) -> None:
    """All boxes but for borderline cases of suppression, of which untrained models have many."""
    box = np.array(wanted["box"]).reshape(-1, 4)
    assert len(found.score) == pytest.approx(len(box), rel=0.02)
    near = np.abs(found.box_xyxy[:, None] - box).max(axis=2) < 0.01
    near &= found.class_index[:, None] == wanted["label"]
    near &= np.abs(found.score[:, None] - wanted["score"]) < 1e-4
    assert near.any(axis=0).mean() >= 0.98
    assert near.any(axis=1).mean() >= 0.98
