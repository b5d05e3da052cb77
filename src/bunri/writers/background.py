"""A slow writer behind a thread and a bounded queue, so that a run never waits for what records it."""

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import NoReturn

from bunri.errors import BunriError
from bunri.events import Ended, Event, PhaseStarted, Progress, Writer

PLACES = 10_000
"""Events that may wait for a backend."""

SECONDS_TO_CLOSE = 30.0
"""What a backend may take to send the rest at the end of a run."""


class TooSlowError(BunriError):
    """A backend that does not keep up."""


class Background:
    """Hands events to a writer that is opened, used and closed in a thread of its own.

    A failure of the writer is raised by the next call, for :class:`bunri.writers.base.Guarded` to tell. Events on the
    progress of a phase are left out while the backend lags behind; all others have a place or end it.
    """

    def __init__(
        self, open_writer: Callable[[], Writer], places: int = PLACES, seconds_to_close: float = SECONDS_TO_CLOSE
    ) -> None:
        """Begin to open the writer.

        Args:
            open_writer: Called in the thread.
            places: Events that may wait.
            seconds_to_close: How long :meth:`close` waits for the rest to be written.
        """
        self._open_writer, self._places, self._seconds_to_close = open_writer, places, seconds_to_close
        self._queue: SimpleQueue[Event | None] = SimpleQueue()
        self._failure: Exception | None = None
        self._dropped, self._deadline = False, math.inf
        # a daemon: a backend that hangs must not keep the program from ending
        self._thread = threading.Thread(target=self._work, name="bunri-writer", daemon=True)
        self._thread.start()

    def write(self, event: Event) -> None:
        """Put an event into the queue; never waits.

        Raises:
            TooSlowError: All places are taken.
            Exception: What the writer raised.
        """
        self._raise_failure()
        waiting = self._queue.qsize()
        if isinstance(event, Progress | PhaseStarted) and waiting >= self._places // 2:
            return
        if waiting >= self._places:
            self._drop(f"it does not keep up, {waiting} events wait")
        self._queue.put(event)
        if isinstance(event, Ended):
            self._begin_to_close()  # several slow writers of a run end side by side

    def close(self) -> None:
        """Wait until all is written, but not for long.

        Raises:
            TooSlowError: The time is over; what is left is dropped.
            Exception: What the writer raised.
        """
        self._begin_to_close()
        self._thread.join(max(self._deadline - time.monotonic(), 0.0))
        if self._thread.is_alive():
            self._drop(f"it has not ended within {self._seconds_to_close:g} seconds")
        self._raise_failure()

    def _begin_to_close(self) -> None:
        if self._deadline == math.inf:
            self._deadline = time.monotonic() + self._seconds_to_close
            self._queue.put(None)

    def _drop(self, reason: str) -> NoReturn:
        self._dropped = True
        self._queue.put(None)  # where the backend comes back one day, its thread ends
        raise TooSlowError(reason)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        try:
            writer = self._open_writer()
            try:
                self._hand_on(writer)
            except BaseException:
                with suppress(Exception):  # what failed first is told
                    writer.close()
                raise
            writer.close()
        except Exception as error:  # a backend may fail in any way of its own
            self._failure = error
        except SystemExit as error:
            self._failure = BunriError(f"it asked the program to end: {error}")

    def _hand_on(self, writer: Writer) -> None:
        while (event := self._queue.get()) is not None and not self._dropped:
            writer.write(event)
