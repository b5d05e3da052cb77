"""Processor time of one thread, so that other work on the machine does not enter; and where the data lies."""

import os
import time
from collections.abc import Callable
from pathlib import Path

REPEATS = 7


def best_seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Least processor time of some repeats."""
    return min(_seconds(work) for _ in range(repeats))


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def data_folder() -> Path | None:
    """The folder ``BUNRI_DATA`` names, with real annotations in ``oof/ground_truth.json``; None where it is not set."""
    return Path(os.environ["BUNRI_DATA"]) if os.environ.get("BUNRI_DATA") else None
