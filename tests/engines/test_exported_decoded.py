"""Boxes of heads that decode them, on networks that give what is written here, against slow twins and torchvision."""

from typing import Any

import numpy as np
import pytest
import torch
from torchvision.ops import nms

from bunri.engines.exported.decoded import find_decoded
from bunri.engines.exported.detectors import Decoded, Suppression
from bunri.engines.exported.pixels import Batch
from bunri.errors import DataError

HARD = Suppression(iou=0.5, max_boxes=40)


def batch(photos: int = 1) -> Batch:
    size = np.tile([64, 96], (photos, 1))
    return Batch(np.zeros((photos, 3, 64, 96), np.float32), size, size, np.zeros_like(size))


def raw(photos: int = 1, boxes: int = 90, classes: int = 3) -> dict[str, Any]:
    """Boxes by centre and size that overlap much, and shares."""
    random = np.random.default_rng(7)
    centre, side = random.uniform(10, 60, (photos, boxes, 2)), random.uniform(8, 40, (photos, boxes, 2))
    scores = random.uniform(0, 1, (photos, boxes, classes)).astype(np.float32)
    return {"boxes": np.concatenate([centre, side], axis=-1).astype(np.float32), "scores": scores}


def found_by(outputs: dict[str, Any], floor: float = 0.3, **rule: Any) -> Any:
    detector = Decoded.model_validate({"boxes": "centre_and_size", "candidates": 1000, **rule})
    return find_decoded(lambda inputs: outputs, batch(len(outputs["boxes"])), detector, floor)


def corners(boxes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)


@pytest.mark.parametrize("across", [False, True])
def test_every_class_of_a_box_is_a_candidate_and_the_rest_is_torchvisions_suppression(across: bool) -> None:
    outputs = raw(photos=2)
    found = found_by(
        outputs, suppression=HARD.model_copy(update={"across_classes": across, "shift": 500 * (not across)})
    )
    for photo, one in enumerate(found):
        row, label = np.nonzero(outputs["scores"][photo] > np.float32(0.3))
        box, score = corners(outputs["boxes"][photo])[row], outputs["scores"][photo][row, label]
        apart = box + (0 if across else label[:, None] * np.float32(500))
        kept = nms(torch.from_numpy(apart.astype(np.float32)), torch.from_numpy(score), 0.5)[:40].numpy()
        np.testing.assert_array_equal(one.score, score[kept])
        np.testing.assert_array_equal(one.label, label[kept] + 1)
        np.testing.assert_allclose(one.box, box[kept], atol=1e-5)


def test_what_enters_suppression_are_the_best() -> None:
    [few] = found_by(raw(), candidates=12, suppression=Suppression(iou=1, max_boxes=99))
    [all_] = found_by(raw(), suppression=Suppression(iou=1, max_boxes=99))
    np.testing.assert_array_equal(few.score, all_.score[:12])


def test_a_head_that_finds_each_object_once_gives_no_more_boxes_than_it_has() -> None:
    outputs = raw(boxes=5)
    [found] = found_by(outputs, floor=0)
    np.testing.assert_array_equal(found.score, np.sort(outputs["scores"].ravel())[::-1][:5])
    [best] = found_by(outputs, floor=0, classes_of_a_box="best")
    assert sorted(best.score.tolist()) == sorted(outputs["scores"][0].max(axis=1).tolist())
    assert len(found_by(outputs, floor=0, candidates=2)[0].score) == 2


def test_boxes_in_sides_of_the_input_become_pixels() -> None:
    outputs = {"boxes": np.array([[[0.5, 0.25, 0.5, 0.5]]], np.float32), "scores": np.array([[[0.9]]], np.float32)}
    [found] = found_by(outputs, unit="input")
    assert found.box.tolist() == [[24, 0, 72, 32]]
    [found] = found_by({**outputs, "boxes": outputs["boxes"] * 64}, boxes="corners")
    assert found.box.tolist() == [[32, 16, 32, 32]]


def test_outputs_of_another_network_are_told() -> None:
    outputs = raw()
    with pytest.raises(DataError, match=r"a box for each of \(1, 90, 3\) scores, but gives \(1, 89, 4\)"):
        found_by({**outputs, "boxes": outputs["boxes"][:, :89]})
