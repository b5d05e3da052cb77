"""Exports of Ultralytics' models against Ultralytics itself, which finds its boxes in :mod:`ultralytics_exports`."""

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bunri.engines.exported.model import ExportedModel
from bunri.engines.exported.onnx_network import OnnxNetwork
from bunri.engines.exported.spec import ExportedNetworks
from bunri.engines.predicting import Found
from bunri.files import read_json
from bunri.photos import read_photo
from engine_jobs import awkward_dataset
from export_specs import spec_of
from test_ultralytics_inside import inside, scene  # noqa: F401 - a fixture
from ultralytics_exports import HEADS, SCALES

OF_ONE_COLOUR = 3
"""A photo on which all queries of a transformer are level, so that rounding chooses among them."""


def found_of(plain: Any) -> Found:
    """As it was before it went through JSON."""
    box = np.array(plain["box"], np.float64).reshape(-1, 4)
    return Found(box, np.array(plain["label"], np.int64), np.array(plain["score"], np.float64))


def share_found(found: Found, wanted: Found, pixels: float) -> float:
    """Of the wanted boxes, each at most so far away."""
    near = np.abs(found.box_xyxy[:, None] - wanted.box_xyxy).max(axis=2) < pixels
    near &= found.class_index[:, None] == wanted.class_index
    near &= np.abs(found.score[:, None] - wanted.score) < 1e-3
    return float(near.any(axis=0).mean())


@pytest.mark.parametrize("head", HEADS)
def test_what_stands_around_a_network_gives_what_ultralytics_gives(inside: Any, head: str) -> None:  # noqa: F811
    """With the same numbers from the network every box is there; only the way back to the photo rounds otherwise."""
    found = scene(inside, "exports")[head]
    counts = []
    for theirs, ours in zip(chain(*found["theirs"]), chain(*found["ours"]), strict=True):
        wanted, got = found_of(theirs), found_of(ours)
        np.testing.assert_array_equal(got.score, wanted.score)
        assert share_found(got, wanted, 1e-4) == share_found(wanted, got, 1e-4) == 1
        counts.append(len(wanted.score))
    assert min(counts) > 0
    assert len(set(counts)) > 1 or not head.startswith("many")  # something is suppressed


@pytest.mark.parametrize("head", HEADS)
def test_an_onnx_export_finds_it_without_ultralytics(inside: Any, head: str, tmp_path: Path) -> None:  # noqa: F811
    found = scene(inside, "exports")[head]
    folder = Path(found["folder"])
    networks = ExportedNetworks.validated(read_json(folder / "export.json", "the networks"), "the networks")
    facts = networks.networks["network"]
    model = ExportedModel(spec_of(networks, "onnx"), {"network": OnnxNetwork(folder / facts.name, facts, 1)})
    dataset = awkward_dataset(tmp_path)
    many = [row for row in range(len(dataset)) if row != OF_ONE_COLOUR]
    photos = [read_photo(dataset.path_of(row)) for row in range(len(dataset))]
    shares = []
    for scale, theirs in zip(SCALES, found["theirs"], strict=True):
        ours = model(photos, scale)
        shares += [share_found(ours[row], found_of(theirs[row]), 0.02) for row in many]
    assert np.mean(shares) > 0.98  # rounding may turn a borderline case of suppression
