"""Exports of EfficientDets against effdet itself, which finds its boxes in :mod:`effdet_exports`."""

from pathlib import Path
from typing import Any

import pytest

from bunri.engines.exported.spec import Format
from exports_of_engines import assert_alike, opened
from own_python import measured_in, worked_in
from test_exported_pixels import photo_of

SHAPES = ((64, 96), (90, 60), (30, 31), (400, 170))
KINDS = ("oblong", "soft", "mean_fill_bicubic")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the script has worked."""
    return worked_in("effdet", "exports", tmp_path_factory.mktemp("exports"))


@pytest.fixture(scope="module")
def measured(folder: Path) -> dict[str, Any]:
    return measured_in(folder)


@pytest.mark.parametrize(("kind", "runtime"), [*((kind, "onnx") for kind in KINDS), ("oblong", "openvino")])
def test_an_export_finds_what_effdet_finds(kind: str, runtime: Format, folder: Path, measured: dict[str, Any]) -> None:
    model, photos = opened(folder / kind, runtime), [photo_of(*shape) for shape in SHAPES]
    for found, wanted in zip(model(photos, 1.0), measured["found"][kind], strict=True):
        assert len(wanted["score"]) > 20
        assert max(wanted["score"]) - min(wanted["score"]) > 0.01
        assert_alike(found, wanted)


def test_pixels_are_effdets_to_the_bit(measured: dict[str, Any]) -> None:
    """In frames that are oblong, square, filled with the mean and resized to by another filter."""
    assert measured["pixels"] == {kind: [True] * len(SHAPES) for kind in KINDS}


def test_a_view_of_another_frame_is_refused(measured: dict[str, Any]) -> None:
    assert measured["scaled"].startswith("ConfigError: an EfficientDet is exported for one frame, but recipe.tta has")
