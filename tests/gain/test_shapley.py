from collections.abc import Callable

import numpy as np
import pytest

from bunri.boxes import FloatArray
from bunri.gain.shapley import EXACT, shapley_shares

Game = Callable[[frozenset[int]], float]


def weighted(game: Game) -> Callable[[frozenset[int]], FloatArray]:
    """A game under two weightings, the second worth twice the first."""
    return lambda players: np.array([1.0, 2.0]) * game(players)


def glove(players: frozenset[int]) -> float:
    """Player 0 has a left glove, 1 and 2 a right one each: a pair is worth 1."""
    return float(0 in players and bool(players & {1, 2}))


def test_the_shares_of_the_glove_game() -> None:
    """Of the six orders player 0 completes the pair in four, each other in one."""
    found = shapley_shares(3, weighted(glove))
    np.testing.assert_allclose(found.share[:, 0], [4 / 6, 1 / 6, 1 / 6])
    np.testing.assert_allclose(found.share[:, 1], 2 * found.share[:, 0])
    assert found.orders is None
    assert found.error.tolist() == [0, 0, 0]


@pytest.mark.parametrize("players", [1, 2, 5, EXACT, EXACT + 1])
def test_shares_add_up_and_a_player_who_does_nothing_has_none(players: int) -> None:
    random = np.random.default_rng(players)
    worth = np.append(random.uniform(1, 2, players - 1), 0.0)

    def game(members: frozenset[int]) -> float:
        return float(worth[sorted(members)].sum() ** 2)

    found = shapley_shares(players, weighted(game), orders=20)
    assert found.share[:, 0].sum() == pytest.approx(game(frozenset(range(players))))
    assert found.share[-1, 0] == pytest.approx(0, abs=1e-12)


def test_drawn_orders_come_near_the_exact_shares_within_their_error() -> None:
    """Of a game of pairs a player's share is half of its pairs' worth."""
    players = EXACT + 2
    pairs = np.triu(np.random.default_rng(0).uniform(0, 1, (players, players)), 1)

    def game(members: frozenset[int]) -> float:
        rows = sorted(members)
        return float(pairs[np.ix_(rows, rows)].sum())

    found = shapley_shares(players, weighted(game), orders=200, seed=3)
    exact = (pairs.sum(axis=0) + pairs.sum(axis=1)) / 2
    assert found.orders == 200
    # an order and its reverse together give every pair once to each side: such a game is hit without error
    np.testing.assert_allclose(found.share[:, 0], exact)
    np.testing.assert_allclose(found.error, 0, atol=1e-12)


def test_the_error_tells_how_far_drawn_shares_are_off() -> None:
    """Whoever of the first three comes first brings everything: each of them has a third."""
    players = EXACT + 1
    found = shapley_shares(players, weighted(lambda members: float(bool(members & {0, 1, 2}))), orders=400)
    exact = np.array([1 / 3] * 3 + [0.0] * (players - 3))
    assert (found.error[:3] > 0).all()
    assert (np.abs(found.share[:, 0] - exact) <= 4 * found.error).all()


def test_the_same_seed_draws_the_same_orders() -> None:
    def game(members: frozenset[int]) -> float:
        return float(max(members, default=0))

    a, b, other = (shapley_shares(EXACT + 1, weighted(game), orders=6, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(a.share, b.share)
    assert not np.array_equal(a.share, other.share)
