"""Rows of columns, image by image."""

from collections.abc import Sequence

import numpy as np

from bunri.boxes import IntArray


def rows_by_image(image_id: IntArray, wanted: IntArray) -> Sequence[IntArray]:
    """For each of the ``wanted`` ids ``(I,)`` the rows of ``image_id`` ``(N,)`` that have it, in their order."""
    order = np.argsort(image_id, kind="stable")
    lows, highs = (np.searchsorted(image_id[order], wanted, side=side) for side in ("left", "right"))
    return [order[low:high] for low, high in zip(lows, highs, strict=True)]
