"""The gate between the plan and Ray: runs are handed over in the order of the plan, when nodes have room for them.

Ray starts what it can in an order of its own. So it is given no more than the nodes should hold, and has nothing to
choose from.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from bunri.experiment.schedule import Room, place_for

SECONDS_TO_LOOK_AGAIN = 5.0
"""Nodes come and go without a word; after so long they are counted again."""


class Gate:
    """Lets runs in by their turn, a number of their own: the lower, the earlier."""

    def __init__(self, nodes: Callable[[], Sequence[Room]], first: Sequence[Room]) -> None:
        """Take what counts the nodes, and what the runs of the first turns ask for, which may come in any order."""
        self._nodes, self._is_open = nodes, True
        self._waiting, self._inside = dict(enumerate(first)), dict[int, Room]()
        self._admitted: set[int] = set()
        self._news = threading.Condition()

    @contextmanager
    def inside(self, turn: int, room: Room) -> Iterator[None]:
        """Wait until there is room, and hold it.

        A run goes in as soon as it fits beside those inside and those of earlier turns that fit as well. One that does
        not fit is overtaken, so that no node idles for it.
        """
        with self._news:
            self._waiting[turn] = room
            self._count()
            while self._is_open and turn not in self._admitted:
                if not self._news.wait(SECONDS_TO_LOOK_AGAIN) and turn == min(self._waiting):
                    self._count()
            self._inside[turn] = self._waiting.pop(turn)
        try:
            yield
        finally:
            with self._news:
                del self._inside[turn]
                self._count()

    def open_for_all(self) -> None:
        """Let everyone in, who must then see for themselves that nothing is to be run any more."""
        with self._news:
            self._is_open = False
            self._news.notify_all()

    def _count(self) -> None:
        """Find out who fits now."""
        free, self._admitted = list(self._nodes()), set()
        for turn, room in (*self._inside.items(), *sorted(self._waiting.items(), key=lambda entry: entry[0])):
            place = place_for(room, free)
            if place is not None:
                free[place] = free[place].without(room)
                self._admitted.add(turn)
        self._news.notify_all()
