from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchvision.models.detection._utils import BoxCoder, BoxLinearCoder
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import batched_nms
from torchvision.ops.poolers import LevelMapper

from bunri.engines.exported.boxes import Candidates, anchors_of, from_offsets, from_sides, sigmoid, softmax
from bunri.engines.exported.spec import Regions, Suppression
from bunri.engines.exported.two_stage import levels_of
from bunri.engines.torchvision.exporting import anchors_of as anchors_as_data

GENERATORS = [
    AnchorGenerator(((16, 24), (32, 48)), ((0.5, 1.0), (0.5, 1.0))),
    DefaultBoxGenerator([[2], [2, 3]]),
    DefaultBoxGenerator([[2], [2, 3]], steps=[8, 16], clip=False, scales=[0.3, 0.9, 1.4]),
]


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
    rule = Regions(
        finest=2,
        coarsest=5,
        canonical_side=224,
        canonical_level=4,
        weights=(10, 10, 5, 5),
        suppression=Suppression(iou=0.5, max_boxes=9),
    )
    box = np.concatenate([boxes_of(100), 9 * boxes_of(100, 3), [[3, 3, 3, 9], [0, 0, 224, 224]]]).astype(np.float32)
    np.testing.assert_array_equal(levels_of(box, rule), LevelMapper(2, 5)([torch.from_numpy(box)]).numpy())


def test_shares_are_shares() -> None:
    value = np.array([[-200.0, 0.0, 200.0]], np.float32)
    np.testing.assert_allclose(sigmoid(value), [[0, 0.5, 1]])
    np.testing.assert_allclose(softmax(value), [[0, 0, 1]])
