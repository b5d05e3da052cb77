"""What learned fusion knows of a candidate: about a hundred numbers, each with a name.

A name is ``view: number``; the views are ``all`` (the fused score), ``member NAME``, ``place`` (the scores of all
classes there), ``spread``, ``rivals``, ``structure``, ``image`` and ``shape``. What a member did not look at is NaN.
What is of several members is of the sources alone: a weaker member that looked at a part of the images would make it
mean one thing here and another there. No number needs the size of the photo: shapes are in units of the extent of the
candidates of an image, so photos of any size mean the same.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bunri.boxes import BoolArray, FloatArray, IntArray
from bunri.learned.boxes_by_image import ImageBoxes
from bunri.learned.candidates import Candidates

Float32Array = NDArray[np.float32]
Columns = dict[str, FloatArray]

TINY = 1e-9

CLASSES = ("all: class", "place: first other class", "image: class of best")
"""Features that are a class."""


@dataclass(frozen=True, eq=False)
class Features:
    """F named numbers of N candidates.

    Attributes:
        names: F names.
        values: ``(N, F)``, NaN where unknown.
    """

    names: tuple[str, ...]
    values: Float32Array

    def take(self, rows: IntArray) -> "Features":
        """The features of some candidates."""
        return Features(self.names, self.values[rows])

    def without_classes(self) -> "Features":
        """The same, but 0 in what names a class: a place is then judged alike whatever lies there."""
        values = self.values.copy()
        values[:, [names_class(name) for name in self.names]] = 0.0
        return Features(self.names, values)


def names_class(name: str) -> bool:
    """Whether a feature is a class, or of one given class."""
    return name in CLASSES or re.search(r": (best of )?class \d+$", name) is not None


def describe(candidates: Candidates, classes: int) -> Features:
    """All features of some candidates; ``classes`` is C of the data set."""
    image = candidates.boxes.image
    votes, place = _votes(candidates, image, classes)
    columns: Columns = {"all: score": candidates.boxes.score, "all: class": candidates.boxes.class_index.astype(float)}
    columns |= votes | _agreement(votes, candidates.sources)
    columns |= _place(place, candidates.boxes.class_index)
    columns |= _spread(candidates) | _relations(candidates.boxes)
    columns |= _image(candidates.boxes, image, classes) | _shape(candidates.boxes, image)
    return Features(tuple(columns), np.column_stack([np.asarray(c, np.float32) for c in columns.values()]))


def _named(view: str, names: Sequence[str], values: FloatArray) -> Columns:
    return {f"{view}: {name}": values[:, k] for k, name in enumerate(names)}


def _votes(candidates: Candidates, image: IntArray, classes: int) -> tuple[Columns, FloatArray]:
    """The votes of each member, and per candidate and class the mean of the sources' best scores there ``(N, C)``."""
    from bunri.learned.votes import VOTES, count_votes

    columns: Columns = {}
    total, looked = np.zeros((len(image), classes)), np.zeros(len(image))
    for m, (name, member) in enumerate(zip(candidates.names, candidates.members, strict=True)):
        votes, place = np.zeros((len(image), len(VOTES))), np.zeros((len(image), classes))
        count_votes(candidates.boxes, member, votes, place)
        seen = candidates.seen[image, m]
        votes[~seen] = np.nan
        columns |= _named(f"member {name}", VOTES, votes)
        if name in candidates.sources:
            total += place
            looked += seen
    return columns, total / np.maximum(looked, 1)[:, None]


def _agreement(votes: Columns, names: Sequence[str]) -> Columns:
    """Mean, least and best over the sources of two of their votes; symmetric, so less has to be learned."""
    columns: Columns = {}
    for vote in ("best_50", "best_75"):
        values = np.stack([votes[f"member {name}: {vote}"] for name in names], axis=1)
        seen = ~np.isnan(values)
        count = np.maximum(seen.sum(axis=1), 1)
        columns[f"all: mean {vote}"] = np.where(seen, values, 0.0).sum(axis=1) / count
        columns[f"all: least {vote}"] = np.where(seen, values, np.inf).min(axis=1)
        columns[f"all: most {vote}"] = np.where(seen, values, -np.inf).max(axis=1)
    return columns


