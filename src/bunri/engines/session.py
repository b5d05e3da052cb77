"""A model that is loaded once and looks at photos again and again: the parent's side of a worker that stays.

:class:`Session` is all that predicting and serving know of a model, so that one that needs no framework, such as an
exported one, is just another session.
"""

import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol, TypeVar

import numpy as np

from bunri.engines.base import Job
from bunri.engines.process import Worker, error_of, interpreter_of
from bunri.engines.standby import REQUESTS_FD, request_of
from bunri.errors import BunriError, EngineError
from bunri.events import Answered, Ended, Event, Ready
from bunri.files import write_text
from bunri.photos import Photo
from bunri.predictions import Predictions

Kind = TypeVar("Kind", bound=Event)

BATCH = 8
"""Photos given to a session at once."""

SECONDS = 120.0
"""A model may think so long about a batch of photos."""

SECONDS_TO_LOAD = 600.0
"""A framework and its model may take so long to load, on a busy machine."""


WAITING = "OMP_WAIT_POLICY"
"""How threads of OpenMP wait for each other: ours sleep. On processors that others use too, spinning ones burn the time
of the thread they wait for, and a photo takes several times as long."""


class Session(Protocol):
    """A loaded model."""

    @property
    def alive(self) -> bool:
        """Whether it can be asked again; one that is not must be opened anew."""

    def find(self, photos: Sequence[Photo]) -> Predictions:
        """Boxes on some photos, ``(H, W, 3)`` RGB each; the image ids of the result are the rows 0, 1, ...

        Raises:
            EngineError: The model failed on these photos.
        """

    def close(self) -> None:
        """Let go of the model."""


class WorkerSession:
    """A model in its framework, in a process and with an interpreter of its own."""

    def __init__(
        self, job: Job, interpreter: str | None = None, seconds: float = SECONDS, loading: float = SECONDS_TO_LOAD
    ) -> None:
        """Start the worker and wait until the model is loaded.

        Args:
            job: Names engine, config, checkpoint and recipe; ``standby`` names the classes.
            interpreter: The Python with the framework; null takes the usual one of the engine.
            seconds: How long it may think about one request.
            loading: How long it may take to load.

        Raises:
            BunriError: The model cannot be loaded; the message has the reason.
        """
        self._engine, self._seconds, self._open = job.engine, seconds, ExitStack()
        try:
            folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="bunri-session-")))
            self._worker, self._requests = self._start(job, folder, interpreter_of(job.engine, interpreter))
            self._events = self._worker.events()
            with self._at_most(loading, "to load the model"):
                self._wait_for(Ready)
        except BaseException:
            self.close()
            raise

    def _start(self, job: Job, folder: Path, interpreter: str) -> tuple[Worker, IO[bytes]]:
        job = job.model_copy(update={"run_folder": folder})
        write_text(folder / "job.json", job.model_dump_json())
        theirs, ours = os.pipe()
        requests = self._open.enter_context(os.fdopen(ours, "wb", buffering=0))
        try:
            worker = Worker(
                folder / "job.json",
                folder / "log.txt",
                interpreter,
                job.threads,
                keep_open=(theirs,),
                variables={REQUESTS_FD: str(theirs), WAITING: os.environ.get(WAITING, "PASSIVE")},
            )
        finally:
            os.close(theirs)
        self._open.callback(worker.close)
        return worker, requests

    @property
    def pid(self) -> int:
        """Id of the worker's process."""
        return self._worker.pid

    @property
    def alive(self) -> bool:
        """Whether the worker lives."""
        return self._worker.alive

    def find(self, photos: Sequence[Photo]) -> Predictions:
        """Boxes on some photos; the image ids of the result are the rows.

        Raises:
            EngineError: The model failed on these photos (the session goes on), took too long or died (it is over).
        """
        with self._at_most(self._seconds, f"for {len(photos)} photos"):
            self._ask(photos)
            answer = self._wait_for(Answered)
        if answer.error:
            raise EngineError(f"{self._engine} failed on a photo: {answer.error}")
        return Predictions(
            image_id=np.array(answer.photo, np.int64),
            class_index=np.array(answer.class_index, np.int64),
            score=np.array(answer.score, np.float64),
            box_xyxy=np.array(answer.box_xyxy, np.float64).reshape(-1, 4),
            seen_image_id=np.arange(len(photos)),
        )

    def _ask(self, photos: Sequence[Photo]) -> None:
        with suppress(BrokenPipeError):  # it is dead; its last word is read next
            for piece in request_of(photos):
                self._write(memoryview(piece))

    def _write(self, piece: memoryview) -> None:
        while len(piece):
            piece = piece[self._requests.write(piece) :]

    def _wait_for(self, kind: type[Kind]) -> Kind:
        for event in self._events:
            if isinstance(event, kind):
                return event
            if isinstance(event, Ended):
                raise _end_of(event, self._engine)
        raise EngineError(f"the worker of {self._engine} is gone. Open the model again.")

    @contextmanager
    def _at_most(self, seconds: float, what: str) -> Iterator[None]:
        """Kill a worker that takes longer."""
        late = threading.Event()

        def end() -> None:
            late.set()
            self._worker.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        except BunriError as error:
            if late.is_set():
                raise EngineError(
                    f"{self._engine} must answer within {seconds:g} seconds {what}, but did not"
                ) from error
            raise
        finally:
            timer.cancel()

    def close(self) -> None:
        """End the worker and remove what it wrote."""
        self._open.close()


def _end_of(ended: Ended, engine: str) -> BunriError:
    if ended.status != "done":
        return error_of(ended)
    return EngineError(
        f"an engine that looks at photos must stay for them, but {engine} ended. "
        "Let its `predict` call `bunri.engines.predicting.predict_job`, as docs/extending.md shows."
    )
