import numpy as np
import pytest

from builders import make_dataset, make_predictions, random_world
from bunri.boxes import FloatArray
from bunri.fuse import fuse
from bunri.learned.boxes_by_image import boxes_by_image
from bunri.learned.candidates import CLUSTER_IOU, make_candidates
from bunri.learned.labels import mark_overlapping, on_objects, true_candidates
from bunri.learned.material import choose_sources, make_material
from bunri.predictions import Predictions

BOX, NEAR, FAR = (10.0, 10.0, 50.0, 50.0), (10.0, 10.0, 50.0, 45.0), (60.0, 10.0, 90.0, 50.0)
Rows = list[tuple[int, int, float, tuple[float, float, float, float]]]


def test_candidates_are_clusters_of_the_sources_only() -> None:
    _, members = random_world(members=3, images=5)
    sources = ["member0", "member2"]
    candidates = make_candidates(members, sources)
    fused = fuse([members[0], members[2]], "wbf", iou=CLUSTER_IOU)
    assert sorted(candidates.boxes.score) == sorted(fused.score)
    assert candidates.names == ("member0", "member1", "member2")
    assert [len(boxes.score) for boxes in candidates.members] == [len(member) for member in members]
    assert candidates.sources == ("member0", "member2")
    assert len(candidates.pool.score) == len(members[0]) + len(members[2])


def test_who_looked_at_what() -> None:
    a = make_predictions([(1, 0, 0.9, BOX)], seen=[1, 2], name="a")
    b = make_predictions([(3, 0, 0.9, BOX)], seen=[2, 3], name="b")
    candidates = make_candidates([a, b], ["a"])
    assert candidates.image_id.tolist() == [1, 2, 3]
    assert candidates.seen.tolist() == [[True, False], [True, True], [False, True]]
    assert candidates.boxes.start.tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(1, 0, 0.9, BOX)], [True]),
        ([(1, 0, 0.9, BOX), (1, 0, 0.8, NEAR)], [True, False]),  # an object is found once, by the higher score
        ([(1, 0, 0.7, BOX), (1, 0, 0.8, NEAR)], [True, False]),  # in the order of scores, not of rows
        ([(1, 1, 0.9, BOX)], [False]),  # another class
        ([(1, 0, 0.9, FAR)], [False]),
        ([(2, 0, 0.9, BOX)], [False]),  # another image
        ([(2, 0, 0.9, BOX), (2, 1, 0.5, BOX), (1, 0, 0.1, NEAR)], [True, False, True]),  # image 1 comes first
    ],
)
def test_which_candidates_are_true(rows: Rows, expected: list[bool]) -> None:
    dataset = make_dataset([(1, 0, BOX), (2, 1, BOX)])
    boxes = boxes_by_image(make_predictions(rows, seen=[1, 2]), dataset.images.id)
    is_true, is_ignored = true_candidates(boxes, dataset.images.id, dataset)
    assert is_true.tolist() == expected
    assert not is_ignored.any()


@pytest.mark.parametrize("seed", range(5))
def test_boxes_on_others_are_those_of_the_twin(seed: int) -> None:
    random = np.random.default_rng(seed)
    counts = random.integers(0, 6, (2, 7))
    sides = [random.integers(0, 4, (n, 2)) * 5.0 for n in counts.sum(axis=1)]
    box, other = (np.concatenate([low, low + random.integers(1, 4, low.shape) * 5.0], axis=1) for low in sides)
    image, other_image = (np.repeat(np.arange(7), n) for n in counts)
    start, other_start = (np.concatenate([[0], np.cumsum(n)]) for n in counts)
    result = np.zeros(len(box), np.bool_)
    mark_overlapping(start, box, other_start, other, 0.5, result)
    slow = [
        any(box_iou(box[i], other[j]) >= 0.5 for j in range(len(other)) if other_image[j] == image[i])
        for i in range(len(box))
    ]
    assert result.tolist() == slow


def box_iou(a: FloatArray, b: FloatArray) -> float:
    width, height = (max(min(a[k + 2], b[k + 2]) - max(a[k], b[k]), 0.0) for k in (0, 1))
    areas = [(one[2] - one[0]) * (one[3] - one[1]) for one in (a, b)]
    return float(width * height / (sum(areas) - width * height))


def test_which_candidates_are_on_an_object_of_any_class() -> None:
    dataset = make_dataset([(1, 0, BOX), (2, 1, BOX), (2, 1, FAR)], crowd=[False, False, True])
    rows: Rows = [(1, 1, 0.9, BOX), (1, 0, 0.8, NEAR), (1, 0, 0.7, FAR), (2, 0, 0.9, NEAR), (2, 0, 0.8, FAR)]
    boxes = boxes_by_image(make_predictions(rows, seen=[1, 2, 3]), dataset.images.id)
    assert on_objects(boxes, dataset.images.id, dataset).tolist() == [True, True, False, True, False]
    half = boxes._replace(box=np.tile([10.0, 10.0, 50.0, 30.0], (5, 1)))
    assert on_objects(half, dataset.images.id, dataset).tolist() == [True, True, True, True, True]
    less = boxes._replace(box=np.tile([10.0, 10.0, 50.0, 29.9], (5, 1)))
    assert not on_objects(less, dataset.images.id, dataset).any()


def test_a_crowd_region_makes_neither_true_nor_false() -> None:
    dataset = make_dataset([(1, 0, BOX), (1, 0, (60.0, 0.0, 100.0, 80.0))], crowd=[False, True])
    rows: Rows = [(1, 0, 0.9, BOX), (1, 0, 0.8, FAR), (1, 0, 0.7, (0.0, 60.0, 20.0, 80.0)), (1, 1, 0.6, FAR)]
    boxes = boxes_by_image(make_predictions(rows), dataset.images.id)
    is_true, is_ignored = true_candidates(boxes, dataset.images.id, dataset)
    assert is_true.tolist() == [True, False, False, False]
    assert is_ignored.tolist() == [False, True, False, False]
    material = make_material([make_predictions(rows)], ["model"], dataset)
    assert material.on_object.tolist() == [True, False, False, False]
    assert material.rows_of(np.array([True])).tolist() == [0, 2, 3]
    assert material.rows_of(np.array([False])).tolist() == []


def member(name: str, hits: int, seen: range) -> Predictions:
    """Finds the objects of the first so many images it looks at."""
    return make_predictions([(i, 0, 0.9, BOX) for i in seen[:hits]], seen=list(seen), name=name)


def test_a_much_weaker_member_gives_no_boxes_but_where_it_alone_looked() -> None:
    dataset = make_dataset([(i, 0, BOX) for i in range(100)])
    best, near, weak = (member(name, hits, range(90)) for name, hits in (("best", 80), ("near", 76), ("weak", 40)))
    assert choose_sources([weak, best, near], dataset) == ("best", "near")
    alone = member("alone", 5, range(80, 100))
    assert choose_sources([weak, best, alone], dataset) == ("best", "alone")


def test_few_easy_images_do_not_make_the_best_member() -> None:
    dataset = make_dataset([(i, 0, BOX) for i in range(100)])
    broad, lucky = member("broad", 80, range(100)), member("lucky", 5, range(90, 95))
    assert choose_sources([broad, lucky], dataset) == ("broad", "lucky")  # better where both looked
    assert choose_sources([broad, member("unlucky", 0, range(5))], dataset) == ("broad",)
