"""Scores of candidates kept in a file, so that a search that was stopped goes on where it was."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bunri.boxes import FloatArray
from bunri.errors import DataError
from bunri.files import read_json, write_json
from bunri.fuse.options import FuseOptions
from bunri.search.task import Task

SECONDS_BETWEEN_SAVES = 5.0


class Memory:
    """The scores known of one task."""

    def __init__(self, path: Path, task: Task) -> None:
        """Remember in ``path`` what belongs to ``task``."""
        self.path = path
        self.fingerprint = fingerprint_of(task)
        self._saved = time.monotonic()

    def load(self) -> dict[FuseOptions, FloatArray]:
        """The scores of an earlier search of the same task; none where there was none.

        Raises:
            DataError: The file is not of a search, or of one on other members, images, folds.
        """
        if not self.path.exists():
            return {}
        state = read_json(self.path, "the state of a search")
        if not isinstance(state, dict) or state.get("task") != self.fingerprint:
            raise DataError(
                f"the state of a search must be of the same members, truth and folds, but {self.path} is of others. "
                "Give another file with --state, or remove this one."
            )
        return {options_of(entry["options"]): np.array(entry["scores"], np.float64) for entry in state["known"]}

    def save(self, known: Mapping[FuseOptions, FloatArray], hurry: bool = True) -> None:
        """Write the scores, in a hurry only every few seconds."""
        if hurry and time.monotonic() - self._saved < SECONDS_BETWEEN_SAVES:
            return
        entries = [
            {"options": asdict(options), "scores": [None if np.isnan(score) else score for score in scores.tolist()]}
            for options, scores in known.items()
        ]
        write_json(self.path, {"task": self.fingerprint, "known": entries})
        self._saved = time.monotonic()


def options_of(values: dict[str, Any]) -> FuseOptions:
    """Options from plain values, as ``dataclasses.asdict`` gives them and JSON keeps them."""
    columns: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
    return FuseOptions(**columns)


def fingerprint_of(task: Task) -> str:
    """SHA-256 of all that decides a score."""
    digest = hashlib.sha256(repr((task.names, task.folds)).encode())
    truth = task.dataset.annotations
    _digest(digest, task.image_id, task.fold, truth.image_id, truth.class_index, truth.box_xyxy, truth.is_crowd)
    for block in task.blocks():
        for member in block.members:
            _digest(digest, member.seen_image_id, member.image_id, member.class_index, member.score, member.box_xyxy)
    return digest.hexdigest()


def _digest(digest: "hashlib._Hash", *columns: NDArray[Any]) -> None:
    for column in columns:
        digest.update(np.ascontiguousarray(column).tobytes())
