"""What is kept of many detections, by class; it lies on disk where it is much, so that memory does not grow."""

import tempfile
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np

from bunri.boxes import IntArray
from bunri.files import cannot_write

IN_MEMORY = 256 * 2**20
"""Bytes of kept columns beyond which they lie on disk."""


@dataclass(eq=False)
class ColumnsByClass:
    """Columns of detections of C classes, each class in the order in which its detections came.

    Attributes:
        classes: C.
        width: How many columns of 8 bytes a detection has.
        in_memory: Bytes beyond which they lie in a temporary file without a name, gone with the process.
    """

    classes: int
    width: int
    in_memory: int = field(default_factory=lambda: IN_MEMORY)
    _places: list[list[tuple[int, int]]] = field(init=False)
    _file: IO[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self._places = [[] for _ in range(self.classes)]
        self._file = tempfile.SpooledTemporaryFile(self.in_memory)  # noqa: SIM115  # `close` closes it

    def close(self) -> None:
        """Let the detections go."""
        self._file.close()

    def add(self, class_index: IntArray, columns: IntArray) -> None:
        """Take the columns ``(width, N)`` of a block of detections of classes ``(N,)``.

        Raises:
            OutputError: The folder of temporary files is full.
        """
        order = np.argsort(class_index.astype(np.uint16), kind="stable")
        ordered = columns[:, order]
        bounds = np.searchsorted(class_index[order], np.arange(self.classes + 1)).tolist()
        try:
            for c, (first, last) in enumerate(pairwise(bounds)):
                self._places[c] += [(self._file.tell(), last - first)] if first < last else []
                self._file.write(ordered[:, first:last].tobytes())
        except OSError as error:
            raise cannot_write(Path(tempfile.gettempdir()), error) from error

    def of_class(self, class_index: int) -> IntArray:
        """The columns ``(width, N)`` of a class."""
        places = self._places[class_index]
        columns, end = np.empty((self.width, sum(count for _, count in places)), np.int64), 0
        for place, count in places:
            self._file.seek(place)
            part = np.frombuffer(self._file.read(8 * self.width * count), np.int64)
            columns[:, end : end + count] = part.reshape(self.width, count)
            end += count
        return columns
