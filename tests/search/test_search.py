import json
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from builders import make_predictions, random_world
from bunri.errors import DataError, UsageError
from bunri.evaluate import evaluate
from bunri.fuse import FuseOptions, fuse
from bunri.predictions import Predictions
from bunri.search import apply_recipe, search
from bunri.search.climbing import Climb
from bunri.search.families import Progress
from bunri.search.moves import complexity, neighbours, single, subsets, with_weights
from bunri.search.scoring import scorer_of
from bunri.search.task import make_task


def noise(dataset_images: int, name: str = "noise") -> Predictions:
    """A member that finds nothing and dreams with confidence."""
    random = np.random.default_rng(9)
    rows = []
    for image in range(1, dataset_images + 1):
        for _ in range(6):
            x, y = random.uniform(0, 500, 2)
            rows.append((image, int(random.integers(3)), float(random.uniform(0.5, 1)), (x, y, x + 40, y + 40)))
    return make_predictions(rows, name=name)


def test_an_ensemble_of_partners_beats_each_of_them() -> None:
    dataset, members = random_world(seed=1, images=40, members=3)
    found = search(members, dataset, folds=3, resamples=200)
    singles = [evaluate(member, dataset).mAP50 for member in members]
    assert found.score > max(singles) + 0.1
    assert found.low < found.score < found.high
    assert (found.gain.verdict, found.gain.b) == ("better", f"member{int(np.argmax(singles))}")
    assert set(found.recipe.members) <= {"member0", "member1", "member2"}
    assert found.recipe.found["mAP50"] == found.score


def test_the_score_is_that_of_the_out_of_fold_predictions() -> None:
    dataset, members = random_world(seed=2, images=30)
    found = search(members, dataset, folds=3, resamples=50)
    assert evaluate(found.out_of_fold, dataset).mAP50 == pytest.approx(found.score, abs=1e-9)
    assert found.out_of_fold.seen_image_id.tolist() == dataset.images.id.tolist()


def test_a_member_of_noise_is_left_out() -> None:
    dataset, (good,) = random_world(seed=3, images=30, members=1)
    found = search([good, noise(30)], dataset, folds=3, resamples=50)
    assert found.recipe.members == ("member0",)
    assert found.score >= evaluate(good, dataset).mAP50 - 0.02


def test_no_recipe_saw_the_fold_it_is_scored_on() -> None:
    """Other truth on one fold changes neither the recipe of that fold nor its predictions."""
    dataset, members = random_world(seed=4, images=30)
    task = make_task(members, dataset, folds=3)
    other, _ = random_world(seed=99, images=30)
    hidden = task.image_id[task.fold == 0]
    mixed = make_task(members, dataset, folds=3)
    object.__setattr__(mixed, "dataset", _with_truth_of(dataset, other, hidden))
    chosen = [Climb(scorer_of(one), 0, one.groups).run() for one in (task, mixed)]
    assert chosen[0] == chosen[1]


def _with_truth_of(dataset: object, other: object, images: np.ndarray) -> object:
    from dataclasses import replace

    from bunri.dataset import Annotations, Dataset

    assert isinstance(dataset, Dataset)
    assert isinstance(other, Dataset)
    kept = dataset.annotations.take(np.flatnonzero(~np.isin(dataset.annotations.image_id, images)))
    new = other.annotations.take(np.flatnonzero(np.isin(other.annotations.image_id, images)))
    parts = (kept, new)
    annotations = Annotations(
        id=np.arange(len(kept) + len(new)),
        image_id=np.concatenate([part.image_id for part in parts]),
        class_index=np.concatenate([part.class_index for part in parts]),
        box_xyxy=np.concatenate([part.box_xyxy for part in parts]),
        area=np.concatenate([part.area for part in parts]),
        is_crowd=np.concatenate([part.is_crowd for part in parts]),
    )
    return replace(dataset, annotations=annotations)


def test_a_candidate_is_scored_as_fuse_and_evaluate_do() -> None:
    dataset, members = random_world(seed=5, images=24, members=3)
    task = make_task(members, dataset, folds=3)
    scorer = scorer_of(task)
    for options in (
        FuseOptions("wbf", 0.6, weights=(1.0, 0.5, 0.0), min_score=(0.0, 0.1, 0.0)),
        FuseOptions("soft_nms", weights=(1.0, 1.0, 1.0), sigma=0.3),
        FuseOptions("nmw", 0.5, weights=(0.0, 1.0, 1.0)),
    ):
        fused = fuse(task.members, options.method, options.iou, options.weights, options.min_score, sigma=options.sigma)
        by_fold = [task.image_id[task.fold != k] for k in range(4)]
        slow = [evaluate(fused.of_images(ids), dataset).mAP50 for ids in by_fold]
        np.testing.assert_allclose(scorer.scores([options])[0], slow, atol=1e-9)


def test_threads_change_nothing() -> None:
    dataset, members = random_world(seed=6, images=20)
    alone, together = (search(members, dataset, folds=2, threads=n, resamples=20) for n in (1, 3))
    assert alone.recipe == together.recipe
    assert alone.score == together.score


