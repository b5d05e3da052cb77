import json
import os
from pathlib import Path

import numpy as np
import pytest

from builders import make_dataset, random_world
from bunri.dataset import Dataset
from bunri.errors import DataError, UsageError
from bunri.io import load_dataset
from bunri.splits import fold_shares, holdout, image_groups, rows_with_photo, split, write_folds
from io_builders import write_photo

BOX = (0.0, 0.0, 9.0, 9.0)


def _one_box_each(images: int, fields: dict[str, tuple[object, ...]] | None = None) -> Dataset:
    """Images 1, 2, ... each with a box; classes take turns."""
    return make_dataset([(k + 1, k % 3, BOX) for k in range(images)], fields=fields)


def test_every_class_is_as_even_as_whole_boxes_allow() -> None:
    shares = fold_shares(dataset := _one_box_each(32), split(dataset, folds=5))
    assert shares.boxes.sum(axis=0).tolist() == [11, 11, 10]
    assert shares.boxes.max(axis=0).tolist() == [3, 3, 2]
    assert shares.boxes.min(axis=0).tolist() == [2, 2, 2]


def test_a_class_is_spread_by_its_boxes_not_its_images() -> None:
    # Nine images of one box and one of nine: the fold of the crowded image gets hardly another.
    dataset = make_dataset([(k, 0, BOX) for k in range(1, 10)] + [(10, 0, BOX)] * 9)
    shares = fold_shares(dataset, split(dataset, folds=2))
    assert np.abs(shares.boxes[:, 0] - 9).max() <= 1
    assert shares.images.max() >= 8


def test_images_without_boxes_are_spread_too() -> None:
    dataset = make_dataset([(k, 0, BOX) for k in range(1, 11)], image_ids=range(1, 21))
    fold = split(dataset, folds=5)
    assert np.bincount(fold[10:]).tolist() == [2] * 5


def test_crowd_regions_do_not_count() -> None:
    dataset = make_dataset([(k, 0, BOX) for k in range(1, 5)], crowd=[True, True, False, False])
    shares = fold_shares(dataset, split(dataset, folds=2))
    assert shares.boxes[:, 0].tolist() == [1, 1]


def test_the_seed_decides() -> None:
    dataset, _ = random_world(images=40)
    assert split(dataset, seed=3).tolist() == split(dataset, seed=3).tolist()
    assert split(dataset, seed=3).tolist() != split(dataset, seed=4).tolist()


@pytest.mark.parametrize("folds", [2, 3, 7])
def test_every_image_is_in_one_fold_and_no_fold_is_empty(folds: int) -> None:
    dataset, _ = random_world(images=40)
    assert np.unique(split(dataset, folds)).tolist() == list(range(folds))


def test_images_of_one_value_stay_together() -> None:
    place = tuple("abc"[k % 3] if k < 12 else None for k in range(20))
    dataset = _one_box_each(20, {"place": place})
    groups = image_groups(dataset, "place")
    assert len(np.unique(groups)) == 3 + 8  # an image without a value stands alone
    fold = split(dataset, folds=3, group_key="place")
    assert all(len(set(fold[groups == group])) == 1 for group in groups)


@pytest.mark.parametrize(
    ("times", "groups"),
    [
        (("2020-12-26 14:00:00", "2020-12-26 14:03:50", "2020-12-26 14:02:00", None), [[0, 1, 2], [3]]),
        (("2020-12-26 14:00:00", "2020-12-26 14:02:01", "2020-12-26 14:10:00", None), [[0], [1], [2], [3]]),
        ((100, 0, 220.0, 500), [[0, 1, 2], [3]]),
    ],
)
def test_a_time_window_chains_from_photo_to_photo(times: tuple[object, ...], groups: list[list[int]]) -> None:
    found = image_groups(_one_box_each(4, {"taken": times}), "taken", window_seconds=120)
    assert [np.flatnonzero(found == group).tolist() for group in dict.fromkeys(found.tolist())] == groups


