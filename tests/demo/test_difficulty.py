"""The embedded data set must be learned: colour alone tells little, and the objects vary."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bunri.boxes import FloatArray, IntArray
from bunri.demo.classes import CLASS_NAMES
from bunri.demo.clutter import CLUTTER
from bunri.demo.ground import GROUNDS, Ground
from bunri.demo.objects import LONG_SIDE, SKETCHES
from bunri.demo.objects.sprite import Sketch, sprite
from bunri.demo.render import render_demo


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[FloatArray, IntArray]]:
    """Colour features ``(N, 27 + 6)`` and classes ``(N,)`` of the annotated crops of each split."""
    folder = tmp_path_factory.mktemp("demo")
    render_demo(folder, seed=0, train=72, test=48)
    return {split: crops_of(folder, split) for split in ("train", "test")}


def crops_of(folder: Path, split: str) -> tuple[FloatArray, IntArray]:
    coco = json.loads((folder / f"{split}.json").read_text())
    names = {image["id"]: image["file_name"] for image in coco["images"]}
    features = []
    for annotation in coco["annotations"]:
        with Image.open(folder / names[annotation["image_id"]]) as photo:
            x, y, width, height = annotation["bbox"]
            features.append(colour_features(np.asarray(photo.crop((x, y, x + width, y + height)))))
    return np.array(features), np.array([annotation["category_id"] - 1 for annotation in coco["annotations"]])


def colour_features(crop: NDArray[np.uint8]) -> FloatArray:
    """Mean and spread of each channel, and the histogram of 3 x 3 x 3 colours."""
    pixels = crop.reshape(-1, 3)
    bins = np.minimum(pixels // 86, 2).astype(np.int64) @ np.array([9, 3, 1])
    histogram = np.bincount(bins, minlength=27) / len(pixels)
    return np.concatenate([pixels.mean(axis=0) / 255, pixels.std(axis=0) / 255, histogram])


def balanced_accuracy(truth: IntArray, guess: IntArray) -> float:
    return float(np.mean([(guess[truth == c] == c).mean() for c in np.unique(truth)]))


def test_the_nearest_mean_colour_does_not_solve_it(crops: dict[str, tuple[FloatArray, IntArray]]) -> None:
    (train, train_class), (test, test_class) = crops["train"], crops["test"]
    scale = train.std(axis=0) + 1e-9
    centroids = np.stack([train[train_class == c].mean(axis=0) for c in range(len(CLASS_NAMES))])
    distance = (((test[:, None] - centroids) / scale) ** 2).sum(axis=-1)
    assert balanced_accuracy(test_class, distance.argmin(axis=1)) < 0.3  # chance is 0.1


def test_neighbours_in_colour_do_not_solve_it(crops: dict[str, tuple[FloatArray, IntArray]]) -> None:
    (train, train_class), (test, test_class) = crops["train"], crops["test"]
    distance = ((test[:, None] - train) ** 2).sum(axis=-1)
    neighbours = train_class[np.argsort(distance, axis=1)[:, :7]]
    votes = (neighbours[..., None] == np.arange(len(CLASS_NAMES))).sum(axis=1)
    assert balanced_accuracy(test_class, votes.argmax(axis=1)) < 0.3


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_objects_of_a_class_differ_in_shape_size_and_colour(name: str) -> None:
    low, high = LONG_SIDE[name]
    pictures = [np.asarray(sprite(SKETCHES[name], np.random.default_rng(seed), low + seed)) for seed in range(12)]
    assert len({picture.shape for picture in pictures}) > 8
    colours = np.array([picture[picture[..., 3] > 90][:, :3].mean(axis=0) for picture in pictures])
    assert colours.std(axis=0).max() > 20
    assert low < high


@pytest.mark.parametrize(
    "sketch",
    dict.fromkeys([*SKETCHES.values(), *(sketch for sketch, _ in CLUTTER)]),
    ids=lambda sketch: sketch.__name__,
)
def test_a_picture_is_cut_to_its_silhouette(sketch: Sketch) -> None:
    opacity = np.asarray(sprite(sketch, np.random.default_rng(1), 60).getchannel("A"))
    assert min(opacity[0].max(), opacity[-1].max(), opacity[:, 0].max(), opacity[:, -1].max()) > 30
    assert max(opacity.shape) <= 60 * 1.6  # the diagonal, and a little perspective


@pytest.mark.parametrize("ground", dict.fromkeys(GROUNDS), ids=lambda ground: ground.__name__)
def test_every_ground_has_texture(ground: Ground) -> None:
    pixels = ground(np.random.default_rng(2), 80, 60)
    assert pixels.shape == (60, 80, 3)
    assert pixels.std(axis=(0, 1)).min() > 2
