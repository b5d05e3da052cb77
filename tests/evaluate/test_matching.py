"""The compiled matcher against the standard metrics, and weights on images against data sets built anew."""

from dataclasses import replace

import numpy as np
import pytest

from builders import make_dataset, make_predictions, random_world
from bunri.dataset import Annotations, Dataset, Images, frozen
from bunri.evaluate import evaluate
from bunri.evaluate.kernels import LEVEL, LEVELS
from bunri.evaluate.matching import Matches, match, objects_of
from bunri.predictions import Predictions, concatenate

BOX = (10.0, 10.0, 50.0, 50.0)


def matched(predictions: Predictions, dataset: Dataset, max_boxes: int = 100) -> Matches:
    return match(predictions, objects_of(dataset, np.unique(dataset.images.id)), max_boxes)


def rebuilt(predictions: Predictions, dataset: Dataset, times: np.ndarray) -> tuple[Predictions, Dataset]:
    """The data set and predictions with each image as often as ``times`` says, under new ids."""
    parts, images, truths = [], list[int](), []
    for row in np.repeat(np.arange(len(dataset)), times):
        image, new = dataset.images.id[row], len(images) + 1
        part = predictions.of_images([image])
        parts.append(replace(part, image_id=np.full(len(part), new), seen_image_id=np.array([new])))
        images.append(new)
        truths += [(k, new) for k in np.flatnonzero(dataset.annotations.image_id == image)]
    rows = np.array([k for k, _ in truths])
    old = dataset.annotations
    marks = Annotations(
        np.arange(len(rows)),
        np.array([new for _, new in truths]),
        old.class_index[rows],
        old.box_xyxy[rows],
        old.area[rows],
        old.is_crowd[rows],
    )
    sides = np.full(len(images), 600)
    frame = Images(np.array(images), tuple(map(str, images)), sides, sides)
    return concatenate(parts), Dataset(dataset.class_names, dataset.category_ids, frame, marks)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("max_boxes", [100, 2])
def test_equal_to_the_standard_metrics(seed: int, max_boxes: int) -> None:
    dataset, members = random_world(seed, images=30, classes=4, boxes_per_image=8)
    crowd = np.arange(len(dataset.annotations)) % 6 == 0
    dataset = replace(dataset, annotations=replace(dataset.annotations, is_crowd=frozen(crowd, bool)))
    for member in members:
        rounded = replace(member, score=frozen(member.score.round(1), float))  # many ties
        for predictions in (member, rounded):
            mine = matched(predictions, dataset, max_boxes).average_precisions(np.ones((30, 1), np.int64))[:, 0]
            standard = list(evaluate(predictions, dataset, max_boxes=max_boxes).AP50.values())
            np.testing.assert_allclose(mine, standard, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_weights_are_copies_of_images(seed: int) -> None:
    dataset, (member,) = random_world(seed, images=12, members=1)
    times = np.random.default_rng(seed).integers(0, 3, 12)
    copies = evaluate(*rebuilt(member, dataset, times))
    mine = matched(member, dataset).average_precisions(times[:, None])[:, 0]
    np.testing.assert_allclose(mine, list(copies.AP50.values()), atol=1e-9)
    assert matched(member, dataset).mAP50(times[:, None])[0] == pytest.approx(copies.mAP50, abs=1e-9)


def test_recall_levels_are_those_of_pycocotools() -> None:
    np.testing.assert_array_equal(np.arange(LEVELS) * LEVEL, np.linspace(0, 1, 101))


@pytest.mark.parametrize("objects", [1, 3, 7, 50, 99, 100, 101, 200])
def test_recalls_that_fall_on_a_level(objects: int) -> None:
    """Every other object found, after a false box each: precision is a half all the way, and then nothing."""
    dataset = make_dataset([(i, 0, BOX) for i in range(objects)])
    rows = [(i, 0, 0.9 - i / 1000, box) for i in range(0, objects, 2) for box in ((60.0, 60.0, 70.0, 70.0), BOX)]
    predictions = make_predictions(rows, seen=range(objects))
    mine = matched(predictions, dataset).average_precisions(np.ones((objects, 1), np.int64))[0, 0]
    assert mine == pytest.approx(evaluate(predictions, dataset).AP50["Paper"], abs=1e-12)


def test_a_class_without_objects_on_the_weighted_images_is_nan() -> None:
    dataset = make_dataset([(1, 0, BOX), (2, 1, BOX)])
    predictions = make_predictions([(1, 0, 0.9, BOX), (2, 1, 0.9, BOX)])
    result = matched(predictions, dataset).average_precisions(np.array([[1, 0, 0], [0, 2, 0]]))
    np.testing.assert_array_equal(result[:2], [[1, np.nan, np.nan], [np.nan, 1, np.nan]])
    np.testing.assert_array_equal(matched(predictions, dataset).mAP50(np.array([[1, 0, 0], [0, 2, 0]])), [1, 1, np.nan])


def test_the_later_of_two_objects_overlapped_alike_is_taken() -> None:
    """As pycocotools does: with the earlier one taken, the second detection would find only the later, IoU .25."""
    dataset = make_dataset([(1, 0, (0.0, 0.0, 20.0, 10.0)), (1, 0, (20.0, 0.0, 40.0, 10.0))])
    rows = [(1, 0, 0.9, (0.0, 0.0, 40.0, 10.0)), (1, 0, 0.8, (0.0, 0.0, 20.0, 10.0))]
    mine = matched(make_predictions(rows), dataset).mAP50(np.ones((1, 1), np.int64))[0]
    assert mine == 1.0 == evaluate(make_predictions(rows), dataset).mAP50


def test_no_box_and_no_object() -> None:
    empty = make_dataset([], image_ids=[1, 2])
    ones = np.ones((2, 1), np.int64)
    assert np.isnan(matched(make_predictions([], seen=[1]), empty).mAP50(ones)).all()
    assert np.isnan(matched(make_predictions(), empty).mAP50(ones)).all()
    assert matched(make_predictions([], seen=[1]), make_dataset()).mAP50(ones[:1])[0] == 0.0


def test_three_hundred_boxes_of_one_class_on_one_image() -> None:
    random = np.random.default_rng(0)
    low = random.uniform(0, 500, (300, 2))
    boxes = np.concatenate([low, low + random.uniform(20, 90, (300, 2))], axis=1)
    truth = Annotations(
        np.arange(300), np.ones(300, np.int64), np.zeros(300, np.int64), boxes, np.full(300, 100.0), np.zeros(300, bool)
    )
    frame = Images(np.array([1]), ("a",), np.array([600]), np.array([600]))
    dataset = Dataset(("only",), np.array([1]), frame, truth)
    jittered = Predictions(
        np.ones(300, np.int64),
        np.zeros(300, np.int64),
        random.permutation(300) / 300,
        boxes + random.normal(0, 2, 2 * 2).repeat(1),
    )
    for most in (100, 300):
        mine = matched(jittered, dataset, most).mAP50(np.ones((1, 1), np.int64))[0]
        assert mine == pytest.approx(evaluate(jittered, dataset, max_boxes=most).mAP50, abs=1e-9)