def test_near_duplicates_stay_together_through_other_groups(tmp_path: Path) -> None:
    dataset = _one_box_each(8, {"place": ("a", "a", *"bcdefg")})
    for image_id in (1, 3, 4):  # 2 has no photo; 1 and 3 show the same
        write_photo(tmp_path / f"{image_id:04d}.jpg", seed=min(image_id, 4) % 3, size=(64, 48 + image_id))
    write_photo(tmp_path / "0003.jpg", seed=1)
    dataset = Dataset(dataset.class_names, dataset.category_ids, dataset.images, dataset.annotations, tmp_path)
    write_photo(tmp_path / "0004.jpg", seed=9)
    assert rows_with_photo(dataset).tolist() == [0, 2, 3]
    groups = image_groups(dataset, "place")
    assert groups[0] == groups[1] == groups[2]
    assert len(np.unique(groups)) == 6
    assert len(np.unique(image_groups(dataset, "place", near_duplicates=False))) == 7


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"folds": 1}, UsageError, "folds must be at least 2, but got 1"),
        ({"folds": 4}, DataError, "at least as many groups of images as folds, but 3 < 4"),
        ({"group_key": "where"}, UsageError, "'where' is not; there are: place"),
        ({"window_seconds": 3}, UsageError, "needs the field that has the time"),
        ({"folds": 2, "group_key": "place", "window_seconds": 3}, UsageError, "must be a time .* an image has 'a'"),
    ],
)
def test_what_cannot_be_split_is_refused(options: dict[str, int], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        split(_one_box_each(3, {"place": ("a", "b", "c")}), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("share", "images"), [(0.2, 12), (0.5, 30), (0.15, 9), (0.7, 42)])
def test_a_holdout_takes_its_share_of_every_class(share: float, images: int) -> None:
    dataset = _one_box_each(60)
    held_out = holdout(dataset, share)
    assert held_out.sum() == images
    assert np.ptp(np.bincount(np.arange(60)[held_out] % 3)) <= 1


@pytest.mark.parametrize("share", [0.0, 0.01, 1.0, -0.3, 2.0])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(UsageError, match="share must lie between"):
        holdout(_one_box_each(60), share)


def test_deviation_is_the_worse_of_both_readings() -> None:
    dataset = make_dataset([(1, 0, BOX), (1, 0, BOX), (2, 0, BOX), (1, 1, BOX), (2, 1, BOX)])
    shares = fold_shares(dataset, np.array([0, 1]))
    assert shares.boxes.tolist() == [[2, 1, 0], [1, 1, 0]]
    # Class 0: 2 and 1 of 1.5 are 1/3 off; of the folds' boxes 2/3 and 1/2 against 3/5 are 1/9 and 1/6 off.
    # Class 1: 1 and 1 of 1 are even, but 1/3 and 1/2 against 2/5 are 1/6 and 1/4 off.
    np.testing.assert_allclose(shares.deviation[:2], [1 / 3, 1 / 4])
    np.testing.assert_allclose(shares.least_deviation[:2], [1 / 3, 0])
    assert np.isnan(shares.deviation[2])
    assert shares.to_dict()["classes"]["Paper"]["boxes"] == [2, 1]


def test_folds_are_written_without_overlap(tmp_path: Path) -> None:
    dataset = _one_box_each(9, {"place": tuple("abcdefghi")})
    fold = split(dataset, folds=3)
    paths = write_folds(dataset, fold, tmp_path / "folds")
    assert [path.name for path in paths] == [f"fold{k}_{part}.json" for k in range(3) for part in ("train", "val")]
    for k in range(3):
        train, val = load_dataset(paths[2 * k]), load_dataset(paths[2 * k + 1])
        assert val.images.id.tolist() == dataset.images.id[fold == k].tolist()
        assert sorted([*train.images.id, *val.images.id]) == list(range(1, 10))
        assert len(val.annotations) == len(val)
        assert val.class_names == dataset.class_names
    assert json.loads(paths[0].read_text())["images"][0]["place"] in "abcdefghi"


def _shared_data() -> Path:
    beside_the_repository = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("BUNRI_DATA", beside_the_repository))


@pytest.mark.skipif(
    not (_shared_data() / "oof" / "ground_truth.json").is_file(), reason="needs real labels: set BUNRI_DATA"
)
def test_real_labels_are_even() -> None:
    dataset = load_dataset(_shared_data() / "oof" / "ground_truth.json")
    shares = fold_shares(dataset, split(dataset, folds=5, seed=0))
    common = shares.boxes.sum(axis=0) >= 300
    assert shares.deviation[common].max() <= 0.03
    assert shares.deviation[dataset.class_names.index("Battery")] <= 0.10
