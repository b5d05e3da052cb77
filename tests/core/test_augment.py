from typing import Any

import albumentations
import numpy as np
import pytest
from numpy.typing import NDArray

from bunri.augment import Augmenter, Pipeline
from bunri.boxes import FloatArray, IntArray
from bunri.errors import ConfigError

PHOTO = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
BOXES: FloatArray = np.array([[5.0, 5.0, 20.0, 20.0], [30.0, 10.0, 55.0, 35.0]])
CLASSES = np.array([2, 0])


def _apply(*transforms: dict[str, dict[str, Any]], seed: int = 0) -> tuple[NDArray[np.uint8], FloatArray, IntArray]:
    pipeline: Pipeline = transforms
    return Augmenter(pipeline)(PHOTO, BOXES, CLASSES, seed)


def test_no_pipeline_changes_nothing() -> None:
    photo, boxes, classes = _apply()
    assert photo is PHOTO
    assert boxes is BOXES
    assert classes is CLASSES


def test_boxes_follow_their_photo() -> None:
    photo, boxes, classes = _apply({"HorizontalFlip": {"p": 1}})
    np.testing.assert_array_equal(photo, PHOTO[:, ::-1])
    np.testing.assert_allclose(boxes, [[40, 5, 55, 20], [5, 10, 30, 35]], atol=1e-4)
    assert classes.tolist() == [2, 0]


def test_a_box_cut_away_takes_its_class_along() -> None:
    photo, boxes, classes = _apply({"Crop": {"x_min": 28, "y_min": 0, "x_max": 60, "y_max": 40}})
    assert photo.shape == (40, 32, 3)
    np.testing.assert_allclose(boxes, [[2, 10, 27, 35]], atol=1e-4)
    assert classes.tolist() == [0]


def test_the_seed_decides() -> None:
    noisy: dict[str, dict[str, Any]] = {"RandomBrightnessContrast": {"p": 0.5}}
    results = [_apply(noisy, seed=seed)[0].tobytes() for seed in range(8)]
    assert results == [_apply(noisy, seed=seed)[0].tobytes() for seed in range(8)]
    assert len(set(results)) > 2


def test_transforms_nest() -> None:
    photo, _, _ = _apply({"OneOf": {"transforms": [{"VerticalFlip": {"p": 1}}, {"VerticalFlip": {"p": 1}}], "p": 1}})
    np.testing.assert_array_equal(photo, PHOTO[::-1])


class Darker(albumentations.ImageOnlyTransform):  # type: ignore[misc]
    """A transform of the user's own."""

    def __init__(self, factor: int = 2, p: float = 0.5) -> None:
        super().__init__(p=p)
        self.factor = factor

    def apply(self, img: NDArray[np.uint8], **parameters: Any) -> NDArray[np.uint8]:
        return img // self.factor


@pytest.mark.parametrize("separator", [".", ":"])
def test_a_class_of_the_users_own_by_its_path(separator: str) -> None:
    path = f"{__name__}{separator}Darker"
    photo, boxes, _ = _apply({"OneOf": {"transforms": [{path: {"factor": 4, "p": 1}}], "p": 1}})
    np.testing.assert_array_equal(photo, PHOTO // 4)
    np.testing.assert_allclose(boxes, BOXES, atol=1e-4)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ({"HorizontalFlop": {}}, r"augment\[0\]\.HorizontalFlop: .* did you mean 'HorizontalFlip'\?"),
        ({"HorizontalFlip": {"q": 1}}, r"augment\[0\]\.HorizontalFlip\.q: HorizontalFlip takes no such argument"),
        ({"HorizontalFlip": {"p": 3}}, r"augment\[0\]\.HorizontalFlip: Albumentations refuses it"),
        ({"A": {}, "B": {}}, r"augment\[0\]: must be one transform"),
        ({f"{__name__}.Darker": {"factr": 3}}, r"Darker\.factr: Darker takes no such argument; did you mean 'factor'"),
        ({f"{__name__}:PHOTO": {}}, r"augment\[0\]\..*PHOTO: must be a transform class of Albumentations"),
        ({"no_such_module.Snow": {}}, r"augment\[0\]\.no_such_module\.Snow: .*cannot be loaded"),
        ({"OneOf": {"transforms": [{"Fog": {}}]}}, r"augment\[0\]\.OneOf\.transforms\[0\]\.Fog"),
    ],
)
def test_a_pipeline_with_a_mistake(transform: dict[str, dict[str, Any]], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _apply(transform)
