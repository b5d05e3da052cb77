"""Running a method's kernel over the cells of some members."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Protocol

import numpy as np

from bunri.boxes import FloatArray, IntArray
from bunri.fuse import nms, nmw, soft_nms, wbf
from bunri.fuse.columns import MemberColumns
from bunri.fuse.kernels import Cells, Fused, Rule, Scratch, Votes, scratch_for
from bunri.fuse.options import CONF_TYPES, DECAYS, FuseOptions


class Kernel(Protocol):
    """A method: fuses the cells ``first`` to ``last`` and writes to ``fused``."""

    def __call__(
        self, cells: Cells, first: int, last: int, rule: Rule, votes: Votes, scratch: Scratch, fused: Fused
    ) -> None:
        """Fuse."""


KERNELS: dict[str, Kernel] = {
    "wbf": wbf.fuse_cells,
    "nms": nms.fuse_cells,
    "soft_nms": soft_nms.fuse_cells,
    "nmw": nmw.fuse_cells,
}


def fuse_columns(
    columns: MemberColumns,
    options: FuseOptions,
    weights: FloatArray,
    floors: FloatArray,
    fused: Fused,
    threads: int = 1,
) -> None:
    """Fuse members of weights and floors ``(M,)`` and write to ``fused``; weight 0 leaves a member out."""
    kernel, cells = KERNELS[options.method], columns.cells
    rule, votes = rule_of(options, weights, floors), columns.votes(weights)
    bounds = _blocks(cells.place, threads)

    def fuse_block(bound: tuple[int, int]) -> None:
        kernel(cells, *bound, rule, votes, scratch_for(cells, len(weights)), fused)

    if threads <= 1:
        fuse_block((bounds[0], bounds[-1]))
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fuse_block, pairwise(bounds)))


def rule_of(options: FuseOptions, weights: FloatArray, floors: FloatArray) -> Rule:
    """Options in the numbers a kernel takes."""
    kind = DECAYS.index(options.decay) if options.method == "soft_nms" else CONF_TYPES.index(options.conf_type)
    return Rule(_scale(options, weights), floors, options.iou, kind, options.sigma, options.soft_min_score)


def _scale(options: FuseOptions, weights: FloatArray) -> FloatArray:
    """Factors on the scores: WBF divides by the weights in the end; a score that stays alone is scaled before."""
    if options.method == "wbf":
        return weights
    if options.method == "nmw":
        return np.asarray(weights / weights.max())
    return weights if options.weights is None else np.asarray(weights / weights.sum())


def _blocks(place: IntArray, threads: int) -> list[int]:
    """Bounds of blocks of cells with about the same number of boxes, four for each thread."""
    cells = len(place) - 1
    targets = np.linspace(0, place[-1], 4 * threads + 1)[1:-1]
    inner = np.searchsorted(place, targets).tolist()
    return sorted({0, *inner, cells})
