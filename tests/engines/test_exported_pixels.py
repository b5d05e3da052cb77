from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from bunri.engines.exported.pixels import batch_of
from bunri.engines.exported.spec import Pixels
from bunri.engines.loop.samples import photo_to_tensor
from bunri.engines.torchvision.builders import scale_input
from bunri.photos import Photo

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SHAPES = [(384, 512), (100, 77), (333, 500), (9, 7), (40, 200), (64, 64)]


def photo_of(height: int, width: int) -> Photo:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def of_torchvision(photos: list[Photo], pixels: Pixels, scale: float) -> tuple[np.ndarray[Any, Any], list[Any]]:
    sizes = {"size_divisible": pixels.divisible, "fixed_size": pixels.fixed}
    transform = GeneralizedRCNNTransform(pixels.min_side, pixels.max_side, list(MEAN), list(STD), **sizes)
    model = torch.nn.Module()
    model.transform = transform
    scale_input(model, scale)
    images, _ = transform.eval()([photo_to_tensor(photo) for photo in photos])
    return images.tensors.numpy(), images.image_sizes


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """With more threads torch takes another loop for three channels, which rounds otherwise in the last place."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() == "DEFAULT", reason="no fused multiplication and addition")
@pytest.mark.parametrize("fixed", [None, (72, 56)])
@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_pixels_are_those_of_training_to_the_bit(fixed: tuple[int, int] | None, scale: float) -> None:
    pixels = Pixels(min_side=96, max_side=160, fixed=fixed, mean=MEAN, std=STD, divisible=1 if fixed else 32)
    photos = [photo_of(*shape) for shape in SHAPES]
    for given in ([photos[0]], photos):
        wanted, sizes = of_torchvision(given, pixels, scale)
        batch = batch_of(given, pixels, scale)
        np.testing.assert_array_equal(batch.images, wanted)
        assert batch.sizes.tolist() == [list(size) for size in sizes]
        assert batch.originals.tolist() == [list(photo.shape[:2]) for photo in given]