def _place(place: FloatArray, class_index: IntArray) -> Columns:
    """All classes at one place: the own one against the others."""
    rows = np.arange(len(place))
    own, total = place[rows, class_index], place.sum(axis=1)
    others = place.copy()
    others[rows, class_index] = -1.0
    best = others.argmax(axis=1)
    first = others[rows, best]
    others[rows, best] = -1.0
    columns = {f"place: class {c}": place[:, c] for c in range(place.shape[1])}
    columns |= {"place: own": own, "place: first other": first, "place: second other": others.max(axis=1)}
    columns |= {"place: margin": own - first, "place: share": own / np.maximum(total, TINY), "place: sum": total}
    columns["place: first other class"] = best.astype(float)
    columns["place: rank"] = (place > own[:, None]).sum(axis=1).astype(float)
    return columns


def _spread(candidates: Candidates) -> Columns:
    from bunri.learned.votes import SPREAD, measure_spread

    values = np.zeros((len(candidates.boxes.score), len(SPREAD)))
    measure_spread(candidates.boxes, candidates.pool, values)
    return _named("spread", SPREAD, values)


def _relations(boxes: ImageBoxes) -> Columns:
    from bunri.learned.relations import RIVALS, STRUCTURE, relate

    rivals, structure = np.zeros((len(boxes.score), len(RIVALS))), np.zeros((len(boxes.score), len(STRUCTURE)))
    relate(boxes, rivals, structure)
    return _named("rivals", RIVALS, rivals) | _named("structure", STRUCTURE, structure)


def _image(boxes: ImageBoxes, image: IntArray, classes: int) -> Columns:
    """The place of a candidate among all of its image, and what else the image shows."""
    cell, images = image * classes + boxes.class_index, len(boxes.start) - 1
    best = np.zeros(images * classes)
    np.maximum.at(best, cell, boxes.score)
    table = best.reshape(images, classes)
    top, own_top = table.max(axis=1, initial=0.0)[image], best[cell]
    columns = _counts(boxes.score, image, images, "") | _counts(boxes.score, cell, len(best), " of class")
    columns |= {f"image: best of class {c}": table[image, c] for c in range(classes)}
    columns["image: best"], columns["image: share of best"] = top, boxes.score / np.maximum(top, TINY)
    columns["image: best of own class"] = own_top
    columns["image: share of best of own class"] = boxes.score / np.maximum(own_top, TINY)
    columns["image: class of best"] = table.argmax(axis=1)[image].astype(float)
    return columns


def _counts(score: FloatArray, group: IntArray, groups: int, suffix: str) -> Columns:
    """Rank, number and sum of scores within groups of candidates."""
    order = np.argsort(group, kind="stable")
    rank = np.empty(len(group))
    rank[order] = np.arange(len(group)) - np.searchsorted(group[order], group[order])
    columns = {f"image: rank{suffix}": rank, f"image: count{suffix}": _sums(np.ones(len(score)), group, groups)}
    columns |= {f"image: above .1{suffix}": _sums(score > 0.1, group, groups)}
    columns |= {f"image: above .3{suffix}": _sums(score > 0.3, group, groups)}
    return columns | {f"image: mass{suffix}": _sums(score, group, groups)}


def _sums(values: FloatArray | BoolArray, group: IntArray, groups: int) -> FloatArray:
    return np.asarray(np.bincount(group, values, groups)[group])


def _shape(boxes: ImageBoxes, image: IntArray) -> Columns:
    """Sides and centre in units of the extent of the image's candidates; the area against that of likely objects."""
    extent = np.ones((len(boxes.start) - 1, 2))
    np.maximum.at(extent, image, boxes.box[:, 2:])
    low, high = boxes.box[:, :2] / extent[image], boxes.box[:, 2:] / extent[image]
    side, centre = high - low, (low + high) / 2
    log_area = np.log(np.maximum(side.prod(axis=1), TINY))
    mass, images = np.maximum(np.bincount(image, boxes.score, len(extent)), TINY), len(extent)
    usual = np.bincount(image, boxes.score * log_area, images) / mass
    length = boxes.box[:, 2:] - boxes.box[:, :2]
    columns = _named("shape", ("width", "height", "centre x", "centre y"), np.column_stack([side, centre]))
    columns["shape: aspect"] = length[:, 0] / np.maximum(length[:, 1], TINY)
    columns["shape: log area"], columns["shape: log area against usual"] = log_area, log_area - usual[image]
    columns["shape: border"] = np.minimum(low, 1 - high).min(axis=1)
    return columns
