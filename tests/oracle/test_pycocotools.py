"""The standard metrics against pycocotools, to 1e-9."""

from dataclasses import replace

import numpy as np
import pytest

from builders import random_world
from bunri.dataset import Dataset, frozen
from bunri.evaluate import evaluate
from oracle.reference_coco import pycocotools_precision


def with_crowds(dataset: Dataset, every: int) -> Dataset:
    crowd = np.arange(len(dataset.annotations)) % every == 0
    return replace(dataset, annotations=replace(dataset.annotations, is_crowd=frozen(crowd, bool)))


def mean(precision: np.ndarray) -> float:
    return float(precision[precision > -1].mean())


@pytest.mark.parametrize("every", [10_000, 5])
@pytest.mark.parametrize("max_boxes", [100, 2])
@pytest.mark.parametrize("ties", [False, True])
def test_all_metrics(every: int, max_boxes: int, ties: bool) -> None:
    plain, (member,) = random_world(seed=5, images=40, classes=4, members=1, boxes_per_image=8)
    dataset = with_crowds(plain, every)
    if ties:
        member = replace(member, score=frozen(member.score.round(1), float))
    precision = pycocotools_precision(member, dataset, max_boxes)
    mine = evaluate(member, dataset, max_boxes=max_boxes)
    assert mine.mAP50 == pytest.approx(mean(precision[0, :, :, 0]), abs=1e-9)
    assert mine.mAP50_95 == pytest.approx(mean(precision[..., 0]), abs=1e-9)
    for c, name in enumerate(dataset.class_names):
        assert mine.AP50[name] == pytest.approx(mean(precision[0, :, c, 0]), abs=1e-9)
        assert mine.AP50_95[name] == pytest.approx(mean(precision[:, :, c, 0]), abs=1e-9)
    for a, size in enumerate(("small", "medium", "large"), 1):
        assert mine.mAP50_by_size[size] == pytest.approx(mean(precision[0, :, :, a]), abs=1e-9)
        assert mine.mAP50_95_by_size[size] == pytest.approx(mean(precision[..., a]), abs=1e-9)
