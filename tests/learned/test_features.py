from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from builders import make_predictions, random_world
from bunri.boxes import FloatArray
from bunri.learned.candidates import Candidates, make_candidates
from bunri.learned.features import Features, describe
from bunri.predictions import Predictions

VIEWS = {"all", "member a", "member b", "place", "spread", "rivals", "structure", "image", "shape"}
BOX = (10.0, 10.0, 50.0, 50.0)


def members_of(seed: int = 0, images: int = 6) -> list[Predictions]:
    dataset, members = random_world(seed=seed, images=images)
    return [member.clipped(dataset).named(name) for member, name in zip(members, "ab", strict=True)]


def described(members: Sequence[Predictions], classes: int = 3) -> tuple[Candidates, Features]:
    candidates = make_candidates(members, [member.name for member in members])
    return candidates, describe(candidates, classes)


def by_name(members: Sequence[Predictions]) -> dict[str, FloatArray]:
    _, features = described(members)
    return {name: features.values[:, k].astype(np.float64) for k, name in enumerate(features.names)}


def test_every_number_has_a_name_of_its_own_in_a_view() -> None:
    candidates, features = described(members_of())
    assert features.values.shape == (len(candidates.boxes.score), len(features.names))
    assert len(set(features.names)) == len(features.names)
    assert {name.rpartition(": ")[0] for name in features.names} == VIEWS
    assert np.isfinite(features.values).all()
    constant = [n for n, column in zip(features.names, features.values.T, strict=True) if len(set(column)) == 1]
    assert set(constant) <= {"place: second other", "spread: other_90", "structure: part_area_other"}


def test_photos_of_any_size_mean_the_same() -> None:
    members = members_of()
    larger = [replace(member, box_xyxy=member.box_xyxy * 4) for member in members]
    (_, a), (_, b) = described(members), described(larger)
    np.testing.assert_allclose(a.values, b.values, rtol=1e-3, atol=1e-4)


def test_the_order_of_rows_does_not_matter() -> None:
    members = members_of()
    rows = np.random.default_rng(0).permutation(len(members[0]))
    (_, a), (_, b) = described(members), described([members[0][rows], members[1]])
    np.testing.assert_allclose(a.values, b.values, atol=1e-6)


def test_an_image_does_not_tell_of_another() -> None:
    members = members_of()
    some, alone = described(members), described([member.of_images([3]) for member in members])
    rows = some[0].boxes.image == 2
    np.testing.assert_allclose(some[1].values[rows], alone[1].values, atol=1e-6)


def test_what_a_member_did_not_look_at_is_unknown_and_what_it_found_empty_is_nothing() -> None:
    a = make_predictions([(1, 0, 0.9, BOX), (2, 0, 0.8, BOX), (3, 0, 0.7, BOX)], name="a")
    b = make_predictions([(1, 0, 0.5, BOX)], seen=[1, 2], name="b")
    columns = by_name([a, b])
    np.testing.assert_array_equal(columns["member b: best_50"], np.array([0.5, 0.0, np.nan], np.float32))
    np.testing.assert_allclose(columns["all: mean best_50"], [0.7, 0.4, 0.7], atol=1e-6)
    np.testing.assert_allclose(columns["all: least best_50"], [0.5, 0.0, 0.7], atol=1e-6)
    np.testing.assert_allclose(columns["all: most best_50"], [0.9, 0.8, 0.7], atol=1e-6)
    np.testing.assert_allclose(columns["place: own"], [0.7, 0.4, 0.7], atol=1e-6)


def test_a_member_that_gives_no_boxes_changes_its_own_view_only() -> None:
    """Else the numbers of all members would mean one thing where it looked and another where it did not."""
    a, b = members_of()
    alone, beside = describe(make_candidates([a], ["a"]), 3), describe(make_candidates([a, b], ["a"]), 3)
    kept = [k for k, name in enumerate(beside.names) if not name.startswith("member b: ")]
    assert [beside.names[k] for k in kept] == list(alone.names)
    np.testing.assert_array_equal(beside.values[:, kept], alone.values)
    assert len(beside.names) > len(kept)


