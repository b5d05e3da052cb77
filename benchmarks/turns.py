"""Two trainings in one process, step by step in turn, so that whatever else the machine does enters both alike.

Each trains in a thread of its own of which one is awake. Processor time of that thread counts; a step of one is
compared with the step of the other right beside it.
"""

import os
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

from bunri.events import Event, Progress, to_line

STEPS, LEFT_OUT = 40, 5


class EnoughSeen(Exception):  # noqa: N818 - not an error
    pass


class Turn:
    """Called at each step's end: notes its seconds, wakes the other training and sleeps until that has done one."""

    def __init__(self, steps: int = STEPS) -> None:
        self.seconds: list[float] = []
        self.awake = threading.Semaphore(0)
        self.other: Turn | None = None
        self._steps, self._since = steps + LEFT_OUT, 0.0

    def __call__(self, *_: Any) -> None:
        """Raises EnoughSeen after the last step."""
        self.seconds.append(time.thread_time() - self._since)
        assert self.other is not None
        self.other.awake.release()
        if len(self.seconds) >= self._steps:
            raise EnoughSeen
        self.awake.acquire()
        self._since = time.thread_time()


Train = Callable[[Turn], object]
"""A training that calls its turn at each step's end."""


def compare(alone: Train, ours: Train, steps: int = STEPS) -> None:
    """Train both in turn and print the medians of a step, and of the ratios of neighbouring steps."""
    first, second = Turn(steps), Turn(steps)
    first.other, second.other = second, first
    works = ((first, alone), (second, ours))
    threads = [threading.Thread(target=_until_enough, args=work) for work in works]
    for thread in threads:
        thread.start()
    first.awake.release()
    for thread in threads:
        thread.join()
    report(first.seconds[LEFT_OUT:], second.seconds[LEFT_OUT:])


def _until_enough(turn: Turn, train: Train) -> None:
    turn.awake.acquire()
    try:
        train(turn)
    except EnoughSeen:
        return
    except BaseException:
        assert turn.other is not None
        turn.other.awake.release()  # else it would sleep for ever
        raise


def report(alone: list[float], ours: list[float]) -> None:
    """Medians of both, and of the ratios of neighbouring steps with their middle half."""
    ratios = [mine / theirs for theirs, mine in zip(alone, ours, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    a, b = statistics.median(alone), statistics.median(ours)
    print(f"alone {a:.4f} s, bunri {b:.4f} s a step of {len(ratios)}; ratio of medians {b / a:.3f}, ", end="")
    print(f"of neighbours {middle:.3f} ({low:.3f} to {high:.3f})")


def emit_as_a_worker() -> Callable[[Event], None]:
    """Events go out as lines of JSON, as from a worker; here nobody reads them."""
    channel = os.open(os.devnull, os.O_WRONLY)

    def emit(event: Event) -> None:
        os.write(channel, f"{to_line(event)}\n".encode())

    return emit


def emit_with(turn: Turn) -> Callable[[Event], None]:
    """The same, for an engine whose last event of a step is its progress."""
    send = emit_as_a_worker()

    def emit(event: Event) -> None:
        send(event)
        if isinstance(event, Progress):
            turn()

    return emit
