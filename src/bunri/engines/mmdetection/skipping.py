"""The data of a resumed training that counts iterations."""

from collections.abc import Iterator
from typing import Any


class Remaining:
    """Batches of a loader whose sampler begins at the first one that is left.

    MMEngine's loop passes over the batches that are done: its newer versions by :meth:`skip_iter`, older ones by taking
    them one by one. They are not loaded for either.
    """

    def __init__(self, loader: Any, done: int) -> None:
        """Take the loader and how many batches are done."""
        self._loader, self._done = loader, done
        self._batches: Iterator[Any] | None = None

    def __iter__(self) -> "Remaining":
        return self

    def skip_iter(self, count: int) -> None:
        """All that is done is passed over."""
        self._done = 0

    def __next__(self) -> Any:
        if self._done > 0:
            self._done -= 1
            return None
        if self._batches is None:
            self._batches = iter(self._loader)
        return next(self._batches)
