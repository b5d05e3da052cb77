import threading
from collections.abc import Iterator

import pytest

from bunri.events import Ended, Event, Note, PhaseStarted, Progress, Scalars
from bunri.writers import Guarded
from bunri.writers.background import Background, TooSlowError


class Recorded:
    """Keeps what it is given, in the thread of the writer; ``gate`` is what a hanging backend waits for."""

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.gate, self.closed = gate, threading.Event()
        self.begun, self.threads = threading.Event(), {threading.current_thread()}
        self.events: list[Event] = []

    def write(self, event: Event) -> None:
        self.begun.set()
        if self.gate is not None:
            self.gate.wait(60)
        self.threads.add(threading.current_thread())
        self.events.append(event)

    def close(self) -> None:
        self.closed.set()


class Failing(Recorded):
    def write(self, event: Event) -> None:
        raise ConnectionError("no route to the server")

    def close(self) -> None:
        self.closed.set()
        raise ConnectionError("still none")


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds a backend up; opened at the end of the test, after which no thread is left."""
    gate = threading.Event()
    yield gate
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "bunri-writer":
            thread.join(60)
            assert not thread.is_alive()


def test_events_come_in_order_in_a_thread_of_its_own() -> None:
    opened: list[Recorded] = []

    def open_writer() -> Recorded:
        opened.append(Recorded())
        return opened[0]

    writer = Background(open_writer)
    events: list[Event] = [PhaseStarted("train", 3), Scalars(1, {"train/loss": 1.0}), Progress(1), Ended("done")]
    for event in events:
        writer.write(event)
    writer.close()
    assert opened[0].events == events
    assert opened[0].closed.is_set()
    assert threading.main_thread() not in opened[0].threads
    assert len(opened[0].threads) == 1


def test_a_backend_that_hangs_does_not_hold_up_the_run(gate: threading.Event) -> None:
    told: list[str] = []
    backend = Recorded(gate)
    writer = Guarded(Background(lambda: backend, seconds_to_close=0.05), "wandb", told.append)
    for step in range(100):
        writer.write(Scalars(step))
    writer.write(Ended("done"))
    writer.close()
    writer.close()
    assert told == [
        "warning: the wandb writer failed and steps aside; the run goes on: it has not ended within 0.05 seconds"
    ]
    gate.set()
    assert backend.closed.wait(60)  # where it comes back it is closed, and what was dropped stays dropped
    assert len(backend.events) == 1


def test_a_backend_that_hangs_while_it_opens_is_dropped_too(gate: threading.Event) -> None:
    backend = Recorded()

    def open_writer() -> Recorded:
        gate.wait(60)
        return backend

    writer = Background(open_writer, seconds_to_close=0.05)
    writer.write(Scalars(1))
    with pytest.raises(TooSlowError, match="has not ended"):
        writer.close()
    gate.set()
    assert backend.closed.wait(60)
    assert backend.events == []


def test_a_full_queue_ends_the_writer_with_one_word(gate: threading.Event) -> None:
    told: list[str] = []
    backend = Recorded(gate)
    writer = Guarded(Background(lambda: backend, places=4), "mlflow", told.append)
    writer.write(Note("held up"))
    assert backend.begun.wait(60)
    for step in range(20):
        writer.write(Scalars(step))
    writer.close()
    assert told == [
        "warning: the mlflow writer failed and steps aside; the run goes on: it does not keep up, 4 events wait"
    ]


def test_progress_gives_way_while_the_backend_lags(gate: threading.Event) -> None:
    backend = Recorded(gate)
    writer = Background(lambda: backend, places=10)
    writer.write(Note("held up"))
    assert backend.begun.wait(60)
    for step in range(6):
        writer.write(Progress(step))
        writer.write(Scalars(step))
    gate.set()
    writer.close()
    assert [event.step for event in backend.events if isinstance(event, Scalars)] == list(range(6))
    assert [event.step for event in backend.events if isinstance(event, Progress)] == [0, 1, 2]  # half of the places


@pytest.mark.parametrize("fails", ["opening", "writing", "closing"])
def test_a_failure_is_told_once_by_its_first_words(fails: str) -> None:
    told: list[str] = []
    failing = Failing()

    def open_writer() -> Recorded:
        if fails == "opening":
            raise SystemExit("no route to the server")
        return failing

    writer = Guarded(Background(open_writer), "wandb", told.append)
    if fails == "writing":
        writer.write(Scalars(1))
    writer.close()
    writer.write(Scalars(2))
    words = {"opening": "it asked the program to end: no route to the server", "closing": "still none"}.get(
        fails, "no route to the server"
    )
    assert told == [f"warning: the wandb writer failed and steps aside; the run goes on: {words}"]
    assert failing.closed.is_set() == (fails != "opening")


def test_a_failure_is_told_while_the_run_goes_on() -> None:
    failing = Failing()
    writer = Background(lambda: failing)
    writer.write(Scalars(1))
    assert failing.closed.wait(60)
    writer._thread.join(60)
    with pytest.raises(ConnectionError, match="no route"):
        writer.write(Scalars(2))
