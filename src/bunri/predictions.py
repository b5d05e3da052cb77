"""Predictions: detected boxes as flat frozen columns, in the pixels of the original images."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from bunri.boxes import LARGEST_COORDINATE, BoolArray, FloatArray, IntArray, clip_xyxy
from bunri.dataset import Dataset, freeze, frozen
from bunri.errors import DataError
from bunri.shown import Shown


@dataclass(frozen=True, eq=False)
class Predictions(Shown):
    """Detections of one model, N rows in any order.

    Attributes:
        image_id: ``(N,)`` id of the image a box lies on.
        class_index: ``(N,)`` position in the data set's ``class_names``.
        score: ``(N,)`` in [0, 1].
        box_xyxy: ``(N, 4)`` pixels of the original image; a box may pass the border.
        seen_image_id: ``(K,)`` sorted ids of the images the model looked at. An image in it without a box was found
            empty; an image not in it was not looked at. None stands for the images of the boxes.
        name: Of the member, by default the stem of the file.
    """

    image_id: IntArray
    class_index: IntArray
    score: FloatArray
    box_xyxy: FloatArray
    seen_image_id: IntArray = field(default=None)  # type: ignore[arg-type]
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_id", frozen(self.image_id, np.int64))
        object.__setattr__(self, "class_index", frozen(self.class_index, np.int64))
        object.__setattr__(self, "score", frozen(self.score, np.float64))
        corners = self.box_xyxy if np.shape(self.box_xyxy)[1:] == (4,) else np.reshape(self.box_xyxy, (-1, 4))
        object.__setattr__(self, "box_xyxy", frozen(corners, np.float64))
        seen = self.image_id if self.seen_image_id is None else np.asarray(self.seen_image_id)
        object.__setattr__(self, "seen_image_id", frozen(seen if _is_rising(seen) else np.unique(seen), np.int64))
        self._check_columns()

    def _check_columns(self) -> None:
        lengths = {len(self.image_id), len(self.class_index), len(self.score), len(self.box_xyxy)}
        if len(lengths) > 1:
            raise DataError(f"columns of predictions must have the same length, but got {sorted(lengths)}")
        if not len(self.image_id):
            return
        low, high = self.score.min(), self.score.max()  # NaN where one is NaN
        if not np.isfinite([low, high, self.box_xyxy.min(), self.box_xyxy.max()]).all():
            raise DataError(
                f"scores and boxes of {self.name or 'predictions'} must be finite numbers, but some are not"
            )
        if max(-self.box_xyxy.min(), self.box_xyxy.max()) > LARGEST_COORDINATE:
            raise DataError(f"boxes must lie within {LARGEST_COORDINATE:g} pixels of the corner, but some do not")
        if low < 0 or high > 1:
            raise DataError(f"scores must lie in [0, 1], but got {low} to {high}")
        if np.any(self.box_xyxy[:, 2:] < self.box_xyxy[:, :2]):
            raise DataError("boxes must be (x_min, y_min, x_max, y_max) with min <= max, but some are not")
        if self.class_index.min() < 0:
            raise DataError(f"class_index must not be negative, but got {self.class_index.min()}")
        changes = np.flatnonzero(self.image_id[1:] != self.image_id[:-1]) + 1  # rows of an image mostly stand together
        if not np.isin(self.image_id[np.append(0, changes)], self.seen_image_id).all():
            raise DataError("every image with a box must be among the images looked at, but some are not")

    def __len__(self) -> int:
        return len(self.image_id)

    def __getitem__(self, rows: IntArray | BoolArray | slice) -> Self:
        """Some of the boxes; the images looked at stay."""
        columns = {name: getattr(self, name)[rows] for name in ("image_id", "class_index", "score", "box_xyxy")}
        freeze(columns.values())
        return replace(self, **columns)

    def above(self, min_score: float) -> Self:
        """The boxes whose score is at least ``min_score``."""
        kept = self.score >= min_score
        return self if kept.all() else self[kept]

    def of_images(self, image_ids: Iterable[int] | IntArray) -> Self:
        """The boxes on some images, of which only those looked at count as seen."""
        ids = np.unique(np.fromiter(image_ids, np.int64))
        if np.isin(self.seen_image_id, ids).all():
            return self
        kept = self[np.isin(self.image_id, ids)]
        return replace(kept, seen_image_id=np.intersect1d(self.seen_image_id, ids))

    def clipped(self, dataset: Dataset) -> Self:
        """The same boxes cut at the borders of their images."""
        rows = dataset.rows_of(self.image_id)
        box_xyxy = clip_xyxy(self.box_xyxy, dataset.images.width[rows], dataset.images.height[rows])
        return replace(self, box_xyxy=box_xyxy)

    def named(self, name: str) -> Self:
        """The same predictions under another name."""
        return replace(self, name=name)


def _is_rising(ids: IntArray) -> bool:
    return ids.ndim == 1 and ids.dtype.kind == "i" and bool(np.all(ids[1:] > ids[:-1]))


def concatenate(parts: Sequence[Predictions], name: str = "") -> Predictions:
    """Predictions of several parts (folds, blocks of images) as one; images looked at are joined."""
    return Predictions(
        image_id=np.concatenate([np.empty(0, np.int64), *(part.image_id for part in parts)]),
        class_index=np.concatenate([np.empty(0, np.int64), *(part.class_index for part in parts)]),
        score=np.concatenate([np.empty(0), *(part.score for part in parts)]),
        box_xyxy=np.concatenate([np.empty((0, 4)), *(part.box_xyxy for part in parts)]),
        seen_image_id=np.concatenate([np.empty(0, np.int64), *(part.seen_image_id for part in parts)]),
        name=name,
    )
