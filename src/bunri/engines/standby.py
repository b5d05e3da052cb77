"""The worker's side of a model that stays: it reads photos from a pipe and says what it found, until the pipe closes.

A request is a line of JSON with the shapes of its photos, ``[[height, width], ...]``, and then their RGB bytes. Photos
come as pixels and never lie on a disk; answers leave as events.
"""

import json
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader

import numpy as np

from bunri.errors import UsageError, words_of
from bunri.events import Answered, Emit, Ready
from bunri.photos import Photo
from bunri.predictions import Predictions

REQUESTS_FD = "BUNRI_REQUESTS_FD"
"""Environment variable with the number of the file descriptor requests are read from."""

_WARM_UP = (240, 320)
"""Height and width of the grey photo that a model sees first: the first look costs more than all later ones."""


def answer_requests(look_at: Callable[[Sequence[Photo]], Predictions], emit: Emit) -> None:
    """Answer with what is found on the photos of each request, by row, until nobody asks any more.

    A failure is an answer, too: the next photo may be a better one.

    Raises:
        UsageError: The job was started without a pipe for requests.
    """
    descriptor = os.environ.get(REQUESTS_FD)
    if descriptor is None:
        raise UsageError(f"a job that stands by must be started with a pipe in {REQUESTS_FD}, but there is none")
    look_at([np.full((*_WARM_UP, 3), 114, np.uint8)])
    emit(Ready())
    with os.fdopen(int(descriptor), "rb") as requests:
        for photos in _requests(requests):
            emit(_answer(look_at, photos))


def _answer(look_at: Callable[[Sequence[Photo]], Predictions], photos: Sequence[Photo]) -> Answered:
    try:
        found = look_at(photos)
    except Exception as error:  # of any kind: it is the framework's
        traceback.print_exc()
        return Answered(error=words_of(error))
    return Answered(found.image_id.tolist(), found.class_index.tolist(), found.score.tolist(), found.box_xyxy.tolist())


def _requests(stream: BufferedReader) -> Iterator[list[Photo]]:
    while line := stream.readline():
        yield [_read_photo(stream, height, width) for height, width in json.loads(line)]


def _read_photo(stream: BufferedReader, height: int, width: int) -> Photo:
    pixels = bytearray(height * width * 3)
    if stream.readinto(pixels) < len(pixels):
        raise EOFError("the photo broke off: whoever asked is gone")
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


def request_of(photos: Sequence[Photo]) -> list[bytes]:
    """The request as pieces to be written one after the other."""
    line = json.dumps([photo.shape[:2] for photo in photos]).encode() + b"\n"
    return [line, *(photo.tobytes() for photo in photos)]
