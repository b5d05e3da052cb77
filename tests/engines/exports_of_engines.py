"""Exports that :mod:`own_python` made, and how what they find compares with what their framework found."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bunri.engines.exported.model import ExportedModel, open_export
from bunri.engines.exported.spec import ExportedNetworks, Format
from bunri.engines.predicting import Found
from bunri.exporting.converting import to_openvino
from bunri.exporting.naming import Place, put
from bunri.files import read_json
from export_specs import spec_of
from test_exported_pixels import photo_of

SHAPES = ((64, 96), (90, 60), (30, 31), (96, 41))
"""Height and width of the photos that are looked at."""


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


def assert_finds_the_same(export: Path, runtime: Format, found_by_scale: Sequence[Any]) -> None:
    """In a view of the photos as they are, and in a larger one."""
    model, photos = opened(export, runtime), [photo_of(*shape) for shape in SHAPES]
    for scale, all_wanted in zip((1.0, 1.5), found_by_scale, strict=True):
        assert sum(len(wanted["score"]) for wanted in all_wanted) > 30
        for found, wanted in zip(model(photos, scale), all_wanted, strict=True):
            assert_alike(found, wanted)
