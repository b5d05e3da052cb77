"""The boxes that learned fusion scores anew: clusters of weighted boxes fusion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bunri.boxes import BoolArray, IntArray
from bunri.fuse import fuse
from bunri.learned.boxes_by_image import ImageBoxes, boxes_by_image
from bunri.predictions import Predictions, concatenate

CLUSTER_IOU = 0.7
"""Boxes of one class become one candidate above this IoU. Lower ones merge neighbours, higher ones leave duplicates."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """N candidates on I images, and the M members as seen from there.

    Attributes:
        image_id: ``(I,)`` sorted ids of the images any member looked at.
        boxes: The candidates.
        names: Of the members.
        members: Their boxes.
        seen: ``(I, M)`` which member looked at which image.
        sources: Names of the members whose boxes became candidates.
        pool: The boxes of the sources as one.
    """

    image_id: IntArray
    boxes: ImageBoxes
    names: tuple[str, ...]
    members: tuple[ImageBoxes, ...]
    seen: BoolArray
    sources: tuple[str, ...]
    pool: ImageBoxes


def make_candidates(members: Sequence[Predictions], sources: Sequence[str]) -> Candidates:
    """Cluster the boxes of some members.

    Args:
        members: Whoever has a say in the features, with unique names.
        sources: Names of those whose boxes become candidates.
    """
    giving = [member for member in members if member.name in sources]
    fused = fuse(giving, "wbf", iou=CLUSTER_IOU)
    image_id = concatenate(members).seen_image_id
    return Candidates(
        image_id=image_id,
        boxes=boxes_by_image(fused, image_id),
        names=tuple(member.name for member in members),
        members=tuple(boxes_by_image(member, image_id) for member in members),
        seen=np.stack([np.isin(image_id, member.seen_image_id) for member in members], axis=1),
        sources=tuple(member.name for member in giving),
        pool=boxes_by_image(concatenate(giving), image_id),
    )
