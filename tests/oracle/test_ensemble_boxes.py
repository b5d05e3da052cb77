"""Fusing against ensemble-boxes 1.0.9, in the cases it defines: no ties, boxes inside the image, weights above 0."""

from collections.abc import Sequence

import ensemble_boxes
import numpy as np
import pytest
from numpy.typing import NDArray

from builders import make_predictions, random_world
from bunri.fuse import CONF_TYPES, fuse
from bunri.predictions import Predictions

SIDE = 1024.0


def crowded(seed: int, members: int = 4, boxes: int = 90, classes: int = 3, images: int = 4) -> list[Predictions]:
    """Members whose boxes jitter around common objects, so that clusters grow, move and meet."""
    random = np.random.default_rng(seed)
    parts = []
    for m in range(members):
        rows = []
        for image in range(1, images + 1):
            objects = np.random.default_rng([seed, image]).uniform(50, 800, (12, 2))
            for _ in range(boxes):
                x, y = objects[random.integers(12)] + random.normal(0, 12, 2)
                w, h = random.uniform(60, 140, 2)
                box = np.clip([x, y, x + w, y + h], 0, SIDE).tolist()
                rows.append((image, int(random.integers(classes)), float(random.uniform(0.001, 1)), tuple(box)))
        parts.append(make_predictions(rows, name=f"m{m}"))
    return parts


def theirs(
    members: Sequence[Predictions], fuser: str, image: int, weights: Sequence[float] | None, **options: object
) -> NDArray[np.float64]:
    """Rows (class, score, x1, y1, x2, y2) of one image, by falling score."""
    rows = [member.image_id == image for member in members]
    boxes = [m.box_xyxy[r] / SIDE for m, r in zip(members, rows, strict=True)]
    scores = [m.score[r].copy() for m, r in zip(members, rows, strict=True)]
    labels = [m.class_index[r] for m, r in zip(members, rows, strict=True)]
    call = {
        "wbf": ensemble_boxes.weighted_boxes_fusion,
        "nmw": ensemble_boxes.non_maximum_weighted,
        "nms": ensemble_boxes.nms,
        "soft_nms": ensemble_boxes.soft_nms,
    }[fuser]
    box, score, label = call(boxes, scores, labels, weights=weights, **options)
    return canonical(np.column_stack([label, score, np.asarray(box) * SIDE]))


def ours(predictions: Predictions, image: int) -> NDArray[np.float64]:
    rows = predictions.image_id == image
    columns = (predictions.class_index[rows], predictions.score[rows], predictions.box_xyxy[rows])
    return canonical(np.column_stack(columns))


def canonical(table: NDArray[np.float64]) -> NDArray[np.float64]:
    return table[np.lexsort((table[:, 2], -table[:, 1].round(7), table[:, 0]))]


def assert_same(mine: NDArray[np.float64], reference: NDArray[np.float64]) -> None:
    assert mine.shape == reference.shape
    np.testing.assert_allclose(mine[:, :2], reference[:, :2], atol=1e-6)
    np.testing.assert_allclose(mine[:, 2:] / SIDE, reference[:, 2:] / SIDE, atol=1e-6)


@pytest.mark.parametrize("weights", [None, (1.0, 1.0, 1.0, 1.0), (3.0, 1.0, 0.5, 2.0)])
@pytest.mark.parametrize("conf_type", CONF_TYPES)
@pytest.mark.parametrize("iou", [0.4, 0.55, 0.7])
def test_wbf(conf_type: str, iou: float, weights: tuple[float, ...] | None) -> None:
    members = crowded(seed=1)
    fused = fuse(members, iou=iou, weights=weights, conf_type=conf_type, min_score=0.05)
    for image in (1, 2, 3, 4):
        reference = theirs(members, "wbf", image, weights, iou_thr=iou, conf_type=conf_type, skip_box_thr=0.05)
        reference[:, 1] = np.minimum(reference[:, 1], 1)  # mended: scores stay in [0, 1]
        assert_same(ours(fused, image), canonical(reference))


@pytest.mark.parametrize("weights", [None, (3.0, 1.0, 0.5, 2.0)])
@pytest.mark.parametrize("iou", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("method", ["nms", "nmw"])
def test_nms_and_nmw(method: str, iou: float, weights: tuple[float, ...] | None) -> None:
    members = crowded(seed=2)
    fused = fuse(members, method=method, iou=iou, weights=weights)
    for image in (1, 2, 3, 4):
        assert_same(ours(fused, image), theirs(members, method, image, weights, iou_thr=iou))


@pytest.mark.parametrize("weights", [None, (3.0, 1.0, 0.5, 2.0)])
@pytest.mark.parametrize(("decay", "number"), [("linear", 1), ("gaussian", 2)])
@pytest.mark.parametrize("floor", [0.001, 0.05])
def test_soft_nms_keeps_the_same_boxes(
    decay: str, number: int, floor: float, weights: tuple[float, ...] | None
) -> None:
    """The reference returns the scores before the decay (its slip); the boxes it keeps are compared."""
    members = crowded(seed=3)
    fused = fuse(members, method="soft_nms", iou=0.5, decay=decay, soft_min_score=floor, weights=weights)
    for image in (1, 2, 3, 4):
        reference = theirs(members, "soft_nms", image, weights, method=number, iou_thr=0.5, thresh=floor)
        by_box = np.lexsort(reference[:, [0, 2, 3]].T)
        mine = ours(fused, image)
        mine_by_box = np.lexsort(mine[:, [0, 2, 3]].T)
        assert len(mine) == len(reference)
        np.testing.assert_allclose(
            mine[mine_by_box][:, [0, 2, 3, 4, 5]], reference[by_box][:, [0, 2, 3, 4, 5]], atol=1e-6
        )


def test_members_that_found_nothing_and_absent_classes() -> None:
    _, members = random_world(seed=4, images=3, classes=5)
    empty = make_predictions([], seen=[1, 2, 3], name="empty")
    fused = fuse([*members, empty], iou=0.5)
    for image in (1, 2, 3):
        assert_same(ours(fused, image), theirs([*members, empty], "wbf", image, None, iou_thr=0.5))
