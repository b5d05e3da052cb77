"""Scored block by block, in memory or on disk: bit for bit the same as whole."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from builders import make_dataset, make_predictions, random_world
from bunri.dataset import Dataset, frozen
from bunri.errors import DataError, OutputError
from bunri.evaluate import evaluate, evaluate_blocks
from bunri.evaluate.by_class import ColumnsByClass
from bunri.evaluate.matching import objects_of
from bunri.predictions import Predictions
from oracle.reference_coco import pycocotools_precision


def world(seed: int, ties: bool = False) -> tuple[Dataset, Predictions]:
    """A data set with crowd regions and areas of their own, and a member that looked at some of it."""
    plain, (member,) = random_world(seed=seed, images=60, classes=4, members=1, boxes_per_image=7)
    marks, random = plain.annotations, np.random.default_rng(seed)
    crowd, area = random.random(len(marks)) < 0.1, marks.area * random.choice([0.3, 1, 1], len(marks))
    dataset = replace(plain, annotations=replace(marks, is_crowd=frozen(crowd, bool), area=frozen(area, float)))
    score = member.score.round(1) if ties else member.score
    return dataset, replace(member, score=frozen(score, float))


def blocks_of(member: Predictions, width: int) -> Iterator[Predictions]:
    ids = member.seen_image_id
    return (member.of_images(ids[first : first + width]) for first in range(0, len(ids), width))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("width", [1, 7, 60])
@pytest.mark.parametrize("ties", [False, True])
def test_in_blocks_as_whole(seed: int, width: int, ties: bool) -> None:
    dataset, member = world(seed, ties)
    member = member.of_images(member.seen_image_id[member.seen_image_id % 4 != 0])
    for min_score, max_boxes in ((0.0, 100), (0.3, 2)):
        whole = evaluate(member, dataset, min_score, max_boxes)
        found = evaluate_blocks(blocks_of(member, width), dataset, min_score, max_boxes)
        assert found.to_dict() == whole.to_dict()
        assert found.images == 45


@pytest.mark.parametrize("seed", [10, 11])
def test_areas_that_are_not_those_of_the_boxes_as_pycocotools(seed: int) -> None:
    dataset, member = world(seed, ties=seed == 11)
    precision = pycocotools_precision(member, dataset)
    found = evaluate_blocks(blocks_of(member, 9), dataset)
    for a, size in enumerate(("small", "medium", "large"), 1):
        values = precision[..., a]
        assert found.mAP50_95_by_size[size] == pytest.approx(values[values > -1].mean(), abs=1e-9)
    assert found.mAP50_95 == pytest.approx(precision[..., 0][precision[..., 0] > -1].mean(), abs=1e-9)


def test_what_does_not_fit_lies_on_disk_and_counts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, member = world(0)
    whole = evaluate(member, dataset)
    monkeypatch.setattr("bunri.evaluate.by_class.IN_MEMORY", 100)
    assert evaluate_blocks(blocks_of(member, 5), dataset).to_dict() == whole.to_dict()


@pytest.mark.parametrize("in_memory", [1, 10**6])
def test_columns_come_back_by_class_in_their_order(in_memory: int) -> None:
    kept = ColumnsByClass(3, width=2, in_memory=in_memory)
    kept.add(np.array([2, 0, 2]), np.array([[5, 4, 9], [50, 40, 90]]))
    kept.add(np.array([], np.int64), np.empty((2, 0), np.int64))
    kept.add(np.array([0, 2]), np.array([[1, 7], [10, 70]]))
    of_2, of_1 = kept.of_class(2), kept.of_class(1)
    kept.close()
    assert of_2.tolist() == [[5, 9, 7], [50, 90, 70]]
    assert of_1.shape == (2, 0)


def test_a_full_temporary_folder_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class FullFile:
        def tell(self) -> int:
            return 0

        def write(self, content: bytes) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", lambda _: FullFile())
    with pytest.raises(OutputError, match="No space left on device"):
        ColumnsByClass(1, width=1).add(np.array([0]), np.array([[5]]))


def test_blocks_that_do_not_rise_are_refused() -> None:
    dataset, member = world(0)
    with pytest.raises(DataError, match="blocks must come by rising image id, but 1 comes after 60"):
        evaluate_blocks([member, member], dataset)


def test_blocks_of_which_no_image_counts_are_refused() -> None:
    strangers = [make_predictions([(image, 0, 0.5, (1, 2, 3, 4))]) for image in (8, 9)]
    with pytest.raises(DataError, match="looked at by model, but there is none"):
        evaluate_blocks(strangers, make_dataset())
    with pytest.raises(DataError, match="looked at by predictions, but there is none"):
        evaluate_blocks([], make_dataset())


def test_objects_of_some_images_are_those_of_a_smaller_data_set() -> None:
    dataset, _ = world(1)
    ids = np.unique(dataset.images.id)
    for some in (ids[::3], ids[5:6], ids[:0], ids):
        part, direct = objects_of(dataset, ids).of_images(some), objects_of(dataset, some)
        for name in ("image_id", "key", "box", "area", "is_crowd"):
            np.testing.assert_array_equal(getattr(part, name), getattr(direct, name), name)
