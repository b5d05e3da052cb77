"""Dataset: images and annotated boxes as frozen columns, checked once at the door.

Class names live here and nowhere else. A class is known inside bunri by its index, its position in ``class_names``;
``category_ids`` keeps the ids of the file, which may be sparse and start anywhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.errors import DataError
from bunri.shards import leaves_folder
from bunri.shown import Shown


def frozen(values: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """A read-only copy of a column; one that is read-only already, and no view of another, is taken as it is."""
    column = np.array(values, dtype=dtype) if not _is_frozen(values, dtype) else np.asarray(values)
    column.flags.writeable = False
    return column


def freeze(columns: Iterable[NDArray[Any]]) -> None:
    """Make fresh columns read-only where they are, so that nobody need copy them."""
    for column in columns:
        column.flags.writeable = False


def _is_frozen(values: ArrayLike, dtype: DTypeLike) -> bool:
    if not isinstance(values, np.ndarray) or values.dtype != dtype:
        return False
    return values.flags.owndata and not values.flags.writeable


@dataclass(frozen=True, eq=False)
class Images:
    """The images of a data set, M rows in the order of the file.

    Attributes:
        id: ``(M,)`` ids, unique; any integers.
        file_name: M paths relative to the image folder.
        width: ``(M,)`` pixels, as the photo is to be seen.
        height: ``(M,)`` pixels.
        fields: Further columns of the file by name (``split``, ``date_captured``, ...), each of M values.
    """

    id: IntArray
    file_name: tuple[str, ...]
    width: IntArray
    height: IntArray
    fields: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("id", "width", "height"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.int64))
        _check_lengths("images", len(self.id), self._columns())
        _check_unique("image ids", self.id)

    def __len__(self) -> int:
        return len(self.id)

    def _columns(self) -> dict[str, int]:
        own = {"file_name": len(self.file_name), "width": len(self.width), "height": len(self.height)}
        return own | {name: len(values) for name, values in self.fields.items()}

    def take(self, rows: IntArray) -> Self:
        """The images of some rows, in that order."""
        return replace(
            self,
            id=self.id[rows],
            file_name=tuple(self.file_name[row] for row in rows),
            width=self.width[rows],
            height=self.height[rows],
            fields=_take_fields(self.fields, rows),
        )


@dataclass(frozen=True, eq=False)
class Annotations:
    """The annotated boxes, N rows in the order of the file.

    Attributes:
        id: ``(N,)`` ids, unique.
        image_id: ``(N,)`` id of the image a box lies on.
        class_index: ``(N,)`` position in ``Dataset.class_names``.
        box_xyxy: ``(N, 4)`` pixels of the original image.
        area: ``(N,)`` square pixels, as the file says (COCO sorts sizes by it).
        is_crowd: ``(N,)`` COCO's ``iscrowd``: a region to be ignored, not an object.
        fields: Further columns of the file by name, each of N values.
    """

    id: IntArray
    image_id: IntArray
    class_index: IntArray
    box_xyxy: FloatArray
    area: FloatArray
    is_crowd: BoolArray
    fields: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("id", "image_id", "class_index"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.int64))
        object.__setattr__(self, "box_xyxy", frozen(np.reshape(self.box_xyxy, (-1, 4)), np.float64))
        object.__setattr__(self, "area", frozen(self.area, np.float64))
        object.__setattr__(self, "is_crowd", frozen(self.is_crowd, np.bool_))
        _check_lengths("annotations", len(self.id), self._columns())
        _check_unique("annotation ids", self.id)

    def __len__(self) -> int:
        return len(self.id)

    def _columns(self) -> dict[str, int]:
        names = ("image_id", "class_index", "box_xyxy", "area", "is_crowd")
        return {name: len(getattr(self, name)) for name in names} | {k: len(v) for k, v in self.fields.items()}

    def take(self, rows: IntArray) -> Self:
        """The annotations of some rows, in that order."""
        names = ("id", "image_id", "class_index", "box_xyxy", "area", "is_crowd")
        columns = {name: getattr(self, name)[rows] for name in names}
        return replace(self, **columns, fields=_take_fields(self.fields, rows))


def no_annotations() -> Annotations:
    """No boxes at all."""
    none = np.empty(0, np.int64)
    return Annotations(none, none, none, np.empty((0, 4)), np.empty(0), np.empty(0, np.bool_))


@dataclass(frozen=True, eq=False)
class Dataset(Shown):
    """Images with annotated boxes of C classes.

    Attributes:
        class_names: C names; the position is the class index used everywhere in bunri.
        category_ids: ``(C,)`` the ids the COCO file gives its categories.
        images: The images.
        annotations: The boxes on them.
        image_folder: Where ``images.file_name`` starts: a folder, a tar, a pattern of tars or a URL
            (:mod:`bunri.shards`); None where only labels are known.
    """

    class_names: tuple[str, ...]
    category_ids: IntArray
    images: Images
    annotations: Annotations
    image_folder: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "category_ids", frozen(self.category_ids, np.int64))
        _check_lengths("classes", len(self.class_names), {"category_ids": len(self.category_ids)})
        _check_unique("category ids", self.category_ids)
        self._check_references()

    def _check_references(self) -> None:
        strangers = np.setdiff1d(self.annotations.image_id, self.images.id)
        if len(strangers):
            raise DataError(
                f"every annotation must lie on an image of the data set, but {len(strangers)} image ids are unknown, "
                f"first {strangers[0]}. Run `bunri doctor` for the whole list."
            )
        index = self.annotations.class_index
        if len(index) and not (index.min() >= 0 and index.max() < len(self.class_names)):
            raise DataError(f"class_index must lie in [0, {len(self.class_names)}), got {index.min()} to {index.max()}")

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def _rows_by_id(self) -> tuple[IntArray, IntArray]:
        order = np.argsort(self.images.id, kind="stable")
        return self.images.id[order], order

    def rows_of(self, image_ids: IntArray) -> IntArray:
        """Row of each image id ``(K,)`` in ``images``.

        Raises:
            DataError: An id is not in the data set.
        """
        ids, order = self._rows_by_id
        place = np.searchsorted(ids, image_ids)
        known = np.zeros(np.shape(image_ids), np.bool_)
        if len(ids):
            known = (place < len(ids)) & (ids[np.minimum(place, len(ids) - 1)] == image_ids)
        if not np.all(known):
            stranger = np.asarray(image_ids)[~known][0]
            raise DataError(
                f"image id {stranger} is not in the data set of {len(self)} images. Check the pair of files."
            )
        return np.asarray(order[place])

    def subset(self, image_ids: Iterable[int] | IntArray) -> Self:
        """The data set of some images, in the order given, with the boxes on them."""
        rows = self.rows_of(np.fromiter(image_ids, np.int64))
        kept = np.flatnonzero(np.isin(self.annotations.image_id, self.images.id[rows]))
        return replace(self, images=self.images.take(rows), annotations=self.annotations.take(kept))

    def boxes_per_class(self) -> IntArray:
        """Number of annotated boxes ``(C,)`` that are not crowd regions."""
        real = self.annotations.class_index[~self.annotations.is_crowd]
        return np.bincount(real, minlength=len(self.class_names))

    def path_of(self, row: int) -> Path:
        """Path of the photo in a row of ``images``.

        Raises:
            DataError: The image folder is not known, or the name leaves it.
        """
        if self.image_folder is None:
            raise DataError("the image folder must be known to read photos. Give it with --images DIR.")
        name = self.images.file_name[row]
        if leaves_folder(name):
            raise DataError(f"file names must stay in {self.image_folder}, but image {self.images.id[row]} has {name}")
        return self.image_folder / name


def _check_lengths(what: str, expected: int, columns: Mapping[str, int]) -> None:
    wrong = {name: length for name, length in columns.items() if length != expected}
    if wrong:
        raise DataError(f"columns of {what} must all have {expected} rows, but got {wrong}")


def _check_unique(what: str, ids: IntArray) -> None:
    values, counts = np.unique(ids, return_counts=True)
    if np.any(counts > 1):
        raise DataError(f"{what} must be unique, but {values[counts > 1][0]} stands {counts.max()} times")


def _take_fields(fields: Mapping[str, tuple[Any, ...]], rows: IntArray) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(values[row] for row in rows) for name, values in fields.items()}
