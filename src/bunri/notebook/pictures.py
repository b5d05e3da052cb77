"""Photos with the boxes of the truth and of predictions, side by side."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bunri.dataset import Dataset
from bunri.drawn_photos import SHOWN_SIDE, PhotoWithBoxes, with_boxes
from bunri.errors import DataError
from bunri.notebook.html import photo_row
from bunri.predictions import Predictions
from bunri.thumbnails import read_small


@dataclass(frozen=True)
class Pictures:
    """Rows of photos, each with its captions; a notebook shows them."""

    rows: tuple[tuple[tuple[str, PhotoWithBoxes], ...], ...]

    def _repr_html_(self) -> str:
        return "".join(photo_row(row) for row in self.rows)


def show(
    dataset: Dataset,
    *predictions: Predictions,
    image_ids: Iterable[int] | None = None,
    count: int = 4,
    min_score: float = 0.3,
) -> Pictures:
    """Photos with their annotated boxes, and beside them those of predictions.

    Args:
        dataset: The truth, with its image folder.
        predictions: Members to set beside it.
        image_ids: Which images; by default the first that all members looked at.
        count: How many, where ``image_ids`` does not say.
        min_score: Boxes of predictions below it are left out.

    Raises:
        DataError: A photo cannot be read, or an id is not in the data set.
    """
    ids = common_ids(dataset, predictions)[:count] if image_ids is None else list(image_ids)
    rows = dataset.rows_of(np.array(ids, np.int64)).tolist()
    members = [member.above(min_score) for member in predictions]
    return Pictures(tuple(tuple(_panels(dataset, members, row)) for row in rows))


def common_ids(dataset: Dataset, predictions: Sequence[Predictions]) -> list[int]:
    """Ids of the images that all members looked at, in the order of the data set."""
    seen = np.ones(len(dataset), bool)
    for member in predictions:
        seen &= np.isin(dataset.images.id, member.seen_image_id)
    return list(map(int, dataset.images.id[seen]))


def _panels(dataset: Dataset, members: Sequence[Predictions], row: int) -> Iterator[tuple[str, PhotoWithBoxes]]:
    yield truth_panel(dataset, row)
    image_id, (photo, size) = dataset.images.id[row], _read(dataset, row)
    for member in members:
        boxes = member[member.image_id == image_id]
        labels = [f"{dataset.class_names[c]} {s:.2f}" for c, s in zip(boxes.class_index, boxes.score, strict=True)]
        yield member.name or "predictions", with_boxes(photo, boxes.box_xyxy, labels, size)


def truth_panel(dataset: Dataset, row: int) -> tuple[str, PhotoWithBoxes]:
    """A photo with its annotated boxes, and its name.

    Raises:
        DataError: It cannot be read.
    """
    truth = dataset.annotations
    mine = np.flatnonzero((truth.image_id == dataset.images.id[row]) & ~truth.is_crowd)
    labels = [dataset.class_names[index] for index in truth.class_index[mine]]
    photo, size = _read(dataset, row)
    return dataset.images.file_name[row], with_boxes(photo, truth.box_xyxy[mine], labels, size)


def _read(dataset: Dataset, row: int) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint8]], tuple[int, int]]:
    size = int(dataset.images.width[row]), int(dataset.images.height[row])
    return read_small(dataset.path_of(row), SHOWN_SIDE), size


def some_photos(dataset: Dataset, count: int = 4) -> str:
    """The first photos with boxes as HTML; nothing where they cannot be read."""
    truth = dataset.annotations
    rows = np.flatnonzero(np.isin(dataset.images.id, truth.image_id[~truth.is_crowd]))[:count]
    try:
        return photo_row([truth_panel(dataset, int(row)) for row in rows])
    except DataError:
        return ""
