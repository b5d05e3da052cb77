"""What a trainer is to do, and how far it has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bunri.dataset import Dataset
from bunri.engines.base import Job
from bunri.engines.checkpoint import Identity
from bunri.engines.ultralytics.config import NativeConfig
from bunri.engines.ultralytics.native_run import NativeRun
from bunri.events import Emit


@dataclass(frozen=True)
class Assignment:
    """What a trainer is to do.

    Attributes:
        job: Of the worker.
        config: The native config.
        run: How Ultralytics is to run.
        train: Photos to learn.
        val: Photos held out, or None.
        identity: Of the checkpoints.
        stored: The checkpoint to go on from, or None.
        emit: Hears of everything.
    """

    job: Job
    config: NativeConfig
    run: NativeRun
    train: Dataset
    val: Dataset | None
    identity: Identity
    stored: Mapping[str, Any] | None
    emit: Emit


@dataclass
class Done:
    """How far a training has come.

    Attributes:
        batches: Learned.
        steps: Of the optimizer.
        best: Best mAP50 so far.
        judged: Steps done when the weights were judged last.
    """

    batches: int = 0
    steps: int = 0
    best: float = -1.0
    judged: int = -1

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> "Done":
        """As a checkpoint says, or nothing yet."""
        if stored is None:
            return cls()
        return cls(int(stored["batches"]), int(stored["iteration"]), float(stored["best"]), int(stored["judged"]))
