"""Exports of MMDetection's models against MMDetection itself, which finds its boxes in :mod:`mmdetection_exports`."""

from pathlib import Path
from typing import Any

import pytest

from bunri.engines.exported.detectors import CellAnchors, OneStage, TwoStage
from bunri.engines.exported.spec import ExportedNetworks, Format
from bunri.files import read_json
from exports_of_engines import assert_finds_the_same
from own_python import measured_in, worked_in

KINDS = ("faster_rcnn", "bgr_stretched_one_box_for_all_classes", "retinanet", "atss", "fcos", "cascade", "rtmdet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the script has worked."""
    return worked_in("mmdetection", "exports", tmp_path_factory.mktemp("exports"))


@pytest.fixture(scope="module")
def measured(folder: Path) -> dict[str, Any]:
    return measured_in(folder)


@pytest.mark.parametrize(
    ("kind", "runtime"), [*((kind, "onnx") for kind in KINDS), ("faster_rcnn", "openvino"), ("atss", "openvino")]
)
def test_an_export_finds_what_mmdetection_finds(
    kind: str, runtime: Format, folder: Path, measured: dict[str, Any]
) -> None:
    assert_finds_the_same(folder / kind, runtime, measured["found"][kind])


def test_pixels_are_mmdetections_to_the_bit(measured: dict[str, Any]) -> None:
    """Of shape kept, framed and stretched, RGB and BGR, in three views of four photos."""
    assert [len(same) for same in measured["pixels"].values()] == [12, 12, 12]
    assert all(all(same) for same in measured["pixels"].values())


def test_points_are_pixels_in_the_middle_of_their_cells(folder: Path) -> None:
    spec = ExportedNetworks.validated(read_json(folder / "fcos" / "export.json", "it"), "it")
    assert isinstance(spec.detector, OneStage)
    assert isinstance(spec.detector.anchors, CellAnchors)
    assert spec.detector.anchors.strides == ((4, 4), (8, 8), (16, 16))
    assert spec.detector.anchors.boxes[1] == ((3.5, 3.5, 4.5, 4.5),)
    assert spec.detector.scores == "sigmoid_then_centerness"


def test_regions_are_looked_at_on_the_levels_of_the_config(folder: Path) -> None:
    spec = ExportedNetworks.validated(read_json(folder / "faster_rcnn" / "export.json", "it"), "it")
    assert isinstance(spec.detector, TwoStage)
    regions = spec.detector.regions
    assert (regions.finest, regions.coarsest, regions.canonical_level, regions.canonical_side) == (2, 3, 2, 24)
    assert regions.weights == pytest.approx((10, 10, 5, 5))
    assert spec.detector.proposals.candidates == 200


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("heads", "a DoubleHeadRoIHead of MMDetection cannot be exported, only StandardRoIHead"),
        ("suppression", "test_cfg.rcnn.nms.type must be 'nms' for an export, but is 'soft_nms'"),
        ("padding", "data_preprocessor.pad_value must be 0 for an export, but is 114"),
        ("backend", "Resize.backend must be 'cv2'"),
        ("padded_by_its_shape", "Pad.size_divisor must be None for an export, but is 32"),
        ("padded_twice", "data_preprocessor.pad_size_divisor must be 1 for an export, but is 32"),
        ("coder", "bbox_coder.clip_border must be True"),
    ],
)
def test_what_cannot_be_exported_exactly_is_refused_by_name(kind: str, words: str, measured: dict[str, Any]) -> None:
    assert words in measured["refused"][kind]
    assert measured["refused"][kind].startswith("ConfigError: ")
