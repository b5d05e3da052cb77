from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from builders import make_dataset, make_predictions, random_world
from bunri.dataset import Dataset
from bunri.errors import DataError, UsageError
from bunri.search.task import capture_sessions, make_task


def with_field(dataset: Dataset, name: str, values: Sequence[object]) -> Dataset:
    return replace(dataset, images=replace(dataset.images, fields={name: tuple(values)}))


def test_images_of_a_group_are_never_on_both_sides() -> None:
    dataset, members = random_world(images=40)
    groups = np.arange(40) // 4
    task = make_task(members, dataset, folds=5, groups=groups)
    for group in range(10):
        assert len(set(task.fold[task.groups == group])) == 1
    assert np.bincount(task.fold, minlength=5).min() > 0


def test_training_weights_leave_one_fold_out_each_and_none_last() -> None:
    dataset, members = random_world(images=20)
    task = make_task(members, dataset, folds=4)
    weights = task.training_weights()
    assert weights.shape == (20, 5)
    for k in range(4):
        np.testing.assert_array_equal(weights[:, k] == 0, task.fold == k)
    assert (weights[:, 4] == 1).all()


def test_every_image_any_member_looked_at_counts() -> None:
    dataset, (a, b) = random_world(images=10)
    task = make_task([a.of_images(range(1, 7)), b.of_images(range(5, 9))], dataset, folds=2)
    assert task.image_id.tolist() == list(range(1, 9))
    assert {name: len(part.seen_image_id) for name, part in task.held_out(0).items()} == {
        "member0": int(np.count_nonzero(task.fold[:6] == 0)),
        "member1": int(np.count_nonzero(task.fold[4:] == 0)),
    }


def test_boxes_are_cut_at_the_border() -> None:
    dataset = make_dataset([(i, 0, (1.0, 1.0, 9.0, 9.0)) for i in (1, 2)])
    out = make_predictions([(1, 0, 0.9, (-5.0, 10.0, 120.0, 90.0))], seen=[1, 2])
    assert make_task([out], dataset, folds=2).members[0].box_xyxy.tolist() == [[0, 10, 100, 80]]


def test_sessions_are_shots_within_two_minutes() -> None:
    """a and b are 100 s apart, b and c 100 s, so all three belong together; d is an hour later."""
    times = ["2020-01-01 10:00:00", "2020-01-01 10:01:40", "2020-01-01 10:03:20", "2020-01-01 11:00:00"]
    more = [f"2020-02-{day:02} 10:00:00" for day in range(1, 21)]
    dataset = with_field(make_dataset([], image_ids=range(24)), "date_captured", times + more)
    sessions = capture_sessions(dataset)
    assert sessions is not None
    assert sessions[0] == sessions[1] == sessions[2] != sessions[3]
    assert len(set(sessions)) == 22


@pytest.mark.parametrize("values", [["2020-01-01 10:00:00"] * 8, [0] * 8, [""] * 8])
def test_times_that_tell_nothing_make_no_sessions(values: list[object]) -> None:
    assert capture_sessions(with_field(make_dataset([], image_ids=range(8)), "date_captured", values)) is None
    assert capture_sessions(make_dataset()) is None


def test_what_is_refused() -> None:
    dataset, (a, b) = random_world(images=4)
    with pytest.raises(UsageError, match="each with a name of its own"):
        make_task([a, b.named("member0")], dataset)
    with pytest.raises(UsageError, match="members must be given"):
        make_task([], dataset)
    with pytest.raises(DataError, match="at least one image of the data set"):
        make_task([make_predictions([(77, 0, 0.5, (0.0, 0.0, 1.0, 1.0))])], dataset)
    with pytest.raises(DataError, match="at least as many groups"):
        make_task([a, b], dataset, folds=5)
