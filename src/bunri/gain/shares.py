"""The share each member, and each family of members, has in an ensemble; and the order a greedy team would take."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bunri.boxes import FloatArray
from bunri.evaluate.bootstrap import interval
from bunri.evaluate.metrics import none_if_nan
from bunri.gain.shapley import ShapleyShares, shapley_shares
from bunri.gain.subset_values import SubsetValues


@dataclass(frozen=True)
class Share:
    """Of a member or family.

    Attributes:
        name: Of it.
        mAP50: Of it alone.
        share: Shapley's share of the mAP50 of all, where no member at all has 0. All shares add up to that mAP50.
        low: Of the 95% interval of the share over resampled images.
        high: Of the same.
        of_gain: Shapley's share of what fusing adds: a set of members is worth what it has above its best one alone.
            These shares add up to what all together have above the best single one.
        of_gain_low: Of the 95% interval of ``of_gain``.
        of_gain_high: Of the same.
        error: Standard error of drawing orders; 0 where all were counted.
    """

    name: str
    mAP50: float
    share: float
    low: float
    high: float
    of_gain: float
    of_gain_low: float
    of_gain_high: float
    error: float


@dataclass(frozen=True)
class Step:
    """One member more of the greedy curve.

    Attributes:
        added: Name of the member.
        mAP50: Of all so far.
        gain: Over the step before; of the first over nothing.
        low: Of the 95% interval of the gain.
        high: Of the same.
    """

    added: str
    mAP50: float
    gain: float
    low: float
    high: float


@dataclass(frozen=True)
class Shares:
    """Who has which share.

    Attributes:
        value: What a set of members is worth, one of ``VALUES``.
        mAP50: Of all members together.
        best_single: Name of the best member alone.
        best_single_mAP50: Of it.
        orders: Orders drawn for members' shares; None where all were counted.
        members: In the order given.
        families: Likewise; empty where no families were told apart.
        curve: From the best single member on, always the one that helps most next. The order was chosen on the same
            images, so its gains flatter.
    """

    value: str
    mAP50: float
    best_single: str
    best_single_mAP50: float
    orders: int | None
    members: tuple[Share, ...]
    families: tuple[Share, ...]
    curve: tuple[Step, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; NaN becomes None."""
        values = asdict(self)
        for part in ("members", "families", "curve"):
            values[part] = [
                {k: none_if_nan(v) if isinstance(v, float) else v for k, v in row.items()} for row in values[part]
            ]
        return values | {"value_of_none": 0.0}


def measure_shares(
    values: SubsetValues, families: Mapping[str, Sequence[str]], orders: int = 64, seed: int = 0
) -> Shares:
    """Shapley's shares of the members and of their families, and the greedy curve.

    Args:
        values: Of subsets of the members.
        families: Names of the members of each family; a member of none is a family of its own.
        orders: Drawn where there are too many members for all.
        seed: Of the orders.
    """
    names, units = values.task.names, len(np.unique(values.task.groups))
    alone = [float(values([m])[0]) for m in range(len(names))]
    best = int(np.argmax(alone))
    by_member = [frozenset([m]) for m in range(len(names))]
    shares = _shares_of(names, by_member, values, orders, seed, units)
    grouped = whole_families(families, names)
    sets = [frozenset(names.index(name) for name in family) for family in grouped.values()]
    return Shares(
        value=values.kind,
        mAP50=float(values(range(len(names)))[0]),
        best_single=names[best],
        best_single_mAP50=alone[best],
        orders=shares[1],
        members=shares[0],
        families=_shares_of(tuple(grouped), sets, values, orders, seed, units)[0] if families else (),
        curve=_greedy_curve(values, units),
    )


def whole_families(families: Mapping[str, Sequence[str]], names: Sequence[str]) -> dict[str, list[str]]:
    """Families of all members: those named, without who is not there, then each other member on its own."""
    kept = {family: [name for name in names if name in members] for family, members in families.items()}
    told = {name for members in kept.values() for name in members}
    return {family: members for family, members in kept.items() if members} | {n: [n] for n in names if n not in told}


def _shares_of(
    names: Sequence[str],
    sets: Sequence[frozenset[int]],
    values: SubsetValues,
    orders: int,
    seed: int,
    units: int,
) -> tuple[tuple[Share, ...], int | None]:
    """Shares of players that are sets of members, and how many orders were drawn."""

    def value(players: frozenset[int]) -> FloatArray:
        return values(frozenset[int]().union(*(sets[p] for p in players)))

    def gain(players: frozenset[int]) -> FloatArray:
        members = frozenset[int]().union(*(sets[p] for p in players))
        return values(members) - _best_alone(members, values)

    whole, above = (shapley_shares(len(sets), game, orders, seed) for game in (value, gain))
    alone = [float(value(frozenset([p]))[0]) for p in range(len(sets))]
    rows = tuple(_share(name, p, alone[p], whole, above, units) for p, name in enumerate(names))
    return rows, whole.orders


def _best_alone(members: frozenset[int], values: SubsetValues) -> FloatArray:
    """mAP50 ``(R,)`` of the member of a set that is best on the images as they are; 0 of none."""
    return max((values([m]) for m in sorted(members)), key=lambda value: float(value[0]), default=values(()))


def _share(name: str, player: int, alone: float, whole: ShapleyShares, above: ShapleyShares, units: int) -> Share:
    low, high = interval(whole.share[player, 1:], units)
    gain_low, gain_high = interval(above.share[player, 1:], units)
    share, of_gain = float(whole.share[player, 0]), float(above.share[player, 0])
    return Share(name, alone, share, low, high, of_gain, gain_low, gain_high, float(whole.error[player]))


def _greedy_curve(values: SubsetValues, units: int) -> tuple[Step, ...]:
    chosen, steps = frozenset[int](), list[Step]()
    while len(chosen) < len(values.task.names):
        left = [m for m in range(len(values.task.names)) if m not in chosen]
        best = max(left, key=lambda m: float(values(chosen | {m})[0]))
        after = values(chosen | {best})
        added = after - values(chosen)
        low, high = interval(added[1:], units)
        steps.append(Step(values.task.names[best], float(after[0]), float(added[0]), low, high))
        chosen |= {best}
    return tuple(steps)
