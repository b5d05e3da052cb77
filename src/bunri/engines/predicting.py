"""Prediction as every engine does it: all views of all photos, boxes turned back, one floor, files of one kind.

An engine brings a :class:`Finder` only: what its model sees on some photos.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bunri.boxes import FloatArray, IntArray
from bunri.dataset import Dataset, Images, no_annotations
from bunri.engines.base import Job, StopRequested, job_should_stop
from bunri.engines.feeding import load_photos
from bunri.engines.standby import answer_requests
from bunri.events import Emit, PhaseStarted, Progress
from bunri.fuse import fuse
from bunri.io import load_dataset, write_predictions
from bunri.photos import read_photo
from bunri.predictions import Predictions, concatenate
from bunri.recipe import Recipe
from bunri.tta import View, boxes_back, turn_photo

Photo = NDArray[np.uint8]
"""RGB, ``(H, W, 3)``."""

Tick = Callable[[int], None]
"""Hears how many more photos are done."""

BATCH = 8
"""Photos given to a finder at once."""


@dataclass(frozen=True)
class Found:
    """What a model sees on one photo.

    Attributes:
        box_xyxy: ``(N, 4)`` in the pixels of the photo it was given.
        class_index: ``(N,)`` in the data set's class order.
        score: ``(N,)`` from 0 to 1.
    """

    box_xyxy: FloatArray
    class_index: IntArray
    score: FloatArray


class Finder(Protocol):
    """A model in a mood to predict."""

    def __call__(self, photos: Sequence[Photo], scale: float) -> Sequence[Found]:
        """Boxes on each photo; ``scale`` is a factor on the size the network sees."""


def predict_job(job: Job, finder_of: Callable[[Dataset], Finder], emit: Emit) -> None:
    """Predict ``job.val`` and each of ``job.predict`` with every view of the recipe, or stand by for photos.

    Args:
        job: What to predict, and how.
        finder_of: The model for the classes of a data set.
        emit: Hears of progress.

    Raises:
        StopRequested: Somebody asked to stop; sets that are written stay.
    """
    if job.standby is not None:
        answer_requests(looking_with(finder_of(load_dataset(job.standby)), job.recipe), emit)
        return
    sets = {"val": job.val} if job.val is not None else {}
    for name, photos in {**sets, **job.predict}.items():
        dataset = load_photos(photos)
        _predict_set(finder_of(dataset), dataset, name, job, emit)


def looking_with(find: Finder, recipe: Recipe) -> Callable[[Sequence[Photo]], Predictions]:
    """What a finder sees on some photos, in all views of a recipe; image ids of the result are the rows."""

    def look_at(photos: Sequence[Photo]) -> Predictions:
        dataset = _numbered(photos)
        views = [_find_view(find, photos, dataset, range(len(photos)), view, recipe) for view in recipe.tta.views]
        return _joined([found.clipped(dataset) for found in views], recipe)

    return look_at


def _numbered(photos: Sequence[Photo]) -> Dataset:
    """Photos without files, whose ids are their rows."""
    height, width = np.array([photo.shape[:2] for photo in photos]).reshape(-1, 2).T
    names = tuple(str(row) for row in range(len(photos)))
    return Dataset((), np.empty(0, np.int64), Images(np.arange(len(photos)), names, width, height), no_annotations())


def _predict_set(find: Finder, dataset: Dataset, name: str, job: Job, emit: Emit) -> None:
    recipe = job.recipe
    emit(PhaseStarted("predict", len(dataset) * len(recipe.tta.views)))
    tick, views = progress_of(emit), []
    for view in recipe.tta.views:
        if job_should_stop():
            raise StopRequested
        views.append(predict_view(find, dataset, view, recipe, tick))
    if len(views) > 1:
        for found in views:
            write_predictions(found, job.folder.view_file(name, found.name), dataset)
    write_predictions(_joined(views, recipe), job.folder.predictions_file(name), dataset)


def _joined(views: Sequence[Predictions], recipe: Recipe) -> Predictions:
    if len(views) == 1:
        return views[0]
    tta, floor = recipe.tta, recipe.score_floor
    return fuse(views, method=tta.method, iou=tta.iou, min_score=floor, max_boxes=recipe.max_boxes)


def predict_view(find: Finder, dataset: Dataset, view: View, recipe: Recipe, tick: Tick) -> Predictions:
    """Boxes found on one view of every photo, in the pixels of the originals, cut at the borders and at the floor."""
    parts = [_predict_rows(find, dataset, rows, view, recipe, tick) for rows in _blocks(len(dataset))]
    return concatenate(parts, name=view.name).clipped(dataset)


def _blocks(count: int) -> Iterator[range]:
    return (range(start, min(start + BATCH, count)) for start in range(0, count, BATCH))


def _predict_rows(find: Finder, dataset: Dataset, rows: range, view: View, recipe: Recipe, tick: Tick) -> Predictions:
    found = _find_view(find, [read_photo(dataset.path_of(row)) for row in rows], dataset, rows, view, recipe)
    tick(len(rows))
    return found


def _find_view(
    find: Finder, photos: Sequence[Photo], dataset: Dataset, rows: range, view: View, recipe: Recipe
) -> Predictions:
    all_found = find([turn_photo(photo, view.turn) for photo in photos], view.scale)
    parts = [translate(found, dataset, row, recipe, view) for row, found in zip(rows, all_found, strict=True)]
    return concatenate(parts)


def predict_all_views(find: Finder, dataset: Dataset, recipe: Recipe) -> Predictions:
    """Boxes found on every photo in all views of a recipe, as one set."""
    views = [predict_view(find, dataset, view, recipe, lambda count: None) for view in recipe.tta.views]
    return _joined(views, recipe)


def translate(found: Found, dataset: Dataset, row: int, recipe: Recipe, view: View) -> Predictions:
    """What was found on a view of one photo as predictions: turned back, at the recipe's floor, the best boxes only."""
    width, height = int(dataset.images.width[row]), int(dataset.images.height[row])
    image_id = dataset.images.id[row]
    kept = np.flatnonzero(found.score >= recipe.score_floor)
    kept = kept[np.argsort(-found.score[kept], kind="stable")[: recipe.max_boxes]]
    return Predictions(
        image_id=np.full(len(kept), image_id),
        class_index=found.class_index[kept].astype(np.int64),
        score=np.clip(found.score[kept].astype(np.float64), 0.0, 1.0),
        box_xyxy=boxes_back(found.box_xyxy[kept].astype(np.float64).reshape(-1, 4), view.turn, width, height),
        seen_image_id=np.array([image_id]),
    )


def progress_of(emit: Emit) -> Tick:
    """A tick that adds up what is done and tells it."""
    done = 0

    def tick(count: int) -> None:
        nonlocal done
        done += count
        emit(Progress(done))

    return tick