def test_many_members_are_added_one_by_one() -> None:
    dataset, members = random_world(seed=7, images=20, members=6)
    steps: list[Progress] = []
    found = search(members, dataset, folds=2, resamples=20, on_progress=steps.append)
    assert len(found.recipe.members) > 2
    fused = [step for step in found.path if step.family == "fused"]
    on_all = [step.score for step in fused if step.fold == 2 and step.stage != "simplify"]
    assert all(after > before for before, after in pairwise(on_all))
    assert tuple(steps) == found.path


def test_the_simpler_of_two_that_cannot_be_told_apart_is_taken() -> None:
    """A copy of the only member adds nothing, whatever its weight."""
    dataset, (member,) = random_world(seed=8, images=30, members=1)
    found = search([member, member.named("copy")], dataset, folds=3, resamples=20)
    assert len(found.recipe.members) == 1


@pytest.mark.parametrize("count", [2, 5])
def test_a_budget_of_no_time_still_gives_the_best_single_member(count: int) -> None:
    dataset, members = random_world(seed=1, images=20, members=count)
    singles = [evaluate(member, dataset).mAP50 for member in members]
    began = time.monotonic()
    found = search(members, dataset, folds=2, time_budget=1e-6, resamples=20)
    assert found.recipe.members == (f"member{int(np.argmax(singles))}",)
    assert found.seconds <= time.monotonic() - began
    assert found.notes[-1] == "the 1e-06 s were over before the search was: more time may find better"
    with pytest.raises(UsageError, match="time_budget must be above 0 seconds, but got 0"):
        search(members, dataset, time_budget=0)


def test_a_stopped_search_goes_on_from_its_state(tmp_path: Path) -> None:
    dataset, members = random_world(seed=2, images=20)
    state = tmp_path / "state.json"

    def stop(step: Progress) -> None:
        if step.stage == "grid":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(members, dataset, folds=2, state=state, on_progress=stop)
    known = len(json.loads(state.read_text())["known"])
    assert known > 0
    whole, resumed = search(members, dataset, folds=2), search(members, dataset, folds=2, state=state)
    assert (whole.recipe, whole.score) == (resumed.recipe, resumed.score)
    assert len(json.loads(state.read_text())["known"]) > known


def test_the_state_of_another_search_is_refused(tmp_path: Path) -> None:
    dataset, members = random_world(seed=2, images=20)
    search(members, dataset, folds=2, state=tmp_path / "state.json", time_budget=1e-6, resamples=5)
    with pytest.raises(DataError, match="of the same members, truth and folds"):
        search(members, dataset, folds=3, state=tmp_path / "state.json")


def test_result_as_json_and_recipe_applied() -> None:
    dataset, members = random_world(seed=3, images=20)
    found = search(members, dataset, folds=2, resamples=20)
    assert json.loads(json.dumps(found.to_dict()))["mAP50"] == pytest.approx(found.score)
    applied = apply_recipe(found.recipe, {member.name: member.clipped(dataset) for member in members})
    assert evaluate(applied, dataset).mAP50 == pytest.approx(
        [step.score for step in found.path if step.fold == 2][-1], abs=1e-9
    )


def test_an_unknown_family() -> None:
    dataset, members = random_world(images=4)
    with pytest.raises(UsageError, match=r"families must be among fused.*, but got 'magic'"):
        search(members, dataset, families=["magic"])


def test_moves() -> None:
    base = FuseOptions("wbf", 0.6, weights=(1.0, 0.5, 0.0), min_score=(0.0, 0.01, 0.0))
    near = list(neighbours(base))
    assert base not in near
    assert len({one for one in near if one.weights == base.weights}) == 12
    assert {one.min_score for one in near} >= {(0.001, 0.01, 0.0), (0.0, 0.005, 0.0), (0.0, 0.02, 0.0)}
    assert all((one.weights or ())[2] == 0 for one in near)
    assert with_weights(base, [4, 2, 1]).weights == (1.0, 0.5, 0.25)
    assert subsets(2) == [(0,), (1,), (0, 1)]
    assert subsets(9) == [tuple(range(9))]
    levels = [single(0, 3), base, FuseOptions("wbf", 0.6, weights=(1.0, 1.0, 1.0), min_score=0.0)]
    assert [complexity(one) for one in levels] == [(1, 0), (2, 2), (3, 0)]


def test_the_simpler_family_is_taken_where_scores_cannot_be_told_apart() -> None:
    """Of two classes with few boxes, settings by class are the common ones: both families score alike."""
    dataset, members = random_world(seed=3, images=20)
    found = search(members, dataset, folds=2, families=["per_class", "fused"], resamples=20)
    assert list(found.family_scores) == ["fused", "per_class"]
    assert found.recipe.found["family"] == "fused"


def test_families_of_one_task_share_what_was_scored() -> None:
    dataset, members = random_world(images=8)
    task = make_task(members, dataset, folds=2)
    assert scorer_of(task) is scorer_of(task)
    assert scorer_of(task) is not scorer_of(make_task(members, dataset, folds=2))
