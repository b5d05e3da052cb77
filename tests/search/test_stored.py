"""A search of members in blocks finds what a search in memory finds, bit for bit."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from builders import assert_same_predictions, make_predictions, random_world
from bunri.dataset import Dataset, frozen
from bunri.errors import DataError, OutputError, UsageError
from bunri.fuse import FuseOptions
from bunri.predictions import Predictions, concatenate
from bunri.search import SearchResult, search
from bunri.search.families import FAMILIES
from bunri.search.scoring import scorer_of
from bunri.search.stored import stored_members
from bunri.search.task import make_task


def blocks_of(members: Sequence[Predictions], dataset: Dataset, size: int) -> Iterator[list[Predictions]]:
    ids = np.sort(dataset.images.id)
    for first in range(0, len(ids), size):
        yield [member.of_images(ids[first : first + size]) for member in members]


def world(seed: int, members: int = 3) -> tuple[Dataset, list[Predictions]]:
    """Images some members did not look at, scores that are equal, crowd regions, boxes without area."""
    dataset, whole = random_world(seed, images=36, members=members, boxes_per_image=6)
    crowd = frozen(np.arange(len(dataset.annotations)) % 7 == 0, bool)
    dataset = replace(dataset, annotations=replace(dataset.annotations, is_crowd=crowd))
    partly = [one.of_images(one.seen_image_id[one.seen_image_id % (m + 3) != 0]) for m, one in enumerate(whole)]
    rounded = [replace(one, score=frozen(one.score.round(1), float), name=f"member{m}") for m, one in enumerate(partly)]
    flat = make_predictions([(1, 0, 0.3, (5.0, 5.0, 5.0, 9.0))])
    rounded[0] = concatenate([rounded[0], flat], "member0")
    return dataset, [one[np.argsort(one.image_id, kind="stable")] for one in rounded]


def without_times(found: SearchResult) -> dict[str, object]:
    values = found.to_dict()
    for step in values["path"]:
        step.pop("seconds")
    return {key: value for key, value in values.items() if key != "seconds"}


@pytest.mark.parametrize(("members", "size"), [(2, 5), (5, 35), (2, 100)])
def test_a_search_in_blocks_is_the_search_in_memory(members: int, size: int) -> None:
    dataset, found = world(seed=size, members=members)
    rest = {"folds": 3, "resamples": 70, "families": ("fused", "per_class")}
    whole = search(found, dataset, **rest)  # type: ignore[arg-type]
    with stored_members(blocks_of(found, dataset, size), dataset) as stored:
        assert stored.blocks == -(-36 // size)
        by_blocks = search(stored, dataset, **rest)  # type: ignore[arg-type]
        assert without_times(by_blocks) == without_times(whole)
        joined = by_blocks.out_of_fold
    order = [np.lexsort((-one.score, one.class_index, one.image_id)) for one in (joined, whole.out_of_fold)]
    assert_same_predictions(joined[order[0]], whole.out_of_fold[order[1]])
    assert not stored.path.exists()


@pytest.mark.parametrize("spill", [False, True])
def test_a_candidate_is_matched_in_blocks_as_whole(spill: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if spill:
        monkeypatch.setattr("bunri.evaluate.by_class.IN_MEMORY", 50)
        monkeypatch.setattr("bunri.evaluate.matching.SCRATCH", 100)
    dataset, members = world(seed=1)
    scorer = scorer_of(make_task(members, dataset, folds=3))
    weights = np.random.default_rng(0).integers(0, 4, (36, 130))
    with stored_members(blocks_of(members, dataset, 1), dataset) as stored:
        in_blocks = scorer_of(make_task(stored, dataset, folds=3))
        for method in ("wbf", "nms", "soft_nms", "nmw"):
            options = FuseOptions(method, 0.6, (1.0, 0.5, 2.0), (0.0, 0.2, 0.0))
            whole, parts = (one.matches(options) for one in (scorer, in_blocks))
            for name in ("first", "true_image", "false_first", "false_image"):
                np.testing.assert_array_equal(getattr(parts.ranking, name), getattr(whole.ranking, name), name)
            np.testing.assert_array_equal(parts.mAP50(weights), whole.mAP50(weights))


def test_a_stopped_search_in_blocks_goes_on(tmp_path: Path) -> None:
    dataset, members = world(seed=2)
    state = tmp_path / "state.json"
    with stored_members(blocks_of(members, dataset, 7), dataset) as stored:
        first = search(stored, dataset, folds=2, resamples=10, families=("fused",), state=state)
    before = state.read_bytes()
    with stored_members(blocks_of(members, dataset, 7), dataset) as stored:
        again = search(stored, dataset, folds=2, resamples=10, families=("fused",), state=state)
    assert state.read_bytes() == before
    assert again.recipe == first.recipe


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"fused", "per_class"}))
def test_a_family_that_needs_all_in_memory_is_left_out_and_said(family: str) -> None:
    dataset, members = world(seed=3)
    with stored_members(blocks_of(members, dataset, 9), dataset) as stored:
        found = search(stored, dataset, folds=2, resamples=10, families=(family,))
    assert list(found.family_scores) == ["fused"]
    assert f"{family} needs all boxes in memory" in found.notes[0]


def test_what_is_wrong_with_stored_members_is_said() -> None:
    dataset, members = world(seed=4)
    twins = [members[0], members[0]]
    with (
        stored_members(blocks_of(twins, dataset, 9), dataset) as stored,
        pytest.raises(UsageError, match="a name of its own"),
    ):
        make_task(stored, dataset)
    strange = [replace(members[0], class_index=members[0].class_index + 7)]
    with pytest.raises(DataError, match="class_index of"), stored_members([strange], dataset):
        pass
    with stored_members([], dataset) as stored, pytest.raises(UsageError, match="members must be given"):
        make_task(stored, dataset)


def test_a_full_temporary_folder_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bunri.search.stored.np.save", full)
    dataset, members = world(seed=5)
    with pytest.raises(OutputError, match="No space left on device"), stored_members([members], dataset):
        pass
