"""The candidates a search tries: first a grid over methods and members, then small changes of the best so far."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from bunri.fuse.options import CONF_TYPES, FuseOptions

WBF_IOUS = (0.5, 0.6, 0.7, 0.8)
NMS_IOUS = (0.5, 0.6, 0.7)
SIGMAS = (0.1, 0.3, 0.6)
FLOORS = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
FACTORS = (0.0, 0.25, 0.5, 0.75, 1.5, 2.0)
SMALL = 4
"""Up to so many members, every subset is tried with every method."""


def single(member: int, members: int) -> FuseOptions:
    """One member as it is: NMS at IoU 1 keeps every box."""
    return FuseOptions(method="nms", iou=1.0, weights=_equal([member], members), min_score=(0.0,) * members)


def grid(used: tuple[int, ...], members: int) -> list[FuseOptions]:
    """Every method over some members with equal weights."""
    base = FuseOptions(weights=_equal(used, members), min_score=(0.0,) * members)
    return [
        *(replace(base, method="wbf", iou=iou) for iou in WBF_IOUS),
        *(replace(base, method="nms", iou=iou) for iou in NMS_IOUS),
        *(replace(base, method="nmw", iou=iou) for iou in NMS_IOUS),
        *(replace(base, method="soft_nms", sigma=sigma) for sigma in SIGMAS),
    ]


def subsets(members: int) -> list[tuple[int, ...]]:
    """Members to try the whole grid on: every subset of few members, of many only all of them."""
    if members > SMALL:
        return [tuple(range(members))]
    return [used for size in range(1, members + 1) for used in combinations(range(members), size)]


def _equal(used: list[int] | tuple[int, ...], members: int) -> tuple[float, ...]:
    return tuple(float(m in used) for m in range(members))


def with_weights(options: FuseOptions, weights: Sequence[float]) -> FuseOptions:
    """Other weights, the highest 1: only their ratios matter, and equal candidates are scored once."""
    highest = max(weights)
    return replace(options, weights=tuple(round(weight / highest, 4) for weight in weights))


def neighbours(best: FuseOptions) -> Iterator[FuseOptions]:
    """One thing changed a little: threshold, width, confidence, a weight, a floor."""
    if best.method == "soft_nms":
        yield from (replace(best, sigma=round(best.sigma * factor, 4)) for factor in (0.6, 0.8, 1.25, 1.6))
    else:
        steps = (-0.1, -0.05, -0.02, 0.02, 0.05, 0.1)
        yield from (replace(best, iou=round(best.iou + s, 4)) for s in steps if 0.2 < best.iou + s < 0.96)
    if best.method == "wbf":
        yield from (replace(best, conf_type=conf_type) for conf_type in CONF_TYPES if conf_type != best.conf_type)
    yield from _other_weights(best)
    yield from _other_floors(best)


def _other_weights(best: FuseOptions) -> Iterator[FuseOptions]:
    weights = list(best.weights or ())
    if sum(weight > 0 for weight in weights) < 2:
        return
    for m, weight in enumerate(weights):
        for factor in FACTORS if weight > 0 else ():
            yield with_weights(best, [*weights[:m], weight * factor, *weights[m + 1 :]])


def _other_floors(best: FuseOptions) -> Iterator[FuseOptions]:
    """The next higher and lower floor of each member that is used."""
    floors, weights = list(best.floors_of(len(best.weights or ()))), best.weights or ()
    for m in (m for m, weight in enumerate(weights) if weight > 0):
        rank = FLOORS.index(floors[m])
        for other in FLOORS[max(rank - 1, 0) : rank + 2]:
            if other != floors[m]:
                yield replace(best, min_score=(*floors[:m], other, *floors[m + 1 :]))


def complexity(options: FuseOptions) -> tuple[int, int]:
    """How much a candidate claims to know: members used, and choices that depart from the plain method."""
    weights = [weight for weight in options.weights or () if weight > 0]
    floors = options.floors_of(len(options.weights or ()))
    departures = len(set(weights)) - 1 + (options.conf_type != "avg") + len(set(floors.tolist()) - {0.0})
    return len(weights), departures
