"""The verb ``predict``: a model, or all members of an ensemble, look at a set of photos."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice

from bunri.boxes import IntArray
from bunri.engines.session import BATCH, Session
from bunri.events import Ended, PhaseStarted, Progress
from bunri.inference.models import TrainedModel
from bunri.inference.opening import open_session
from bunri.inference.photo_sets import PhotoSet
from bunri.photos import Photo
from bunri.predictions import Predictions, concatenate
from bunri.run_folder import RunFolder
from bunri.writers import RecordedRun
from bunri.writers.console import console_writer

Open = Callable[[RunFolder], Session]
"""Loads the model of a run."""


def predict(model: TrainedModel, photos: PhotoSet, open_run: Open = open_session) -> Predictions:
    """What a model finds on photos. One run after the other is loaded, once, and sees all of them.

    Raises:
        BunriError: A model cannot be loaded or fails; the message has the reason.
        DataError: A photo broke after it had been checked.
    """
    return model.joined([_predict_run(run, photos, open_run) for run in model.runs])


def _predict_run(run: RunFolder, photos: PhotoSet, open_run: Open) -> Predictions:
    manifest = run.read_manifest("model")
    label = f"{manifest['model']} fold{manifest.get('fold')}"
    with closing(console_writer(RecordedRun("predict", str(manifest["model"]), label, run))) as console:
        console.write(PhaseStarted("predict", len(photos)))
        with closing(open_run(run)) as session:
            parts = []
            for found in _by_batch(session, photos):
                parts.append(found)
                console.write(Progress(sum(len(part.seen_image_id) for part in parts)))
        console.write(Ended("done"))
    return concatenate(parts, str(manifest["model"]))


def _by_batch(session: Session, photos: PhotoSet) -> Iterator[Predictions]:
    ids = photos.dataset.images.id
    first = 0
    for batch in _batches(photos.photos()):
        yield _with_ids(session.find(batch), ids[first : first + len(batch)])
        first += len(batch)


def _batches(photos: Iterable[Photo]) -> Iterator[list[Photo]]:
    photos = iter(photos)
    while batch := list(islice(photos, BATCH)):
        yield batch


def _with_ids(found: Predictions, ids: IntArray) -> Predictions:
    return Predictions(ids[found.image_id], found.class_index, found.score, found.box_xyxy, ids)
