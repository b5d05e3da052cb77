"""Candidates scored fast: members are sorted once, then fused, matched and scored in one go without a copy."""

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np

from bunri.boxes import FloatArray
from bunri.evaluate.bootstrap import Counts
from bunri.evaluate.kernels import Detections
from bunri.evaluate.matching import Matches, Objects, match_blocks, objects_of
from bunri.fuse.columns import MemberColumns
from bunri.fuse.kernels import Fused
from bunri.fuse.options import FuseOptions
from bunri.fuse.running import fuse_columns
from bunri.search.task import Task

_SCORERS: "WeakKeyDictionary[Task, Scorer]" = WeakKeyDictionary()


@dataclass(eq=False)
class Scorer:
    """Scores of candidates under fixed weightings of the images, each computed once.

    Attributes:
        columns: The members, sorted, block of images by block; gone through once for each candidate.
        members: Number of members.
        objects: The truth.
        weights: ``(I, W)`` weightings of the images.
        threads: Candidates scored side by side.
        known: ``(W,)`` mAP50 of each candidate so far.
    """

    columns: Iterable[MemberColumns]
    members: int
    objects: Objects
    weights: Counts
    threads: int = 1
    known: dict[FuseOptions, FloatArray] = field(default_factory=dict)
    _rooms: threading.local = field(default_factory=threading.local)

    def scores(self, candidates: Sequence[FuseOptions]) -> FloatArray:
        """MAP50 ``(candidates, W)``; NaN where no class has an object."""
        new = [candidate for candidate in dict.fromkeys(candidates) if candidate not in self.known]
        if self.threads > 1 and len(new) > 1:
            with ThreadPoolExecutor(self.threads) as pool:
                found = list(pool.map(self._score, new))
        else:
            found = [self._score(candidate) for candidate in new]
        self.known.update(zip(new, found, strict=True))
        return np.stack([self.known[candidate] for candidate in candidates])

    def _score(self, candidate: FuseOptions) -> FloatArray:
        return self.matches(candidate).mAP50(self.weights)

    def matches(self, candidate: FuseOptions) -> Matches:
        """The matched detections of a candidate, to be scored under other weightings."""
        return match_blocks(((one.image_id, self._fused(one, candidate)) for one in self.columns), self.objects)

    def _fused(self, columns: MemberColumns, candidate: FuseOptions) -> Detections:
        cells, room = columns.cells, self._room(columns)
        fuse_columns(columns, candidate, candidate.weights_of(self.members), candidate.floors_of(self.members), room)
        return Detections(cells.image, cells.class_index, cells.place, room.size, room.score, room.box)

    def _room(self, columns: MemberColumns) -> Fused:
        """Room for results, kept while a thread fuses the same boxes again and again."""
        if getattr(self._rooms, "columns", None) is not columns:
            self._rooms.columns, self._rooms.fused = columns, columns.empty_results()
        room: Fused = self._rooms.fused
        return room


def scorer_of(task: Task, threads: int = 1) -> Scorer:
    """A scorer of a task's members on its training sets: one column of weights for each fold left out, then all.

    A task has one scorer, so that families share what was scored.
    """
    if task not in _SCORERS:
        objects = objects_of(task.dataset, task.image_id)
        _SCORERS[task] = Scorer(task.columns, len(task.names), objects, task.training_weights(), threads)
    return _SCORERS[task]
