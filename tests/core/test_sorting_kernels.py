"""The compiled sorting loops against numpy's slow and obvious ways."""

import numpy as np
import pytest

from bunri.boxes import FloatArray, IntArray
from bunri.sorting_kernels import order_runs, place_by_key, ranks_of


def random_rows(seed: int) -> tuple[IntArray, IntArray, FloatArray]:
    """Image rank, class and score of rows in any order, with ties and images without rows."""
    random = np.random.default_rng(seed)
    count = int(random.integers(0, 200))
    score = random.choice([0.1, 0.5, 0.9], count) if seed % 2 else random.random(count)
    return random.integers(0, 9, count), random.integers(0, 4, count), score


@pytest.mark.parametrize("seed", range(6))
def test_ranks_are_places_among_the_sorted(seed: int) -> None:
    random = np.random.default_rng(seed)
    ids = np.unique(random.integers(-50, 50, 30))
    asked = random.choice(ids, 100)
    rank = np.full(100, -1)
    ranks_of(ids, asked, rank)
    assert rank.tolist() == [ids.tolist().index(one) for one in asked.tolist()]


@pytest.mark.parametrize("seed", range(6))
def test_rows_are_placed_by_key_stably(seed: int) -> None:
    key, _, _ = random_rows(seed)
    start, rows = np.zeros(11, np.int64), np.empty(len(key), np.int64)
    place_by_key(key, start, rows)
    assert rows.tolist() == sorted(range(len(key)), key=lambda row: key[row])
    assert start.tolist() == [int((key < k).sum()) for k in range(11)]


@pytest.mark.parametrize("seed", range(8))
def test_runs_are_by_image_class_and_falling_score(seed: int) -> None:
    image, class_index, score = random_rows(seed)
    image_start, rows = np.zeros(11, np.int64), np.empty(len(image), np.int64)
    place_by_key(image, image_start, rows)
    order, cell = np.empty(len(image), np.int64), np.empty(len(image), np.int64)
    start = np.empty(len(image) + 1, np.int64)
    runs = order_runs(class_index, score, image_start, rows, np.empty(5, np.int64), order, cell, start)
    slow = sorted(range(len(image)), key=lambda row: (image[row], class_index[row], -score[row], row))
    assert order.tolist() == slow
    cells = (image * 4 + class_index)[order].tolist()
    assert cell[:runs].tolist() == sorted(set(cells))
    assert start[: runs + 1].tolist() == [*(cells.index(one) for one in cell[:runs].tolist()), len(cells)]
