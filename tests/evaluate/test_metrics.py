import math
from dataclasses import replace

import numpy as np
import pytest

from builders import make_dataset, make_predictions
from bunri.dataset import Dataset, frozen
from bunri.errors import DataError
from bunri.evaluate import evaluate

BOX = (10.0, 10.0, 50.0, 50.0)
FAR = (60.0, 10.0, 90.0, 40.0)


def with_ids(dataset: Dataset, ids: list[int]) -> Dataset:
    return replace(dataset, annotations=replace(dataset.annotations, id=frozen(ids, np.int64)))


def test_a_hit_at_every_threshold_is_perfect() -> None:
    result = evaluate(make_predictions(), make_dataset())
    assert [result.mAP50, result.mAP50_95, result.AP50["Paper"]] == pytest.approx([1, 1, 1])
    assert math.isnan(result.AP50["Metal"])
    assert result.mAP50_by_size["medium"] == pytest.approx(1)  # area 1600 lies between 32² and 96²
    assert math.isnan(result.mAP50_by_size["small"])


def test_average_precision_by_hand() -> None:
    """Objects: 2. By score: a hit, a miss, a hit. Precision 1, 1/2, 2/3 at recall .5, .5, 1.

    Interpolated: 1 at the 51 recalls 0 to .50, 2/3 at the 50 recalls .51 to 1: (51 + 50 * 2/3) / 101.
    """
    dataset = make_dataset([(1, 0, BOX), (2, 0, BOX)])
    predictions = make_predictions([(1, 0, 0.9, BOX), (1, 0, 0.8, FAR), (2, 0, 0.7, BOX)])
    assert evaluate(predictions, dataset).mAP50 == pytest.approx((51 + 50 * 2 / 3) / 101, abs=1e-12)


def test_a_box_of_iou_0_6_counts_at_three_of_ten_thresholds() -> None:
    """IoU of (10,10,50,50) and (10,10,50,34): 40*24 / 1600 = 0.6, so it is found at 0.5, 0.55 and 0.6."""
    result = evaluate(make_predictions([(1, 0, 0.9, (10.0, 10.0, 50.0, 34.0))]), make_dataset())
    assert result.mAP50 == pytest.approx(1)
    assert result.mAP50_95 == pytest.approx(0.3, abs=1e-12)


def test_the_annotation_id_0_counts() -> None:
    assert evaluate(make_predictions(), with_ids(make_dataset(), [0])).mAP50 == pytest.approx(1)


def test_a_match_to_a_crowd_region_is_neither_right_nor_wrong() -> None:
    dataset = make_dataset([(1, 0, BOX), (1, 0, FAR)], crowd=[False, True])
    predictions = make_predictions([(1, 0, 0.9, FAR), (1, 0, 0.8, FAR), (1, 0, 0.7, BOX)])
    assert evaluate(predictions, dataset).mAP50 == pytest.approx(1)


def test_only_images_looked_at_count() -> None:
    dataset = make_dataset([(1, 0, BOX), (2, 0, BOX)])
    half = make_predictions([(1, 0, 0.9, BOX)], seen=[1, 77])
    whole = make_predictions([(1, 0, 0.9, BOX)], seen=[1, 2])
    assert evaluate(half, dataset).mAP50 == pytest.approx(1)
    assert (evaluate(half, dataset).images, evaluate(half, dataset).images_not_seen) == (1, 1)
    assert evaluate(whole, dataset).mAP50 == pytest.approx(51 / 101)


def test_a_floor_drops_boxes_and_is_said() -> None:
    predictions = make_predictions([(1, 0, 0.9, FAR), (1, 0, 0.4, BOX)])
    free, cut = evaluate(predictions, make_dataset()), evaluate(predictions, make_dataset(), min_score=0.5)
    assert (free.mAP50, free.min_score, free.lowest_score) == (0.5, 0.0, 0.4)
    assert (cut.mAP50, cut.min_score, cut.lowest_score) == (0.0, 0.5, 0.9)


def test_only_the_best_boxes_of_an_image_and_class_count() -> None:
    rows = [(1, 0, 0.9, FAR), (1, 0, 0.4, BOX), (1, 1, 0.3, BOX)]
    dataset = make_dataset([(1, 0, BOX), (1, 1, BOX)])
    result = evaluate(make_predictions(rows), dataset, max_boxes=1)
    assert list(result.AP50.values()) == pytest.approx([0, 1, math.nan], nan_ok=True)


def test_nothing_found_is_0_and_nothing_to_find_is_none() -> None:
    assert evaluate(make_predictions([], seen=[1]), make_dataset()).mAP50 == 0.0
    result = evaluate(make_predictions(), make_dataset([], image_ids=[1])).to_dict()
    assert (result["mAP50"], result["AP50"]["Paper"], result["mAP50_large"]) == (None, None, None)


def test_large_and_negative_image_ids() -> None:
    ids = [-5, 2**60, 2**60 + 1]
    dataset = make_dataset([(i, 0, BOX) for i in ids])
    assert evaluate(make_predictions([(i, 0, 0.9, BOX) for i in ids]), dataset).mAP50 == pytest.approx(1)


def test_predictions_of_other_images_are_refused() -> None:
    with pytest.raises(DataError, match="at least one image must be in the data set and looked at by model"):
        evaluate(make_predictions([(5, 0, 0.9, BOX)]), make_dataset())


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(DataError, match="must be below 3, the number of classes, but got 3"):
        evaluate(make_predictions([(1, 3, 0.9, BOX)]), make_dataset())
