"""The side of the driver: every run an actor of Ray's, queued until a node has room for it."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from importlib import metadata
from itertools import product, repeat
from queue import SimpleQueue
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, RayActorError

from bunri.cluster.demands import demand_of, job_within, nodes_of, options_of
from bunri.cluster.gate import Gate
from bunri.cluster.node_run import NodeRun, Order
from bunri.cluster.shared_folder import Sign, driving
from bunri.config import Experiment
from bunri.events import Ended, Writer, from_line
from bunri.experiment.arms import Arms
from bunri.experiment.checks import python_path
from bunri.experiment.crew import Listener, handling_signals
from bunri.experiment.plan import PlannedRun
from bunri.experiment.runs import PreparedRun, recorded_run
from bunri.experiment.schedule import Room
from bunri.writers import WRITERS, Guarded
from bunri.writers.console import say_beside_bars

RUNS_IN_THE_QUEUE = 256
"""So many runs wait or run at once, each with a thread here; the others are not looked at yet."""

NODES_TO_LOSE = 3
"""A run that has gone down with so many nodes may be the reason."""


class RayCrew:
    """Runs them on the nodes of the cluster Ray is connected to."""

    def __init__(self, experiment: Experiment, facts: dict[str, Any]) -> None:
        """Take the experiment, and facts for every run's manifest."""
        self._experiment = experiment.model_copy(update={"runs": experiment.runs.absolute()})
        self._facts, self._path = facts, python_path(experiment, ())
        self._gate = Gate(self.nodes, ())
        self._actors: dict[str, Any] = {}
        self._begun: set[str] = set()
        self._stopping = threading.Event()
        self._slots: SimpleQueue[int] = SimpleQueue()
        for slot in range(RUNS_IN_THE_QUEUE):
            self._slots.put(slot)

    def nodes(self) -> tuple[Room, ...]:
        """The nodes as they are now."""
        return nodes_of(ray.nodes())

    def demand(self, run: PlannedRun) -> Room:
        """What a run asks for."""
        return demand_of(self._experiment, run.model, self.nodes())

    def run(self, runs: Sequence[PreparedRun], arms: Arms) -> list[Ended]:
        """Run all, as :class:`bunri.experiment.crew.Crew` says; what a lost node ran goes on elsewhere."""
        if not runs:
            return []
        pool = ThreadPoolExecutor(min(len(runs), RUNS_IN_THE_QUEUE))
        with driving(self._experiment.folder) as sign, handling_signals(self.stop), pool:
            orders = [self._order(prepared, sign) for prepared in runs]
            self._gate = Gate(self.nodes, [order.room for order in orders[:RUNS_IN_THE_QUEUE]])
            return list(pool.map(self._until_it_ends, range(len(orders)), orders, repeat(arms)))

    def stop(self) -> None:
        """Ask every run to stop at a checkpoint, and take the others out of the queue; asked twice at once."""
        self._stopping.set()
        self._gate.open_for_all()
        for label, actor in list(self._actors.items()):
            if label in self._begun:
                actor.stop.remote()
            else:
                ray.kill(actor)

    def _until_it_ends(self, turn: int, order: Order, arms: Arms) -> Ended:
        label = order.prepared.run.label
        for lost in range(NODES_TO_LOSE + 1):
            if self._stopping.is_set():
                break
            try:
                with self._gate.inside(turn, order.room):
                    return self._on_some_node(replace(order, lost=lost), arms)
            except RayActorError as error:
                if lost == NODES_TO_LOSE:
                    return Ended("failed", f"{lost + 1} nodes were lost with this run, the last so: {error}", 1)
                if not self._stopping.is_set():
                    say_beside_bars(f"{label}: its node was lost; it goes on elsewhere from its last checkpoint")
        return Ended("stopped", "not begun, or its node was lost")

    def _order(self, prepared: PreparedRun, sign: Sign) -> Order:
        """The terminal is here, so the node's writers do without it."""
        writers = self._experiment.writers.model_copy(update={"console": False})
        experiment = self._experiment.model_copy(update={"writers": writers})
        room = self.demand(prepared.run)
        prepared = replace(prepared, job=job_within(self._experiment, prepared.job, room))
        return Order(experiment, self._facts, prepared, room, self._path, sign, metadata.version("bunri"))

    def _on_some_node(self, order: Order, arms: Arms) -> Ended:
        """Queue the run, and listen to it.

        Raises:
            RayActorError: Its node, or its process there, is no more.
        """
        run = order.prepared.run
        if (given_up := arms.given_up(run)) is not None:
            return given_up
        actor = ray.remote(NodeRun).options(**options_of(order.room), max_concurrency=3).remote()
        self._actors[run.label] = actor
        try:
            if self._stopping.is_set():  # said before there was an actor to hear it
                return Ended("stopped", "not begun")
            return self._listen(actor, order, arms)
        finally:
            self._begun.discard(run.label)
            self._actors.pop(run.label, None)
            with suppress(RayActorError):
                ray.kill(actor)

    def _listen(self, actor: Any, order: Order, arms: Arms) -> Ended:
        run, ended = order.prepared.run, actor.run.remote(order)
        _ask(actor, 0)  # comes back when a node has taken the run
        self._begun.add(run.label)
        if self._stopping.is_set():
            actor.stop.remote()
        slot = self._slots.get()
        writers = [*self._console(order.prepared, slot), Listener(run, arms, self._give_up)]
        try:
            return _hear(actor, ended, writers)
        finally:
            for writer in writers:
                writer.close()
            self._slots.put(slot)

    def _give_up(self, label: str, reason: Ended) -> None:
        if (actor := self._actors.get(label)) is not None:  # one that Ray has not begun yet hears it when it begins
            actor.give_up.remote(reason)

    def _console(self, prepared: PreparedRun, slot: int) -> list[Writer]:
        writer = WRITERS["console"](self._experiment.writers, recorded_run(self._experiment, prepared, slot))
        return [] if writer is None else [Guarded(writer, "console")]


def _hear(actor: Any, ended: Any, writers: Sequence[Writer]) -> Ended:
    """Hand all events to the writers until there are no more; gives how the run ended."""
    heard = 0
    while True:
        is_over = bool(ray.wait([ended], timeout=0)[0])  # asked first: what is said after it is heard below
        lines = _ask(actor, heard)
        for event, writer in product(map(from_line, lines), writers):
            writer.write(event)
        heard += len(lines)
        if is_over and not lines:
            result: Ended = ray.get(ended)
            return result


def _ask(actor: Any, heard: int) -> list[str]:
    """The next events; a network that is away for a moment is no lost node, which Ray tells by and by.

    Raises:
        RayActorError: The node, or the process there, is no more.
    """
    while True:
        try:
            lines: list[str] = ray.get(actor.events.remote(heard))
            return lines
        except ActorUnavailableError:
            time.sleep(1.0)
