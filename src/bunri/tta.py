"""Test-time augmentation: views of a photo, and the way back of the boxes found on them.

A view turns ``(H, W, C)`` pixels; ``boxes_back`` turns boxes found on the view to the pixels of the original, exactly.
"""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bunri.boxes import FloatArray
from bunri.settings import Settings

Turn = Literal["identity", "hflip", "vflip", "rot90", "rot180", "rot270"]


class View(Settings):
    """One view: a turn and a scale of the input size."""

    turn: Turn = "identity"
    """``rot90`` turns the photo counter-clockwise by 90 degrees, as ``numpy.rot90`` does."""
    scale: Annotated[float, Field(gt=0, le=4)] = 1.0
    """Factor on the size the network sees."""

    @property
    def name(self) -> str:
        """Such as ``hflip`` or ``rot90@1.5``."""
        return self.turn if self.scale == 1.0 else f"{self.turn}@{self.scale:g}"


class TTASettings(Settings):
    """The views a photo is predicted in, and how their boxes become one set."""

    views: Annotated[tuple[View, ...], Field(min_length=1)] = (View(),)
    """Predicted one by one; the first one alone is the plain prediction."""
    method: Literal["wbf", "nms", "soft_nms", "nmw"] = "wbf"
    """How the boxes of the views are fused."""
    iou: Annotated[float, Field(gt=0, lt=1)] = 0.6
    """Boxes of a class that overlap more are taken for one object."""


def turn_photo(photo: NDArray[np.uint8], turn: Turn) -> NDArray[np.uint8]:
    """The turned photo ``(H, W, C)``, contiguous: a copy, as numpy calls a mirrored pixel contiguous, too."""
    quarter_turns = {"rot90": 1, "rot180": 2, "rot270": 3}
    if turn in quarter_turns:
        return np.array(np.rot90(photo, quarter_turns[turn]), order="C")
    mirrored = {"identity": photo, "hflip": photo[:, ::-1], "vflip": photo[::-1]}
    return np.array(mirrored[turn], order="C")


def boxes_back(box_xyxy: FloatArray, turn: Turn, width: int, height: int) -> FloatArray:
    """Boxes ``(N, 4)`` on the turned photo as boxes on the original of ``width`` and ``height``."""
    x0, y0, x1, y1 = box_xyxy.T
    columns = {
        "identity": (x0, y0, x1, y1),
        "hflip": (width - x1, y0, width - x0, y1),
        "vflip": (x0, height - y1, x1, height - y0),
        "rot90": (width - y1, x0, width - y0, x1),
        "rot180": (width - x1, height - y1, width - x0, height - y0),
        "rot270": (y0, height - x1, y1, height - x0),
    }[turn]
    return np.stack(columns, axis=1)
