"""The ten classes of trash, how often they really lie on the street, and how they are dealt to photos."""

import numpy as np

from bunri.boxes import IntArray

REAL_BOXES = {
    "General trash": 2009,
    "Paper": 3223,
    "Paper pack": 449,
    "Metal": 522,
    "Glass": 489,
    "Plastic": 1387,
    "Styrofoam": 602,
    "Plastic bag": 2698,
    "Battery": 33,
    "Clothing": 215,
}
"""Classes in the order of the files, with their boxes in a real data set of 11,627 boxes on 2,617 photos."""

CLASS_NAMES = tuple(REAL_BOXES)

BOXES_PER_PHOTO = 4.6
"""As in the real data."""

LIFTED_SHARE = 0.4
"""Share of the boxes dealt evenly, so that the rarest class can be learned and measured in a small set."""


def long_tail(boxes: int) -> IntArray:
    """Boxes of each class ``(C,)``: an even share for all, the rest as the real shares; order and tail are kept."""
    share = np.array(list(REAL_BOXES.values())) / sum(REAL_BOXES.values())
    return np.rint(boxes * (LIFTED_SHARE / len(share) + (1 - LIFTED_SHARE) * share)).astype(np.int64)


def deal(photos: int, random: np.random.Generator) -> list[IntArray]:
    """Class indices of the objects on each photo: two to eight of them, shuffled."""
    counts = random.integers(2, 9, photos)
    counts = np.maximum(1, np.rint(counts * (BOXES_PER_PHOTO / 5.0))).astype(np.int64)
    tail = long_tail(int(counts.sum()))
    pool = random.permutation(np.repeat(np.arange(len(tail)), tail))
    return np.split(np.resize(pool, counts.sum()), np.cumsum(counts)[:-1])
