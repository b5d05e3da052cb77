import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torchvision.models.detection._utils import BoxCoder, BoxLinearCoder
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import batched_nms
from torchvision.ops.poolers import LevelMapper

from bunri.boxes import iou_matrix
from bunri.engines.exported.boxes import Candidates, anchors_of, from_offsets, from_sides, sigmoid, softmax
from bunri.engines.exported.detectors import CellAnchors, Regions, Suppression
from bunri.engines.exported.two_stage import levels_of
from bunri.engines.torchvision.exporting import anchors_of as anchors_as_data

GENERATORS = [
    AnchorGenerator(((16, 24), (32, 48)), ((0.5, 1.0), (0.5, 1.0))),
    DefaultBoxGenerator([[2], [2, 3]]),
    DefaultBoxGenerator([[2], [2, 3]], steps=[8, 16], clip=False, scales=[0.3, 0.9, 1.4]),
]


def regions_rule(**changes: Any) -> Regions:
    values = {"finest": 2, "coarsest": 5, "canonical_side": 224, "canonical_level": 4, "weights": (10, 10, 5, 5)}
    return Regions.model_validate(values | {"suppression": Suppression(iou=0.5, max_boxes=9)} | changes)


def boxes_of(count: int, seed: int = 0) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    corner = random.uniform(0, 80, (count, 2))
    box: NDArray[np.float32] = np.concatenate(
        [corner, corner + random.uniform(1, 60, (count, 2))], axis=1, dtype=np.float32
    )
    return box


@pytest.mark.parametrize("generator", GENERATORS)
def test_anchors_are_torchvisions(generator: Any) -> None:
    grids = [(9, 12), (5, 6)]
    images = ImageList(torch.zeros(1, 3, 72, 96), [(72, 96)])
    wanted = generator(images, [torch.zeros(1, 1, *grid) for grid in grids])[0].numpy()
    found = anchors_of(anchors_as_data(generator), grids, 72, 96)
    per_cell = generator.num_anchors_per_location()
    assert [len(level) for level in found] == [108 * per_cell[0], 30 * per_cell[1]]
    np.testing.assert_allclose(np.concatenate(found), wanted, rtol=1e-6, atol=1e-5)


def test_offsets_are_decoded_as_torchvision_does() -> None:
    anchors = boxes_of(50)
    offsets = np.random.default_rng(1).normal(0, 3, (50, 4)).astype(np.float32)  # some beyond the cut of log sizes
    weights = (10.0, 10.0, 5.0, 0.5)
    wanted = BoxCoder(weights).decode_single(torch.from_numpy(offsets), torch.from_numpy(anchors)).numpy()
    np.testing.assert_allclose(from_offsets(offsets, anchors, weights), wanted, rtol=1e-5, atol=1e-4)


