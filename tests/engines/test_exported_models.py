from pathlib import Path

import numpy as np
import pytest
import torch

from bunri.engines.exported.networks import RUNTIMES
from bunri.engines.exported.spec import Format
from bunri.engines.predicting import Found
from bunri.engines.torchvision.inference import TorchvisionFinder
from exported_models import ARGUMENTS, opened, tiny_model
from test_exported_pixels import photo_of

PHOTOS = [photo_of(*shape) for shape in ((64, 96), (90, 60), (30, 31))]


def assert_alike(found: Found, wanted: Found) -> None:
    """All boxes, in their order, but for pairs whose scores are equal to a ten-thousandth.

    Measured: scores differ by at most 2e-5 (Faster R-CNN), boxes by 2e-3 pixels (RetinaNet), and none is without its
    like. Other processors add in another order, so the bounds are five times that.
    """
    assert len(found.score) == len(wanted.score) > 0
    np.testing.assert_allclose(found.score, wanted.score, atol=1e-4)
    near = np.abs(found.box_xyxy[:, None] - wanted.box_xyxy).max(axis=2) < 0.01
    near &= found.class_index[:, None] == wanted.class_index
    near &= np.abs(found.score[:, None] - wanted.score) < 1e-4
    assert near.any(axis=1).mean() >= 0.99
    assert near.any(axis=0).mean() >= 0.99


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("builder", ARGUMENTS)
def test_an_export_finds_what_torch_finds(builder: str, runtime: Format, tmp_path: Path) -> None:
    model = tiny_model(builder)
    eager, export = TorchvisionFinder(model, torch.device("cpu")), opened(model, runtime, tmp_path / "export")
    for photos, scale in ((PHOTOS, 1.0), (PHOTOS[:1], 1.5)):
        for found, wanted in zip(export(photos, scale), eager(photos, scale), strict=True):
            assert_alike(found, wanted)
