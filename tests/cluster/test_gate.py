import threading
import time
from collections.abc import Callable, Sequence

import pytest

from bunri.cluster import gate as module
from bunri.cluster.gate import Gate
from bunri.experiment.schedule import Room

ONE = Room(1)
GPU = Room(1, 1)


class Runs:
    """Runs that wait at a gate, each in a thread, and stay inside until they are told to end."""

    def __init__(self, nodes: Sequence[Room], rooms: Sequence[Room]) -> None:
        self.nodes, self.begun, self._rooms = list(nodes), list[int](), rooms
        self.gate = Gate(lambda: self.nodes, rooms)
        self._ends = [threading.Event() for _ in rooms]
        self._threads = [threading.Thread(target=self._run, args=(turn,)) for turn in range(len(rooms))]

    def come(self, *turns: int) -> None:
        for turn in turns:
            self._threads[turn].start()

    def _run(self, turn: int) -> None:
        with self.gate.inside(turn, self._rooms[turn]):
            self.begun.append(turn)
            self._ends[turn].wait(30)

    def end(self, turn: int) -> None:
        self._ends[turn].set()
        self._threads[turn].join(30)

    def until_begun(self, *turns: int) -> None:
        until(lambda: self.begun == list(turns))


def until(something: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not something():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_turns_are_kept_whoever_comes_first() -> None:
    runs = Runs([ONE], [ONE, ONE, ONE])
    runs.come(2, 1)
    time.sleep(0.1)
    assert runs.begun == []  # the room is for turn 0
    runs.come(0)
    for turn in (0, 1, 2):
        runs.until_begun(*range(turn + 1))
        runs.end(turn)


def test_what_does_not_fit_is_overtaken() -> None:
    runs = Runs([Room(2), GPU], [GPU, GPU, ONE, Room(4), ONE])
    runs.come(0, 1, 2, 3, 4)
    until(lambda: sorted(runs.begun) == [0, 2, 4])  # one node has a GPU, none has four cores, the other has two
    for turn in (2, 4):
        runs.end(turn)
    assert 1 not in runs.begun
    runs.end(0)
    until(lambda: runs.begun[-1] == 1)
    runs.end(1)
    runs.gate.open_for_all()
    until(lambda: runs.begun[-1] == 3)
    runs.end(3)


def test_a_new_node_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_TO_LOOK_AGAIN", 0.05)
    runs = Runs([], [ONE])
    runs.come(0)
    time.sleep(0.1)
    assert runs.begun == []
    runs.nodes.append(ONE)
    runs.until_begun(0)
    runs.end(0)


def test_a_run_that_comes_again_goes_first() -> None:
    gate, order = Gate(lambda: [ONE], [ONE, ONE, ONE]), list[str]()

    def come(turn: int, name: str) -> None:
        with gate.inside(turn, ONE):
            order.append(name)

    with gate.inside(0, ONE):
        pass  # its node is lost, and before it can come again the next run goes in
    again, last = (threading.Thread(target=come, args=args) for args in ((0, "again"), (2, "last")))
    with gate.inside(1, ONE):
        last.start()
        time.sleep(0.05)
        again.start()
        time.sleep(0.05)
    for thread in (again, last):
        thread.join(30)
    assert order == ["again", "last"]
