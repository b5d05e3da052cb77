from typing import Any

import numpy as np
import pytest

from builders import make_dataset
from bunri.eda.resizing import (
    Resize,
    into_frame,
    longer_side,
    native_resize,
    parse_resize,
    resized_sides,
    shorter_side,
    sizes_after,
    stretched,
)
from bunri.errors import UsageError

WIDE, TALL = (400.0, 200.0), (300.0, 600.0)


@pytest.mark.parametrize(
    ("resize", "wide", "tall"),
    [
        (longer_side(800), (2.0, 2.0), (4 / 3, 4 / 3)),
        (shorter_side(800, 1000), (2.5, 2.5), (5 / 3, 5 / 3)),  # the longer side holds both back
        (shorter_side(300, 1000), (1.5, 1.5), (1.0, 1.0)),
        (into_frame(400, 100), (0.5, 0.5), (1 / 6, 1 / 6)),
        (stretched(800, 100), (2.0, 0.5), (8 / 3, 1 / 6)),
    ],
)
def test_factors(resize: Resize, wide: tuple[float, float], tall: tuple[float, float]) -> None:
    width, height = np.array([WIDE, TALL]).T
    np.testing.assert_allclose(np.stack(resize.factors(width, height), axis=1), [wide, tall])


@pytest.mark.parametrize(("text", "name"), [("640", "640"), ("800x1333", "800x1333"), ("1333x800", "800x1333")])
def test_sizes_of_the_command_line(text: str, name: str) -> None:
    assert parse_resize(text).name == name


@pytest.mark.parametrize("text", ["0", "00", "640x", "big", "640x640x3", "-640", "000x800"])
def test_a_wrong_size_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="800x1333"):
        parse_resize(text)


def test_objects_below_the_strides() -> None:
    dataset = make_dataset([(1, 0, (0.0, 0.0, 10.0, 40.0)), (1, 2, (0.0, 0.0, 60.0, 70.0))])
    [sizes] = sizes_after(dataset, [longer_side(50)])  # half
    assert sizes.below.tolist() == [[1, 1, 2], [1, 1, 1], [0, 0, 0], [0, 0, 1]]
    assert resized_sides(dataset, longer_side(50)).tolist() == [[5, 20], [30, 35]]
    assert sizes.median_sides == pytest.approx(((10 + np.sqrt(30 * 35)) / 2, 10, None, np.sqrt(30 * 35)))


def test_no_objects_have_no_middle() -> None:
    [sizes] = sizes_after(make_dataset([], image_ids=[1]), [longer_side(640)])
    assert set(sizes.median_sides) == {None}
    assert not sizes.below.any()


@pytest.mark.parametrize(
    ("engine", "values", "name"),
    [
        ("torchvision", {"builder": "FCOS"}, "800x1333"),
        ("torchvision", {"arguments": {"min_size": [480, 512], "max_size": 900}}, "512x900"),
        ("torchvision", {"arguments": {"size": [256, 192]}}, "256×192"),
        ("ultralytics", {"model": "yolov8n.yaml"}, "640"),
        ("ultralytics", {"imgsz": [480, 960]}, "960"),
        ("effdet", {"image_size": [256, 384]}, "384×256"),
        ("effdet", {"model": "tf_efficientdet_lite0"}, None),
        ("detectron2", {"INPUT": {"MIN_SIZE_TEST": 600, "MAX_SIZE_TEST": 1000}}, "600x1000"),
        ("detectron2", {"INPUT": {"MIN_SIZE_TEST": 600}}, None),  # the rest may stand in its base
        ("mmdetection", {}, None),
        ("mine:Engine", {"imgsz": 3}, None),
    ],
)
def test_what_native_configs_say(engine: str, values: dict[str, Any], name: str | None) -> None:
    resize = native_resize(engine, values)
    assert (resize and resize.name) == name
