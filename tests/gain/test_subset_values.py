import numpy as np
import pytest

from builders import random_world
from bunri.errors import DataError, UsageError
from bunri.evaluate import evaluate
from bunri.evaluate.bootstrap import bootstrap_mAP50
from bunri.fuse import fuse
from bunri.gain.subset_values import VALUES, SubsetValues, candidates_of
from bunri.search import search
from bunri.search.moves import WBF_IOUS
from bunri.search.task import Task, make_task


def make_values(kind: str = "wbf", members: int = 3, images: int = 40) -> SubsetValues:
    dataset, predictions = random_world(seed=1, images=images, members=members)
    return SubsetValues(make_task(predictions, dataset, folds=3), kind, resamples=20)


def test_one_member_is_worth_what_it_scores() -> None:
    values = make_values()
    member = values.task.members[1]
    assert values([1])[0] == pytest.approx(evaluate(member, values.task.dataset).mAP50, abs=1e-9)
    resampled = bootstrap_mAP50([member], values.task.dataset, resamples=20, groups=values.task.groups)
    np.testing.assert_allclose(values([1])[1:], resampled[0])


def test_nobody_is_worth_nothing() -> None:
    values = make_values()
    assert values([]).tolist() == [0.0] * 21
    assert not values.known


def test_each_subset_is_computed_once_and_told() -> None:
    values, told = make_values(), list[tuple[str, ...]]()
    values.on_value = lambda names, value: told.append(names)
    for members in ([2, 0], [0, 2], {0, 2}):
        values(members)
    assert told == [("member0", "member2")]


def test_a_pair_is_worth_its_fusion_where_all_folds_choose_one_iou(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bunri.gain.subset_values.WBF_IOUS", (0.6,))
    values = make_values()
    fused = fuse(values.task.members[:2], iou=0.6)
    assert values([0, 1])[0] == pytest.approx(evaluate(fused, values.task.dataset).mAP50, abs=1e-9)


def test_searched_is_what_the_search_finds() -> None:
    values = make_values("searched")
    task = values.task
    found = search(task.members[:2], task.dataset, 3, 0, task.groups, ("fused",), resamples=5)
    assert values([0, 1])[0] == pytest.approx(found.score, abs=1e-9)


@pytest.mark.parametrize("kind", VALUES)
def test_partners_are_worth_more_than_each(kind: str) -> None:
    values = make_values(kind)
    assert values([0, 1])[0] > max(values([0])[0], values([1])[0]) + 0.05


@pytest.mark.parametrize("kind", ["wbf", "calibrated"])
def test_nothing_is_chosen_by_the_fold_it_is_applied_to(kind: str) -> None:
    """Other truth on one fold leaves the predictions of that fold as they are."""
    values = make_values(kind)
    task, other = values.task, random_world(seed=77, images=40)[0]
    hidden = task.image_id[task.fold == 0]
    mixed = SubsetValues(_with_other_truth(task, other, hidden), kind, resamples=1)
    before, after = (one._cross_fitted(frozenset([0, 1, 2])).of_images(hidden) for one in (values, mixed))
    np.testing.assert_array_equal(before.score, after.score)
    np.testing.assert_array_equal(before.box_xyxy, after.box_xyxy)


def _with_other_truth(task: Task, other: object, images: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]") -> Task:
    from dataclasses import replace

    from bunri.dataset import Dataset

    assert isinstance(other, Dataset)
    own, new = task.dataset.annotations, other.annotations
    parts = [
        own.take(np.flatnonzero(~np.isin(own.image_id, images))),
        new.take(np.flatnonzero(np.isin(new.image_id, images))),
    ]
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("image_id", "class_index", "box_xyxy", "area", "is_crowd")
    }
    truth = replace(own, id=np.arange(len(columns["area"])) + 1, **columns, fields={})
    return replace(task, dataset=replace(task.dataset, annotations=truth))


def test_calibration_wants_true_boxes() -> None:
    dataset, members = random_world(seed=1, images=12, members=2)
    nothing = members[1].above(2.0)
    values = SubsetValues(make_task([members[0], nothing], dataset, folds=2), "calibrated", resamples=5)
    with pytest.raises(DataError, match="calibration needs true and false boxes"):
        values([0])


def test_an_unknown_value_is_refused() -> None:
    with pytest.raises(UsageError, match="value must be one of wbf, calibrated, searched, but got 'best'"):
        make_values("best")


def test_candidates_leave_the_others_out() -> None:
    pair = candidates_of(frozenset([0, 2]), 3)
    assert [one.iou for one in pair] == list(WBF_IOUS)
    assert {one.weights for one in pair} == {(1.0, 0.0, 1.0)}
    (alone,) = candidates_of(frozenset([1]), 3)
    assert (alone.method, alone.iou, alone.weights) == ("nms", 1.0, (0.0, 1.0, 0.0))
