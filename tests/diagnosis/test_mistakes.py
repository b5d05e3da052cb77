import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import make_dataset, make_predictions, random_world
from bunri.diagnosis.mistakes import KINDS, Kind, Matches, best_f1_threshold, match

OBJECT = (10.0, 10.0, 50.0, 50.0)


def kinds_of(matches: Matches) -> list[Kind]:
    return [KINDS[kind] for kind in matches.kind]


@pytest.mark.parametrize(
    ("class_index", "box", "kind"),
    [
        (0, OBJECT, "hit"),
        (0, (10.0, 10.0, 50.0, 30.0), "hit"),  # IoU 800 / 1600 = 0.5
        (1, OBJECT, "class"),
        (0, (10.0, 10.0, 50.0, 29.0), "place"),  # IoU 760 / 1600 = 0.475
        (1, (10.0, 10.0, 50.0, 29.0), "both"),
        (0, (60.0, 60.0, 90.0, 79.0), "background"),
        (1, (60.0, 60.0, 90.0, 79.0), "background"),
    ],
)
def test_one_box_on_one_object(class_index: int, box: tuple[float, float, float, float], kind: Kind) -> None:
    matches = match(make_predictions([(1, class_index, 0.9, box)]), make_dataset([(1, 0, OBJECT)]))
    assert kinds_of(matches) == [kind]
    assert matches.truth_row.tolist() == [0 if kind == "hit" else -1]


def test_the_better_score_takes_the_object_and_the_other_box_is_a_duplicate() -> None:
    predictions = make_predictions([(1, 0, 0.6, OBJECT), (1, 0, 0.9, (10.0, 10.0, 50.0, 45.0))])
    assert kinds_of(match(predictions, make_dataset([(1, 0, OBJECT)]))) == ["duplicate", "hit"]


def test_a_box_takes_the_object_it_overlaps_most() -> None:
    dataset = make_dataset([(1, 0, OBJECT), (1, 0, (10.0, 14.0, 50.0, 54.0))])
    assert match(make_predictions([(1, 0, 0.9, (10.0, 13.0, 50.0, 53.0))]), dataset).truth_row.tolist() == [1]


def test_a_box_on_an_image_without_objects_is_on_the_background() -> None:
    dataset = make_dataset([(1, 0, OBJECT)], image_ids=[1, 2])
    assert kinds_of(match(make_predictions([(2, 0, 0.9, OBJECT)]), dataset)) == ["background"]


def test_crowd_regions_are_no_objects() -> None:
    dataset = make_dataset([(1, 0, OBJECT)], crowd=[True])
    assert kinds_of(match(make_predictions([(1, 0, 0.9, OBJECT)]), dataset)) == ["background"]


def test_nothing_predicted() -> None:
    matches = match(make_predictions([], seen=[1]), make_dataset())
    assert (matches.threshold, sum(matches.counts().values())) == (0.0, 0)
    assert matches.found(1).tolist() == [False]


def test_counts_and_found_look_above_the_threshold_only() -> None:
    dataset = make_dataset([(1, 0, OBJECT), (1, 1, (60.0, 10.0, 90.0, 40.0))])
    boxes = [(1, 0, 0.9, OBJECT), (1, 2, 0.4, OBJECT), (1, 2, 0.3, OBJECT), (1, 1, 0.2, (60.0, 10.0, 90.0, 40.0))]
    matches = match(make_predictions(boxes), dataset)
    # F1 from 0.9: 2 * 1 / (1 + 2) = 0.667; from 0.4: 0.5; from 0.3: 0.4; from 0.2: 4 / 6 = 0.667, the first wins
    assert matches.threshold == 0.9
    assert matches.counts() == dict.fromkeys(KINDS, 0) | {"hit": 1}
    assert matches.found(2).tolist() == [True, False]


@pytest.mark.parametrize(
    ("score", "hit", "truths", "threshold"),
    [
        ([], [], 3, 0.0),
        ([0.9, 0.8, 0.1], [True, True, False], 2, 0.8),
        ([0.5, 0.5, 0.5], [True, False, True], 2, 0.5),  # equal scores stand or fall together
        ([0.2, 0.9], [True, True], 2, 0.2),
        ([0.9, 0.2], [False, False], 2, 0.9),
    ],
)
def test_best_f1_threshold(score: list[float], hit: list[bool], truths: int, threshold: float) -> None:
    assert best_f1_threshold(np.array(score, float), np.array(hit, bool), truths) == threshold


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_object_is_taken_twice_and_a_cut_changes_no_match(seed: int) -> None:
    dataset, [member] = random_world(seed, images=6, members=1)
    matches = match(member, dataset)
    taken = matches.truth_row[matches.truth_row >= 0]
    assert len(set(taken.tolist())) == len(taken)
    cut = member.score >= 0.5
    assert match(member[cut], dataset).kind.tolist() == matches.kind[cut].tolist()
