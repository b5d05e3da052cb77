"""Labels worth a second look: where predictions made without them say something else, and surely.

The predictions must be out of fold; a model that learned a wrong label repeats it. The idea is confident learning
(Northcutt et al., arXiv:1911.00068) put to boxes: a label is doubtful as far as the predictions against it are sure and
those for it are weak.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from bunri.boxes import FloatArray, IntArray, iou_matrix
from bunri.dataset import Dataset
from bunri.diagnosis.by_image import rows_by_image
from bunri.diagnosis.mistakes import NEAR, SAME
from bunri.predictions import Predictions

Doubt = Literal["class", "place", "missing", "spurious"]
"""Another class; badly placed; an object without a label; a label without an object."""

SURE_PLACE = 0.8
"""IoU above which a label is not doubted for its place."""


@dataclass(frozen=True)
class DoubtfulLabel:
    """A label that may be wrong, or a place where one may be missing.

    Attributes:
        image_id: Of the photo.
        file_name: Of the photo.
        doubt: What may be wrong.
        label: The class it has, None where a label may be missing.
        suggested: The class the predictions say, None where they see nothing.
        box_xyxy: Of the label, or of the prediction where a label may be missing.
        suggested_xyxy: Of the prediction that speaks against it, None where there is none.
        doubtfulness: From 0 to 1; a rank, not a probability.
        annotation_id: Of the label, None where one may be missing.
    """

    image_id: int
    file_name: str
    doubt: Doubt
    label: str | None
    suggested: str | None
    box_xyxy: tuple[float, ...]
    suggested_xyxy: tuple[float, ...] | None
    doubtfulness: float
    annotation_id: int | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def doubtful_labels(predictions: Predictions, dataset: Dataset, most: int = 50) -> list[DoubtfulLabel]:
    """The most doubtful labels on the images the predictions looked at, most doubtful first; crowds are left out."""
    photos = list(_photos(predictions, dataset))
    usual = _usual_sight(photos, dataset)
    found = [doubt for photo in photos for doubt in photo.doubts(usual)]
    return sorted(found, key=lambda doubt: (-doubt.doubtfulness, doubt.image_id))[:most]


def _photos(predictions: Predictions, dataset: Dataset) -> Iterator["_Photo"]:
    rows = np.flatnonzero(np.isin(dataset.images.id, predictions.seen_image_id))
    real = np.flatnonzero(~dataset.annotations.is_crowd)
    labels_of = rows_by_image(dataset.annotations.image_id[real], dataset.images.id[rows])
    boxes_of = rows_by_image(predictions.image_id, dataset.images.id[rows])
    for row, labels, boxes in zip(rows, labels_of, boxes_of, strict=True):
        yield _Photo(predictions, dataset, int(row), real[labels], boxes)


def _usual_sight(photos: Sequence["_Photo"], dataset: Dataset) -> FloatArray:
    """For each annotation ``(N,)`` how surely labels of its size are seen on average: of a tenth by area.

    Nobody wonders at a small object that is not seen; that a large one is not says something about its label.
    """
    labels = np.concatenate([photo.labels for photo in photos])
    sight = np.concatenate([photo.sight() for photo in photos])
    edges = np.quantile(dataset.annotations.area[labels], np.linspace(0.1, 0.9, 9)) if len(labels) else np.empty(0)
    tenth = np.searchsorted(edges, dataset.annotations.area, side="right")
    count = np.bincount(tenth[labels], minlength=10)
    mean = np.bincount(tenth[labels], sight, minlength=10) / np.maximum(count, 1)
    return np.asarray(mean[tenth], np.float64)


class _Photo:
    """The labels and predictions of one photo."""

    def __init__(self, predictions: Predictions, dataset: Dataset, row: int, labels: IntArray, boxes: IntArray) -> None:
        self._dataset, self._row, self._found = dataset, row, predictions
        self.labels, self._boxes, truth = labels, boxes, dataset.annotations
        self._overlap = iou_matrix(truth.box_xyxy[labels], predictions.box_xyxy[self._boxes])
        self._score: FloatArray = predictions.score[self._boxes]
        self._is_same = truth.class_index[labels][:, None] == predictions.class_index[self._boxes]

    def sight(self) -> FloatArray:
        """How surely each label is seen: the highest score of any box there, of whatever class."""
        return np.asarray(np.where(self._overlap >= SAME, self._score, 0.0).max(axis=1, initial=0.0), np.float64)

    def doubts(self, usual_sight: FloatArray) -> Iterator[DoubtfulLabel]:
        """One for each label, and one for each place without."""
        for k, label in enumerate(self.labels):
            yield self._doubt_of(k, float(usual_sight[label]))
        yield from self._missing()

    def _doubt_of(self, k: int, usual_sight: float) -> DoubtfulLabel:
        """The worst that is said of a label."""
        here, same = self._overlap[k] >= SAME, self._is_same[k]
        support = self._best(here & same)[0]
        other, other_box = self._best(here & ~same)
        near = same & (self._overlap[k] >= NEAR)
        beside, beside_box = self._best(near & (self._overlap[k] < SURE_PLACE))
        well_placed = self._best(near & (self._overlap[k] >= SURE_PLACE))[0]
        silent = 1.0 - self._best(self._overlap[k] >= NEAR)[0]
        claims: list[tuple[float, Doubt, int | None]] = [
            (other * (1.0 - support), "class", other_box),
            (beside * (1.0 - well_placed) * (1.0 - self._overlap_of(k, beside_box)), "place", beside_box),
            (usual_sight * silent**2, "spurious", None),
        ]
        worth, doubt, box = max(claims, key=lambda claim: claim[0])
        return self._told(doubt, worth, k, box)

    def _best(self, mask: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]") -> tuple[float, int | None]:
        """The highest score among some boxes, and which box it is."""
        rows: IntArray = np.flatnonzero(mask)
        if not len(rows):
            return 0.0, None
        best = int(rows[np.argmax(self._score[rows])])
        return float(self._score[best]), best

    def _overlap_of(self, k: int, box: int | None) -> float:
        return 1.0 if box is None else float(self._overlap[k, box])

    def _missing(self) -> Iterator[DoubtfulLabel]:
        """Sure boxes where no label of any class is near; of boxes around one place the surest."""
        free = np.flatnonzero(self._overlap.max(axis=0, initial=0.0) < NEAR)
        boxes = self._found.box_xyxy[self._boxes]
        taken: list[int] = []
        for box in free[np.argsort(-self._score[free], kind="stable")]:
            if not len(taken) or iou_matrix(boxes[[box]], boxes[taken]).max() < NEAR:
                taken.append(int(box))
                yield self._told("missing", float(self._score[box]), None, int(box))

    def _told(self, doubt: Doubt, worth: float, k: int | None, box: int | None) -> DoubtfulLabel:
        truth, names = self._dataset.annotations, self._dataset.class_names
        label = None if k is None else int(self.labels[k])
        said = None if box is None else int(self._boxes[box])
        said_xyxy = None if said is None else _plain(self._found.box_xyxy[said])
        return DoubtfulLabel(
            image_id=int(self._dataset.images.id[self._row]),
            file_name=self._dataset.images.file_name[self._row],
            doubt=doubt,
            label=None if label is None else names[truth.class_index[label]],
            suggested=None if said is None else names[self._found.class_index[said]],
            box_xyxy=_plain(truth.box_xyxy[label]) if label is not None else said_xyxy or (),
            suggested_xyxy=said_xyxy,
            doubtfulness=round(worth, 4),
            annotation_id=None if label is None else int(truth.id[label]),
        )


def _plain(box: FloatArray) -> tuple[float, ...]:
    return tuple(round(float(value), 1) for value in box)