def test_classes_at_one_place() -> None:
    rows = [(1, 0, 0.6, BOX), (1, 1, 0.9, BOX), (1, 2, 0.1, BOX)]
    columns = by_name([make_predictions(rows, name="a")])
    order = np.argsort(columns["all: class"])
    numbers: dict[str, list[float]] = {
        "own": [0.6, 0.9, 0.1],
        "first other": [0.9, 0.6, 0.9],
        "second other": [0.1, 0.1, 0.6],
        "first other class": [1, 0, 1],
        "margin": [-0.3, 0.3, -0.8],
        "share": [0.6 / 1.6, 0.9 / 1.6, 0.1 / 1.6],
        "sum": [1.6, 1.6, 1.6],
        "rank": [1, 0, 2],
        "class 1": [0.9, 0.9, 0.9],
    }
    for name, expected in numbers.items():
        np.testing.assert_allclose(columns[f"place: {name}"][order], expected, atol=1e-6, err_msg=name)


def test_the_place_of_a_candidate_in_its_image() -> None:
    far = (200.0, 200.0, 220.0, 260.0)
    rows = [(1, 0, 0.8, BOX), (1, 0, 0.2, far), (1, 1, 0.4, far), (2, 0, 0.05, BOX)]
    columns = by_name([make_predictions(rows, name="a")])
    numbers: dict[str, list[float]] = {  # by image, falling score: .8, .4, .2; .05
        "rank": [0, 1, 2, 0],
        "count": [3, 3, 3, 1],
        "above .1": [3, 3, 3, 0],
        "above .3": [2, 2, 2, 0],
        "mass": [1.4, 1.4, 1.4, 0.05],
        "rank of class": [0, 0, 1, 0],
        "count of class": [2, 1, 2, 1],
        "mass of class": [1.0, 0.4, 1.0, 0.05],
        "best": [0.8, 0.8, 0.8, 0.05],
        "share of best": [1, 0.5, 0.25, 1],
        "best of own class": [0.8, 0.4, 0.8, 0.05],
        "share of best of own class": [1, 1, 0.25, 1],
        "class of best": [0, 0, 0, 0],
        "best of class 1": [0.4, 0.4, 0.4, 0],
    }
    for name, expected in numbers.items():
        np.testing.assert_allclose(columns[f"image: {name}"], expected, atol=1e-6, err_msg=name)


def test_shapes_are_in_units_of_the_extent() -> None:
    rows = [(1, 0, 0.9, (0.0, 0.0, 50.0, 20.0)), (1, 0, 0.1, (50.0, 60.0, 100.0, 80.0))]
    columns = by_name([make_predictions(rows, name="a")])
    numbers: dict[str, list[float]] = {
        "width": [0.5, 0.5],
        "height": [0.25, 0.25],
        "centre x": [0.25, 0.75],
        "centre y": [0.125, 0.875],
        "aspect": [2.5, 2.5],
        "log area": [np.log(0.125)] * 2,
        "log area against usual": [0, 0],
        "border": [0, 0],
    }
    for name, expected in numbers.items():
        np.testing.assert_allclose(columns[f"shape: {name}"], expected, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("seen", [[], [1, 2]])
def test_nothing_found_at_all(seen: list[int]) -> None:
    empty = Predictions(
        np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty((0, 4)), np.array(seen, np.int64), "a"
    )
    candidates, features = described([empty])
    assert features.values.shape == (0, len(features.names))
    assert candidates.image_id.tolist() == seen


def test_some_rows() -> None:
    _, features = described(members_of())
    some = features.take(np.array([2, 0]))
    assert some.names == features.names
    np.testing.assert_array_equal(some.values, features.values[[2, 0]])


def test_without_classes_only_what_names_one_is_gone() -> None:
    _, features = described(members_of())
    blind = features.without_classes()
    gone = [name for name, column in zip(blind.names, blind.values.T, strict=True) if not column.any()]
    of_each = [f"{view} {c}" for view in ("place: class", "image: best of class") for c in range(3)]
    named = {"all: class", "place: first other class", "image: class of best", *of_each}
    assert named <= set(gone)
    assert set(gone) - named <= {"place: second other", "spread: other_90", "structure: part_area_other"}
    kept = [k for k, name in enumerate(features.names) if name not in named]
    np.testing.assert_array_equal(blind.values[:, kept], features.values[:, kept])


def test_classes_that_change_places_change_nothing_that_does_not_name_them() -> None:
    members = members_of()
    turned = [replace(member, class_index=(member.class_index + 1) % 3) for member in members]
    (_, first), (_, second) = described(members), described(turned)
    one, other = (np.sort(features.without_classes().values, axis=0) for features in (first, second))
    np.testing.assert_allclose(one, other, atol=1e-5)
