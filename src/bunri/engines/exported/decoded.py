"""Boxes of a head that decodes them itself: YOLO's, RT-DETR's."""

import numpy as np

from bunri.engines.exported.boxes import Candidates, Float32Array, best
from bunri.engines.exported.detectors import Decoded
from bunri.engines.exported.networks import Network
from bunri.engines.exported.pixels import Batch
from bunri.errors import DataError


def find_decoded(network: Network, batch: Batch, detector: Decoded, score_floor: float) -> list[Candidates]:
    """What is found on each photo, the best first, in pixels of the input.

    Raises:
        DataError: The network gives other outputs than the export says.
    """
    outputs = network({"images": batch.images})
    scores, boxes = outputs["scores"], outputs["boxes"]
    if boxes.shape != (len(batch.images), scores.shape[1], 4):
        raise DataError(f"the network must give a box for each of {scores.shape} scores, but gives {boxes.shape}")
    boxes = _in_pixels(boxes, batch, detector)
    return [_candidates(box, score, detector, score_floor) for box, score in zip(boxes, scores, strict=True)]


def _in_pixels(boxes: Float32Array, batch: Batch, detector: Decoded) -> Float32Array:
    """As corners, in pixels."""
    if detector.boxes == "centre_and_size":
        half = boxes[..., 2:] / np.float32(2)
        boxes = np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)
    if detector.unit == "input":
        height, width = batch.images.shape[2:]
        boxes = boxes * np.array([width, height, width, height], np.float32)
    return boxes


def _candidates(box: Float32Array, score: Float32Array, detector: Decoded, score_floor: float) -> Candidates:
    """The boxes of one photo: of ``(N, 4)`` and ``(N, C)``; label 0 is for a background, which these heads have not."""
    if detector.classes_of_a_box == "best":
        score = np.where(np.arange(score.shape[1]) == score.argmax(axis=1)[:, None], score, np.float32(0))
    row, label = np.nonzero(score > np.float32(score_floor))
    value = score[row, label]
    at_most = detector.candidates if detector.suppression else min(detector.candidates, len(box))
    chosen = best(value, at_most)
    found = Candidates(box[row[chosen]], label[chosen] + 1, value[chosen])
    return found.suppressed(detector.suppression) if detector.suppression else found
