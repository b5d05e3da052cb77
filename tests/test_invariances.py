"""What must not matter: the order of images, of annotations and of rows in files; which way a photo was turned."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import assert_same_predictions, random_world
from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.evaluate import compare, evaluate
from bunri.fuse import METHODS, fuse
from bunri.io import load_dataset, read_predictions, write_coco, write_predictions
from bunri.predictions import Predictions
from bunri.search import search
from bunri.tta import Turn, boxes_back, turn_photo

WORLD, MEMBERS = random_world(seed=11, images=12, members=3, boxes_per_image=5)


def by_images(member: Predictions, order: IntArray) -> Predictions:
    """The rows image by image in another order of images; those of one image keep theirs."""
    place = np.empty(order.max() + 1, np.int64)
    place[order] = np.arange(len(order))
    return member[np.argsort(place[member.image_id], kind="stable")]


def reordered(dataset: Dataset, images: IntArray, annotations: IntArray) -> Dataset:
    return replace(dataset, images=dataset.images.take(images), annotations=dataset.annotations.take(annotations))


def permuted(data: st.DataObject, count: int) -> IntArray:
    return np.array(data.draw(st.permutations(range(count))), np.int64)


@settings(max_examples=25, deadline=None)
@given(st.data())
@pytest.mark.parametrize("method", METHODS)
def test_fusing_does_not_depend_on_the_order_of_images(method: str, data: st.DataObject) -> None:
    orders = [permuted(data, 12) + 1 for _ in MEMBERS]
    mixed = [by_images(member, order) for member, order in zip(MEMBERS, orders, strict=True)]
    assert_same_predictions(fuse(mixed, method, weights=[2, 1, 1]), fuse(MEMBERS, method, weights=[2, 1, 1]))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_an_image_is_fused_alone_as_among_others(data: st.DataObject) -> None:
    some = data.draw(st.sets(st.integers(1, 12), min_size=1))
    alone = fuse([member.of_images(some) for member in MEMBERS])
    assert_same_predictions(alone, fuse(MEMBERS).of_images(some))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_scores_do_not_depend_on_the_order_of_a_file(data: st.DataObject) -> None:
    mixed = reordered(WORLD, permuted(data, 12), permuted(data, len(WORLD.annotations)))
    a, b = (member[permuted(data, len(member))] for member in MEMBERS[:2])  # scores of one member are all different
    assert evaluate(a, mixed).to_dict() == evaluate(MEMBERS[0], WORLD).to_dict()
    assert compare(a, b, mixed, 20).to_dict() == compare(MEMBERS[0], MEMBERS[1], WORLD, 20).to_dict()


def test_nor_do_those_read_from_files(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    orders = random.permutation(12), random.permutation(len(WORLD.annotations))
    write_coco(reordered(WORLD, *orders), tmp_path / "mixed.json")
    mixed = load_dataset(tmp_path / "mixed.json")
    asked = evaluate(MEMBERS[0], WORLD).to_dict()
    for suffix in ("parquet", "json", "csv"):
        path = tmp_path / f"a.{suffix}"
        write_predictions(MEMBERS[0][random.permutation(len(MEMBERS[0]))], path, mixed)
        found = evaluate(read_predictions(path, mixed), mixed).to_dict()
        assert found == asked if suffix == "parquet" else found["mAP50"] == pytest.approx(asked["mAP50"], abs=1e-9)


def test_a_search_does_not_depend_on_the_order_of_members_rows() -> None:
    groups = np.arange(12)
    rest = {"folds": 2, "resamples": 20, "groups": groups, "families": ("fused",)}
    whole = search(MEMBERS, WORLD, **rest)  # type: ignore[arg-type]
    mixed = search([by_images(m, np.arange(12, 0, -1)) for m in MEMBERS], WORLD, **rest)  # type: ignore[arg-type]
    assert (mixed.recipe, mixed.score, mixed.gain) == (whole.recipe, whole.score, whole.gain)


@settings(max_examples=200, deadline=None)
@given(st.data())
@pytest.mark.parametrize("turn", get_args(Turn))
def test_a_turned_box_comes_back_exactly(turn: Turn, data: st.DataObject) -> None:
    width, height = data.draw(st.integers(2, 40)), data.draw(st.integers(2, 40))
    x1, y1 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x2, y2 = data.draw(st.integers(x1 + 1, width)), data.draw(st.integers(y1 + 1, height))
    photo = np.zeros((height, width, 3), np.uint8)
    photo[y1:y2, x1:x2] = 255
    rows, columns = np.nonzero(turn_photo(photo, turn)[..., 0])
    seen = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float64)
    assert boxes_back(seen, turn, width, height).tolist() == [[x1, y1, x2, y2]]