def test_distances_to_sides_are_decoded_as_torchvision_does() -> None:
    anchors, distances = boxes_of(50), boxes_of(50, 1)
    wanted = BoxLinearCoder(True).decode(torch.from_numpy(distances), torch.from_numpy(anchors)).numpy()
    np.testing.assert_allclose(from_sides(distances, anchors), wanted, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("at_most", [1000, 7])
def test_suppression_keeps_what_torchvision_keeps(at_most: int) -> None:
    random = np.random.default_rng(2)
    box, label = boxes_of(400), random.integers(0, 3, 400)
    score = random.permutation(400).astype(np.float32)
    found = Candidates(box, label, score).suppressed(Suppression(iou=0.5, max_boxes=at_most))
    kept = batched_nms(*(torch.from_numpy(column) for column in (box, score, label)), 0.5).numpy()[:at_most]
    np.testing.assert_array_equal(found.box, box[kept])
    np.testing.assert_array_equal(found.label, label[kept])


def test_proposals_are_looked_at_on_torchvisions_levels() -> None:
    rule = regions_rule()
    box = np.concatenate([boxes_of(100), 9 * boxes_of(100, 3), [[3, 3, 3, 9], [0, 0, 224, 224]]]).astype(np.float32)
    np.testing.assert_array_equal(levels_of(box, rule), LevelMapper(2, 5)([torch.from_numpy(box)]).numpy())


def test_a_sides_slack_is_a_share_of_the_canonical_side() -> None:
    """As Detectron2 writes equation 1: a quarter of the canonical area, less than the slack too small, is whole."""
    box = np.array([[0, 0, 112, 112], [0, 0, 111.999, 111.999], [0, 0, 0, 0], [0, 0, 4000, 4000]], np.float32)
    rule = regions_rule(level_slack=0, ratio_slack=1e-8)
    np.testing.assert_array_equal(levels_of(box, rule), [1, 0, 0, 3])
    np.testing.assert_array_equal(levels_of(box, rule.model_copy(update={"ratio_slack": 1e-4})), [1, 1, 0, 3])


def test_anchors_with_strides_do_not_ask_for_the_inputs_side() -> None:
    anchors = CellAnchors(boxes=(((-4, -2, 4, 2), (-1, -1, 1, 1)),), strides=((64, 32),))
    [found] = anchors_of(anchors, [(2, 3)], height=9, width=9)
    wanted = [[x + dx, y + dy, x + ex, y + ey] for y in (0, 32) for x in (0, 64, 128) for dx, dy, ex, ey in CELL]
    np.testing.assert_array_equal(found, wanted)
    with pytest.raises(ValidationError, match="a stride for each level"):
        CellAnchors(boxes=anchors.boxes, strides=((64, 32), (128, 64)))


CELL = [(-4, -2, 4, 2), (-1, -1, 1, 1)]


def test_logarithms_are_cut_where_the_export_says() -> None:
    anchor, offsets = np.array([[0, 0, 10, 10]], np.float32), np.array([[0, 0, 5, 0]], np.float32)
    widths = [
        float(np.diff(from_offsets(offsets, anchor, (1, 1, 1, 1), largest)[0, [0, 2]])[0])
        for largest in (2.0, math.log(1000 / 16), None)
    ]
    assert widths == pytest.approx([10 * math.exp(2), 625, 10 * math.exp(5)], rel=1e-5)


def test_logarithms_are_cut_from_below_where_the_export_says() -> None:
    anchor, offsets = np.array([[0, 0, 8, 8]], np.float32), np.array([[0, 0, -9, -1]], np.float32)
    [cut] = from_offsets(offsets, anchor, (1, 1, 1, 1), smallest_log=-2)
    np.testing.assert_allclose(cut[2:] - cut[:2], [8 * np.exp(-2), 8 * np.exp(-1)], rtol=1e-5)
    [free] = from_offsets(offsets, anchor, (1, 1, 1, 1))
    np.testing.assert_allclose(free[2] - free[0], 8 * np.exp(-9), rtol=1e-3)


def test_shares_are_shares() -> None:
    value = np.array([[-200.0, 0.0, 200.0]], np.float32)
    np.testing.assert_allclose(sigmoid(value), [[0, 0.5, 1]])
    np.testing.assert_allclose(softmax(value), [[0, 0, 1]])


@pytest.mark.parametrize("at_most", [1000, 9])
def test_soft_suppression_takes_score_from_boxes_that_overlap_a_kept_one(at_most: int) -> None:
    """Against a slow twin that follows equation 3 of the paper; boxes without area stay as they are."""
    random = np.random.default_rng(4)
    box, label = boxes_of(60), random.integers(0, 2, 60)
    score = (random.permutation(60) / 60).astype(np.float32)
    box[:3, 2] = box[:3, 0]
    rule = Suppression(iou=0.5, max_boxes=at_most, sigma=0.4, min_score=0.05)
    found = Candidates(box, label, score).suppressed(rule)
    wanted = softly_suppressed(box, label, score, rule)[:at_most]
    np.testing.assert_array_equal(found.box, box[[row for row, _ in wanted]])
    np.testing.assert_allclose(found.score, [value for _, value in wanted], rtol=1e-5)
    assert len(wanted) == min(at_most, len(wanted)) < 60


def softly_suppressed(box: Any, label: Any, score: Any, rule: Suppression) -> list[tuple[int, float]]:
    waiting, kept = {row: float(score[row]) for row in range(len(box))}, []
    while waiting:
        row = max(waiting, key=lambda other: waiting[other])
        value = waiting.pop(row)
        if value <= rule.min_score:
            break
        kept.append((row, value))
        for other in waiting:
            overlap = iou_matrix(box[row : row + 1], box[other : other + 1])[0, 0] if label[other] == label[row] else 0
            waiting[other] *= math.exp(-(overlap**2) / float(rule.sigma or 0))
    return kept
