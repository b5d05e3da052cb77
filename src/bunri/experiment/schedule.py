"""Where runs find room, and when the last of them would end."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Room:
    """What a node has, or what a run takes of it.

    Attributes:
        cpus: CPU cores.
        gpus: GPUs; shares of one count.
        memory: Bytes.
    """

    cpus: float
    gpus: float = 0.0
    memory: float = 0.0

    def __str__(self) -> str:
        return f"{self.cpus:g} CPUs, {self.gpus:g} GPUs and {self.memory / 1e9:.1f} GB"

    def holds(self, other: "Room") -> bool:
        """Whether ``other`` fits in."""
        return self.cpus >= other.cpus and self.gpus >= other.gpus and self.memory >= other.memory

    def without(self, other: "Room") -> "Room":
        """What is left beside ``other``."""
        return Room(self.cpus - other.cpus, self.gpus - other.gpus, self.memory - other.memory)

    def with_(self, other: "Room") -> "Room":
        """What there is when ``other`` has gone."""
        return Room(self.cpus + other.cpus, self.gpus + other.gpus, self.memory + other.memory)


def seconds_for_all(tasks: Sequence[tuple[Room, float]], nodes: Sequence[Room]) -> float:
    """When the last task ends if each begins, in order, as soon as a node has room for it (list scheduling).

    Args:
        tasks: What each takes, and for how many seconds.
        nodes: Empty nodes.

    Raises:
        ValueError: A task is too large for every node.
    """
    free, running, now, last = list(nodes), list[tuple[float, int, Room]](), 0.0, 0.0
    for wanted, seconds in tasks:
        while (place := place_for(wanted, free)) is None:
            if not running:
                raise ValueError(f"no node holds {wanted}")
            now, node, left = heapq.heappop(running)
            free[node] = free[node].with_(left)
        free[place] = free[place].without(wanted)
        heapq.heappush(running, (now + seconds, place, wanted))
        last = max(last, now + seconds)
    return last


def place_for(wanted: Room, free: Sequence[Room]) -> int | None:
    """The first node that holds it, None where none does."""
    return next((node for node, room in enumerate(free) if room.holds(wanted)), None)
