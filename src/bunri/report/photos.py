"""Which photos show the models' mistakes best, and what is drawn on them."""

from collections.abc import Sequence
from typing import SupportsIndex

import numpy as np

from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.diagnosis.mistakes import KINDS, Matches
from bunri.report.facts import Mistakes, Panel, PhotoFacts, ShownBox, as_box

PHOTOS = 24
"""Photos on the page."""


def mistakes_of(matches: Matches, dataset: Dataset) -> Mistakes:
    """Counts of a member's mistakes."""
    return Mistakes(
        member=matches.predictions.name,
        threshold=matches.threshold,
        kinds=matches.counts(),
        missed=int(np.count_nonzero(_missed(matches, dataset))),
    )


def worst_photos(members: Sequence[Matches], dataset: Dataset, count: int = PHOTOS) -> tuple[PhotoFacts, ...]:
    """The photos on which the last member is wrong most often, worst first, with the truth and each member."""
    errors = errors_per_image(members[-1], dataset)
    seen = np.isin(dataset.images.id, members[-1].predictions.seen_image_id)
    order = np.argsort(np.where(seen, -errors, 1), kind="stable")[: min(count, int(seen.sum()))]
    return tuple(_photo(members, dataset, int(row), int(errors[row])) for row in order)


def errors_per_image(matches: Matches, dataset: Dataset) -> IntArray:
    """Wrong boxes above the threshold and missed objects on each image ``(M,)``."""
    wrong = matches.shown & (matches.kind != KINDS.index("hit"))
    ids = np.concatenate([matches.predictions.image_id[wrong], dataset.annotations.image_id[_missed(matches, dataset)]])
    ids = ids[np.isin(ids, dataset.images.id)]
    return np.bincount(dataset.rows_of(ids), minlength=len(dataset))


def _missed(matches: Matches, dataset: Dataset) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    truth = dataset.annotations
    counted = np.isin(truth.image_id, matches.predictions.seen_image_id) & ~truth.is_crowd
    return counted & ~matches.found(len(truth))


def _photo(members: Sequence[Matches], dataset: Dataset, row: int, errors: int) -> PhotoFacts:
    images = dataset.images
    panels = [_truth_panel(dataset, int(images.id[row]))]
    panels += [_member_panel(matches, dataset, int(images.id[row])) for matches in members]
    return PhotoFacts(
        name=images.file_name[row],
        path=str(dataset.path_of(row)),
        width=int(images.width[row]),
        height=int(images.height[row]),
        errors=errors,
        panels=tuple(panels),
    )


def _truth_panel(dataset: Dataset, image_id: int) -> Panel:
    rows = np.flatnonzero((dataset.annotations.image_id == image_id) & ~dataset.annotations.is_crowd)
    return Panel("truth", tuple(_object(dataset, row, "truth") for row in rows))


def _member_panel(matches: Matches, dataset: Dataset, image_id: int) -> Panel:
    predictions = matches.predictions
    rows = np.flatnonzero((predictions.image_id == image_id) & matches.shown)
    boxes = [
        ShownBox(
            label=dataset.class_names[predictions.class_index[row]],
            box_xyxy=as_box(predictions.box_xyxy[row]),
            kind=KINDS[matches.kind[row]],
            score=round(float(predictions.score[row]), 3),
        )
        for row in rows
    ]
    missed = np.flatnonzero(_missed(matches, dataset) & (dataset.annotations.image_id == image_id))
    return Panel(predictions.name, (*(_object(dataset, row, "missed") for row in missed), *boxes))


def _object(dataset: Dataset, row: SupportsIndex, kind: str) -> ShownBox:
    label = dataset.class_names[dataset.annotations.class_index[row]]
    return ShownBox(label, as_box(dataset.annotations.box_xyxy[row]), kind)
