from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from bunri.engines.exported.pixel_rules import Pixels
from bunri.engines.exported.pixels import batch_of
from bunri.engines.exported.resizing import RESIZED
from bunri.engines.loop.samples import photo_to_tensor
from bunri.engines.torchvision.builders import scale_input
from bunri.errors import DataError
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


def letterbox(**changes: Any) -> Pixels:
    sides = {"min_side": 64, "max_side": 64, "mean": (0, 0, 0), "std": (1, 1, 1)}
    return Pixels.model_validate({**sides, "resize": "opencv", "rounding": "up", "place": "centre", **changes})


@pytest.mark.parametrize("resize", ["opencv", "pillow"])
def test_bytes_are_resized_by_the_library_and_then_normalised(resize: str) -> None:
    photo = photo_of(50, 100)
    pixels = letterbox(resize=resize, highest=255, channels="bgr", mean=(10, 20, 30), std=(1, 2, 4), place="corner")
    images = batch_of([photo], pixels, 1.0).images
    small = RESIZED[resize](photo, 32, 64)
    wanted = (small[..., ::-1].astype(np.float32) - np.array([10, 20, 30], np.float32)) / np.array(
        [1, 2, 4], np.float32
    )
    np.testing.assert_array_equal(images[0], wanted.transpose(2, 0, 1))
    assert RESIZED[resize](np.full((9, 9, 3), 7, np.uint8), 5, 14).tolist() == np.full((5, 14, 3), 7).tolist()


def test_a_photo_lies_in_the_middle_of_its_border() -> None:
    batch = batch_of([photo_of(33, 64)], letterbox(divisible=32, border=(0, 51, 255)), 1.0)
    assert batch.images.shape == (1, 3, 64, 64)
    assert batch.corners.tolist() == [[15, 0]]  # of 31 rows too many, the odd one is below
    assert batch.images[0, :, 14, 0].tolist() == pytest.approx([0, 0.2, 1])
    assert batch.images[0, :, 48, 9].tolist() == pytest.approx([0, 0.2, 1])
    inside = photo_of(33, 64).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(batch.images[0, :, 15:48], inside.transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("changes", "scale", "size", "whole"),
    [
        ({}, 1.0, (22, 64), (22, 64)),  # 21.3 rows
        ({"rounding": "nearest"}, 1.0, (21, 64), (21, 64)),
        ({"divisible": 32}, 1.0, (22, 64), (32, 64)),
        ({"divisible": 32, "margin": 0.5}, 1.0, (22, 64), (64, 96)),  # 21.3 and 16 are more than 32
        ({"step": 32}, 1.2, (22, 64), (22, 64)),  # 76.8 is nearer to 64 than to 96
        ({"step": 32}, 1.3, (32, 96), (32, 96)),
        ({"frame": (80, 72)}, 1.0, (22, 64), (72, 80)),
        ({"fixed": (48, 40)}, 0.5, (20, 24), (20, 24)),
    ],
)
def test_sizes_follow_the_rule(
    changes: dict[str, Any], scale: float, size: tuple[int, int], whole: tuple[int, int]
) -> None:
    batch = batch_of([photo_of(40, 120)], letterbox(**changes), scale)
    assert batch.sizes.tolist() == [list(size)]
    assert batch.images.shape[2:] == whole


def test_a_frame_smaller_than_a_photo_is_refused() -> None:
    with pytest.raises(DataError, match="must hold its photos, but is 60 x 64"):
        batch_of([photo_of(40, 120)], letterbox(frame=(60, 64)), 1.0)


def test_a_photo_is_as_large_as_its_frame_holds_by_the_filter_that_is_named() -> None:
    photo = photo_of(30, 100)
    pixels = letterbox(resize="pillow", filter="lanczos", rounding="down", place="corner", fit="frame", frame=(50, 40))
    batch = batch_of([photo], pixels, 1.0)
    assert batch.images.shape == (1, 3, 40, 50)
    assert batch.sizes.tolist() == [[15, 50]]
    wanted = np.asarray(Image.fromarray(photo).resize((50, 15), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(np.rint(batch.images[0, :, :15] * 255), wanted.transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("changes", "words"), [({"filter": "lanczos"}, "go with pillow only"), ({"fit": "frame"}, "need one")]
)
def test_rules_that_do_not_go_together_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        letterbox(**changes)
