"""Exports of Detectron2's models against Detectron2 itself, which finds its boxes in :mod:`detectron2_exports`."""

from pathlib import Path
from typing import Any

import pytest

from bunri.engines.exported.detectors import CellAnchors, OneStage
from bunri.engines.exported.spec import ExportedNetworks, Format
from bunri.files import read_json
from exports_of_engines import assert_finds_the_same
from own_python import measured_in, worked_in

KINDS = ("faster_rcnn", "bgr_one_box_for_all_classes", "last_stage_of_a_resnet_as_head", "cascade", "retinanet", "fcos")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the script has worked."""
    return worked_in("detectron2", "exports", tmp_path_factory.mktemp("exports"))


@pytest.fixture(scope="module")
def measured(folder: Path) -> dict[str, Any]:
    return measured_in(folder)


@pytest.mark.parametrize(
    ("kind", "runtime"), [*((kind, "onnx") for kind in KINDS), ("faster_rcnn", "openvino"), ("retinanet", "openvino")]
)
def test_an_export_finds_what_detectron2_finds(
    kind: str, runtime: Format, folder: Path, measured: dict[str, Any]
) -> None:
    assert_finds_the_same(folder / kind, runtime, measured["found"][kind])


def test_pixels_are_detectron2s_to_the_bit(measured: dict[str, Any]) -> None:
    """In RGB and BGR, in three views of four photos."""
    assert [len(same) for same in measured["pixels"].values()] == [12, 12]
    assert all(all(same) for same in measured["pixels"].values())


def test_sides_are_rounded_as_detectron2_rounds_them(measured: dict[str, Any]) -> None:
    assert measured["sizes"] == []


def test_proposals_are_looked_at_on_detectron2s_levels(measured: dict[str, Any]) -> None:
    assert measured["levels"] == 0


def test_coarse_levels_say_their_strides(folder: Path) -> None:
    """64 pixels from cell to cell, where a photo of 96 has two; its side over its cells would be 48."""
    spec = ExportedNetworks.validated(read_json(folder / "retinanet" / "export.json", "it"), "it")
    assert isinstance(spec.detector, OneStage)
    assert isinstance(spec.detector.anchors, CellAnchors)
    assert spec.detector.anchors.strides == ((8, 8), (16, 16), (32, 32), (64, 64))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("sigmoid", "USE_SIGMOID_CE cannot be exported"),
        ("pooling", "a RoIPool of Detectron2 cannot be exported, only ROIAlign"),
        ("any_size", "must be resized to one size to be exported"),
    ],
)
def test_what_cannot_be_exported_exactly_is_refused_by_name(kind: str, words: str, measured: dict[str, Any]) -> None:
    assert words in measured["refused"][kind]
    assert measured["refused"][kind].startswith("ConfigError: ")
