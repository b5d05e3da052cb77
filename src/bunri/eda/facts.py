"""All that stands on the page, gathered before anything is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bunri.boxes import FloatArray, IntArray
from bunri.eda.augmented import Augmented
from bunri.eda.folds import FoldComparison
from bunri.eda.histograms import Histogram
from bunri.eda.labels import ClassCount
from bunri.eda.resizing import SMALL_SIDES, ResizedSizes
from bunri.eda.samples import ResizedObject, Tile


@dataclass(frozen=True)
class LabelFacts:
    """What the annotations alone say.

    Attributes:
        images: Number of images.
        boxes: Number of objects.
        crowds: Number of crowd regions, which are no objects.
        empty: Number of images without an object.
        classes: Every class, in the order of the data set.
        together: ``(C, C)`` photos on which both classes are.
        per_image: Photos by the number of their objects.
        coco_sizes: Objects by COCO's small, medium and large.
        sides: Objects by the root of width x height, in pixels.
        shares: Objects by the percent of the photo they cover.
        aspects: Objects by width over height.
        positions: ``(1 + C, G, G)`` share of the objects that cover each cell of the photo.
        photo_sizes: The commonest ``(width, height, number)`` of photos.
    """

    images: int
    boxes: int
    crowds: int
    empty: int
    classes: tuple[ClassCount, ...]
    together: IntArray
    per_image: Histogram
    coco_sizes: Histogram
    sides: Histogram
    shares: Histogram
    aspects: Histogram
    positions: FloatArray
    photo_sizes: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class PhotoFacts:
    """What the photos look like.

    Attributes:
        photos: Number of photos that were looked at.
        missing: Number of images without a photo.
        unreadable: Names of photos that cannot be read.
        brightness: Photos by mean luma, 0 to 255.
        contrast: Photos by the standard deviation of luma.
        colourfulness: Photos by the mean distance of the strongest to the weakest channel.
        extremes: Photos at the ends of the scales: ``dark``, ``bright``, ``grey``, ``colourful``.
        duplicate_groups: Number of groups that show nearly the same.
        duplicate_photos: Number of photos in them.
        duplicates: The largest groups.
        samples: Objects of each class that is on a photo.
    """

    photos: int
    missing: int
    unreadable: tuple[str, ...]
    brightness: Histogram
    contrast: Histogram
    colourfulness: Histogram
    extremes: Mapping[str, tuple[Tile, ...]]
    duplicate_groups: int
    duplicate_photos: int
    duplicates: tuple[tuple[Tile, ...], ...]
    samples: Mapping[str, tuple[Tile, ...]]


@dataclass(frozen=True)
class EdaFacts:
    """Everything on the page; ``missing`` says by section what is left out and why."""

    title: str
    labels: LabelFacts
    resized: Sequence[ResizedSizes]
    resized_objects: tuple[ResizedObject, ...]
    photos: PhotoFacts | None
    folds: FoldComparison | None
    augmented: Augmented | None
    missing: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """The main numbers as plain values, for programs."""
        labels, photos = self.labels, self.photos
        return {
            "images": labels.images,
            "boxes": labels.boxes,
            "images_without_boxes": labels.empty,
            "classes": {row.name: {"boxes": row.boxes, "images": row.images} for row in labels.classes},
            "coco_sizes": _counted(labels.coco_sizes),
            "sides_px": _counted(labels.sides),
            "aspects": _counted(labels.aspects),
            "thinner_than": {
                sizes.name: dict(zip(map(str, SMALL_SIDES), sizes.below[0].tolist(), strict=True))
                for sizes in self.resized
            },
            "near_duplicate_photos": None if photos is None else photos.duplicate_photos,
            "left_out": dict(self.missing),
        }


def _counted(histogram: Histogram) -> dict[str, int]:
    return dict(zip(histogram.labels, histogram.counts[0].tolist(), strict=True))
