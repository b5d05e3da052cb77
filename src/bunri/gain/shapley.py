"""Shapley's share: what a player adds to those before it, on average over all orders in which players may come.

Shapley, "A value for n-person games" (1953). Exact for few players; above, orders are drawn (Castro, Gomez, Tejada,
"Polynomial calculation of the Shapley value based on sampling", Computers & Operations Research 36 (2009)).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from bunri.boxes import FloatArray

EXACT = 8
"""Up to so many players all coalitions are valued."""

Value = Callable[[frozenset[int]], FloatArray]
"""The value of a coalition of players, under R weightings of the images ``(R,)``."""


@dataclass(frozen=True, eq=False)
class ShapleyShares:
    """The shares of P players.

    Attributes:
        share: ``(P, R)``; the shares of one weighting add up to the value of all players.
        error: ``(P,)`` standard error of drawing orders, of the first weighting; 0 where all orders are counted.
        orders: How many orders were drawn, an even number, four at least; None where all are counted.
    """

    share: FloatArray
    error: FloatArray
    orders: int | None


def shapley_shares(players: int, value: Value, orders: int = 64, seed: int = 0) -> ShapleyShares:
    """The shares of some players, by all coalitions up to ``EXACT`` players, else by ``orders`` drawn orders."""
    if players <= EXACT:
        share = np.stack([_exact_share(player, players, value) for player in range(players)])
        return ShapleyShares(share, np.zeros(players), None)
    drawn = _drawn_orders(players, orders, seed)
    added = np.stack([(_added_in_order(one, value) + _added_in_order(one[::-1], value)) / 2 for one in drawn])
    error = added[:, :, 0].std(axis=0, ddof=1) / np.sqrt(len(added))
    return ShapleyShares(added.mean(axis=0), error, 2 * len(added))


def _exact_share(player: int, players: int, value: Value) -> FloatArray:
    """Mean over the sizes of coalitions without the player, of each size over its coalitions."""
    others = [p for p in range(players) if p != player]
    total = np.zeros_like(value(frozenset()))
    for size in range(players):
        for chosen in combinations(others, size):
            before = frozenset(chosen)
            total += (value(before | {player}) - value(before)) / comb(players - 1, size)
    return total / players


def _drawn_orders(players: int, orders: int, seed: int) -> list[list[int]]:
    """Half of the orders; each is counted with its reverse, as the two err to opposite sides. Two at least."""
    random = np.random.default_rng(seed)
    return [random.permutation(players).tolist() for _ in range(max(2, (orders + 1) // 2))]


def _added_in_order(order: list[int], value: Value) -> FloatArray:
    """What each player ``(P, R)`` adds when they come in one order."""
    values = np.stack([value(frozenset(order[:count])) for count in range(len(order) + 1)])
    added = np.empty_like(values[1:])
    added[order] = np.diff(values, axis=0)
    return added
