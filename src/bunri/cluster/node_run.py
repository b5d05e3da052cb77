"""The side of the node: one run in a process of Ray's, heard and stopped from afar."""

import platform
import threading
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from bunri.cluster.shared_folder import Sign
from bunri.config import Experiment
from bunri.errors import BunriError, ConfigError
from bunri.events import Ended, Event, to_line
from bunri.experiment.handle import Handle
from bunri.experiment.locking import locked
from bunri.experiment.provenance import machine
from bunri.experiment.runs import PreparedRun, run_here
from bunri.experiment.schedule import Room
from bunri.redacting import without_secrets
from bunri.user_code import found_in

SECONDS_FOR_LOST_NODE = 180.0
"""So long a run waits for a folder that a lost node still holds: a file server may take 90 s to let go of its locks."""

SECONDS_OF_LISTENING = 1.0
"""A question for events is answered after so long, also where there are none."""


@dataclass(frozen=True)
class Order:
    """All a node must know to do a run.

    Attributes:
        experiment: With absolute paths, as a node works in another folder.
        facts: For the manifest.
        prepared: The run.
        room: What it was promised.
        python_path: Folders with code of the user's own.
        sign: What shows that the storage is shared.
        bunri: Version that asks.
        lost: How many nodes were lost with this run before.
    """

    experiment: Experiment
    facts: dict[str, Any]
    prepared: PreparedRun
    room: Room
    python_path: tuple[Path, ...]
    sign: Sign
    bunri: str
    lost: int = 0


class NodeRun:
    """Does one run; Ray calls :meth:`run` in one thread, and the other methods beside it."""

    def __init__(self, node: str | None = None) -> None:
        """Begin nothing yet; ``node`` is what the manifest calls the node, null asks Ray."""
        self._node = node or _name_of_node()
        self._handle = Handle()
        self._lines: list[str] = []
        self._heard, self._is_over, self._news = 0, False, threading.Condition()

    def run(self, order: Order) -> Ended:
        """Train and predict; what is in the run folder is what a run on one machine leaves there."""
        try:
            order.sign.check()
            _check_version(order.bunri)
            prepared = _after_loss(order.prepared) if order.lost else order.prepared
            with found_in(order.python_path):
                facts = order.facts | self._facts(prepared)
                return run_here(order.experiment, facts, prepared, 0, self._handle, (self,))
        except BunriError as error:
            return Ended("failed", without_secrets(str(error)), error.exit_code)
        finally:
            with self._news:
                self._is_over = True
                self._news.notify_all()

    def _facts(self, prepared: PreparedRun) -> dict[str, Any]:
        before = prepared.run.folder.read_manifest().get("nodes", []) if prepared.run.action == "continue" else []
        return {"machine": machine(), "nodes": [*before, self._node]}

    def stop(self) -> None:
        """Ask for an end at the next checkpoint, asked twice for one at once."""
        self._handle.stop()

    def give_up(self, reason: Ended) -> None:
        """Ask for an end at the next checkpoint that is called as ``reason`` says."""
        self._handle.give_up(reason)

    def write(self, event: Event) -> None:
        """Keep an event until it has been heard."""
        with self._news:
            self._lines.append(to_line(event))
            self._news.notify_all()

    def close(self) -> None:
        """There is nothing to close: what was not heard can still be."""

    def events(self, heard: int) -> list[str]:
        """Events after the first ``heard``, as lines; waits a moment for some.

        What was heard is forgotten; an answer that got lost on its way can be asked for again.
        """
        with self._news:
            del self._lines[: heard - self._heard]
            self._heard = heard
            if not self._lines and not self._is_over:
                self._news.wait(SECONDS_OF_LISTENING)
            return list(self._lines)


def _after_loss(prepared: PreparedRun) -> PreparedRun:
    """The run as it goes on, once nobody on the lost node can still write to its folder."""
    with locked(prepared.run.folder, SECONDS_FOR_LOST_NODE):
        is_begun = prepared.run.folder.checkpoint_file("last").exists()
    run = replace(prepared.run, action="continue" if is_begun else "train")
    return replace(prepared, run=run, job=prepared.job.model_copy(update={"resume": is_begun}))


def _check_version(asked: str) -> None:
    here = metadata.version("bunri")
    if here != asked:
        raise ConfigError(f"all nodes must have bunri {asked}, but {platform.node()} has {here}. Install it there.")


def _name_of_node() -> str:
    import ray

    return f"{platform.node()} {ray.get_runtime_context().get_node_id()[:12]}"
