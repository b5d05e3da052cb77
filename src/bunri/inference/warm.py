"""A model that stays warm: all its runs are loaded at once, asked together, and loaded again when they die."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Literal

import numpy as np

from bunri.engines.session import Session
from bunri.errors import BunriError, EngineError
from bunri.inference.models import TrainedModel
from bunri.inference.opening import open_session
from bunri.photos import Photo
from bunri.predictions import Predictions
from bunri.run_folder import RunFolder

State = Literal["loading", "ready", "failed"]
Open = Callable[[RunFolder], Session]
Say = Callable[[str], None]

GREY: Photo = np.full((480, 640, 3), 128, np.uint8)
"""The first photo of every session."""

SECONDS_FOR_TURN = 120.0
"""So long a request waits until the model is free or loaded."""


class WarmModel:
    """Sessions of all runs of a model; one request at a time, for the processors are shared."""

    def __init__(self, model: TrainedModel, say: Say, open_run: Open = open_session) -> None:
        """Begin to load in the background.

        Args:
            model: Which runs, and how what they find becomes one.
            say: Hears of a model that died or cannot be loaded.
            open_run: Loads the model of a run.
        """
        self._model, self._say, self._open_run = model, say, open_run
        self._sessions: dict[RunFolder, Session] = {}
        self._turn, self._closed, self._failure = threading.Lock(), False, ""
        self._pool = ThreadPoolExecutor(max_workers=max(len(model.runs), 1), thread_name_prefix="bunri-model")
        self._load_in_background()

    @property
    def state(self) -> State:
        """``loading``, ``ready``, or ``failed`` (see :attr:`failure`; the next request tries again)."""
        if self._failure:
            return "failed"
        runs = self._model.runs
        return "ready" if all(run in self._sessions and self._sessions[run].alive for run in runs) else "loading"

    @property
    def failure(self) -> str:
        """Why the model cannot be loaded; empty where it can."""
        return self._failure

    def find(self, photos: Sequence[Photo]) -> Predictions:
        """Boxes on some photos, of all runs as one; the image ids of the result are the rows.

        Raises:
            EngineError: The model is busy, cannot be loaded, or failed on these photos.
        """
        if not self._turn.acquire(timeout=SECONDS_FOR_TURN):
            raise EngineError(
                f"the model must be loaded and free within {SECONDS_FOR_TURN:g} seconds, but is not. Try again later."
            )
        try:
            self._open_all()
            return self._model.joined(
                list(self._pool.map(lambda run: self._sessions[run].find(photos), self._model.runs))
            )
        finally:
            self._turn.release()
            self._revive()

    def _open_all(self) -> None:
        if self._closed:
            raise EngineError("the model is closed")
        try:
            list(self._pool.map(self._open, self._model.runs))
        except BunriError as error:
            self._failure = str(error)
            raise
        self._failure = ""

    def _open(self, run: RunFolder) -> None:
        if run in self._sessions and self._sessions[run].alive:
            return
        if run in self._sessions:
            self._sessions.pop(run).close()
        self._sessions[run] = self._warmed(run)

    def _warmed(self, run: RunFolder) -> Session:
        """A session that has seen a photo: frameworks allocate and compile at their first."""
        session = self._open_run(run)
        try:
            session.find([GREY])
        except BunriError:
            session.close()
            raise
        return session

    def _revive(self) -> None:
        """Load again what died, so that the next photo need not wait."""
        dead = [run for run, session in self._sessions.items() if not session.alive]
        if dead and not self._closed:
            self._say(f"the model of {', '.join(str(run.path) for run in dead)} died; it is loaded again")
            self._load_in_background()

    def _load_in_background(self) -> None:
        threading.Thread(target=self._load, name="bunri-loading", daemon=True).start()

    def _load(self) -> None:
        with self._turn:
            try:
                self._open_all()
            except BunriError as error:
                if not self._closed:
                    self._say(f"the model cannot be loaded: {error}")

    def close(self) -> None:
        """Let go of all runs."""
        self._closed = True
        for session in list(self._sessions.values()):
            with suppress(OSError):
                session.close()
        with self._turn:  # one that was being loaded just now
            for session in self._sessions.values():
                session.close()
        self._pool.shutdown(wait=False)
