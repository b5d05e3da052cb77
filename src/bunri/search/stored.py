"""Members too large for memory: sorted once, block of images by block, and kept in a temporary file."""

import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from bunri.boxes import IntArray
from bunri.dataset import Dataset
from bunri.evaluate.counted import check_classes
from bunri.files import cannot_write
from bunri.fuse.columns import MemberColumns, member_columns
from bunri.fuse.kernels import Cells
from bunri.predictions import Predictions


@dataclass(frozen=True, eq=False)
class StoredMembers:
    """Members in blocks, by rising image id; an iteration reads one block after the other.

    Attributes:
        names: Of the members.
        image_id: ``(I,)`` sorted ids of the images any member looked at.
        lowest_scores: The floor each member came with, by name; NaN without boxes.
        path: The file.
        blocks: How many it has.
    """

    names: tuple[str, ...]
    image_id: IntArray
    lowest_scores: dict[str, float]
    path: Path
    blocks: int

    def __iter__(self) -> Iterator[MemberColumns]:
        with self.path.open("rb") as file:
            for _ in range(self.blocks):
                yield _read(file)


@contextmanager
def stored_members(blocks: Iterable[Sequence[Predictions]], dataset: Dataset) -> Iterator[StoredMembers]:
    """Sort members and keep them in the folder of temporary files (``TMPDIR``) while the block runs: 40 bytes a box.

    Args:
        blocks: What every member says of some images, by rising image id, as :func:`bunri.io.blocks.read_blocks` reads
            them. Boxes are cut at the borders of their images.
        dataset: Has these images.

    Raises:
        OutputError: The folder is full.
        DataError: A class or an image is not of the data set.
    """
    with tempfile.TemporaryDirectory(prefix="bunri-") as folder:
        yield _store(blocks, dataset, Path(folder) / "members")


def _store(blocks: Iterable[Sequence[Predictions]], dataset: Dataset, path: Path) -> StoredMembers:
    lowest, image_id, names = dict[str, float](), list[IntArray](), tuple[str, ...]()
    with path.open("wb") as file:
        for members in blocks:
            names = tuple(member.name for member in members)
            for member in members:
                check_classes(member, dataset)
                floor = float(member.score.min()) if len(member) else math.nan
                lowest[member.name] = float(np.fmin(lowest.get(member.name, math.nan), floor))
            columns = member_columns([member.clipped(dataset) for member in members])
            image_id.append(columns.image_id)
            try:
                _write(columns, file)
            except OSError as error:
                raise cannot_write(path.parent, error) from error
    ids = np.concatenate([np.empty(0, np.int64), *image_id])
    return StoredMembers(names, ids, lowest, path, len(image_id))


def _write(columns: MemberColumns, file: IO[bytes]) -> None:
    for column in (columns.image_id, columns.seen, *columns.cells):
        np.save(file, column, allow_pickle=False)


def _read(file: IO[bytes]) -> MemberColumns:
    image_id, seen, *columns, slack = (np.load(file) for _ in range(2 + len(Cells._fields)))
    return MemberColumns(image_id, seen, Cells._make([*columns, float(slack)]))
