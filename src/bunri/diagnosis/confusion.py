"""Which class is taken for which."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bunri.boxes import IntArray, iou_matrix
from bunri.dataset import Dataset
from bunri.diagnosis.by_image import rows_by_image
from bunri.diagnosis.mistakes import SAME, Matches


@dataclass(frozen=True, eq=False)
class Confusion:
    """Counts of boxes above the threshold against objects, matched at IoU 0.5 whatever their classes.

    Attributes:
        class_names: C names.
        count: ``(C + 1, C + 1)``: rows are the objects' classes, columns the boxes'; in the last row are boxes on
            nothing, in the last column objects nobody found.
    """

    class_names: tuple[str, ...]
    count: IntArray

    def worst(self, most: int = 10) -> list[tuple[str, str, int]]:
        """The most frequent confusions of two classes: object's class, box's class, how often."""
        classes = len(self.class_names)
        apart = self.count[:classes, :classes] * ~np.eye(classes, dtype=bool)
        order = np.argsort(-apart, axis=None, kind="stable")[:most]
        pairs = (divmod(int(place), classes) for place in order if apart.flat[place])
        return [(self.class_names[true], self.class_names[said], int(apart[true, said])) for true, said in pairs]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"class_names": list(self.class_names), "count": self.count.tolist()}


def confusion(matches: Matches, dataset: Dataset) -> Confusion:
    """Count the confusions of a member; crowd regions are no objects.

    Boxes of an image take objects by falling IoU, those of the right class before others, each box and object once.
    """
    classes = len(dataset.class_names)
    count = np.zeros((classes + 1, classes + 1), np.int64)
    for true, said in _pairs(matches, dataset):
        np.add.at(count, (true, said), 1)
    return Confusion(dataset.class_names, count)


def _pairs(matches: Matches, dataset: Dataset) -> Iterator[tuple[IntArray, IntArray]]:
    """Classes of objects and of boxes of each image, C standing for nothing."""
    nothing, truth, found = len(dataset.class_names), dataset.annotations, matches.predictions
    shown, real = np.flatnonzero(matches.shown), np.flatnonzero(~truth.is_crowd)
    seen = found.seen_image_id
    boxes_of = rows_by_image(found.image_id[shown], seen)
    objects_of = rows_by_image(truth.image_id[real], seen)
    for some_boxes, some_objects in zip(boxes_of, objects_of, strict=True):
        boxes, objects = shown[some_boxes], real[some_objects]
        true, said = truth.class_index[objects], found.class_index[boxes]
        overlap = iou_matrix(truth.box_xyxy[objects], found.box_xyxy[boxes])
        rows, columns = _one_to_one(overlap + (overlap >= SAME) * (true[:, None] == said))
        left, alone = np.delete(true, rows), np.delete(said, columns)
        yield true[rows], said[columns]
        yield left, np.full(len(left), nothing)
        yield np.full(len(alone), nothing), alone


def _one_to_one(worth: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> tuple[IntArray, IntArray]:
    """Pairs of at least ``SAME``, the worthiest first, each row and column once."""
    rows, columns = np.nonzero(worth >= SAME)
    order = np.argsort(-worth[rows, columns], kind="stable")
    taken_rows: list[int] = []
    taken_columns: list[int] = []
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in taken_rows and column not in taken_columns:
            taken_rows.append(row)
            taken_columns.append(column)
    return np.array(taken_rows, np.int64), np.array(taken_columns, np.int64)
