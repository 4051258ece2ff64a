"""Models against each other over all prompts: wins, Bradley–Terry with ties, Elo over rounds.

The scale is Elo's (400 points are odds of ten to one), the mean of all models 1000. Davidson's fit
gives the standing and its standard error; intervals are bootstrapped by prompt. Elo (1978) itself
depends on the order of games: it is played in many orders drawn by hash and averaged, round after
round, so that later rounds start from earlier standings. Limit: Elo follows, it does not estimate;
read the fitted standing where all rounds weigh the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge import hashing
from corpusforge.annotate.bradley_terry import davidson
from corpusforge.annotate.pairwise import model_duels
from corpusforge.annotate.votes import Votes
from corpusforge.text.arrays import I16, I32
from corpusforge.text.jit import jit

__all__ = ["Standing", "elo", "games", "standings"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
SCALE = 400 / math.log(10)
MIDDLE = 1000.0
K_FACTOR = 16.0
ORDERS = 50


@dataclass(frozen=True, slots=True)
class Standing:
    """One model: its fitted rating and standard error on Elo's scale, its games, its share won.

    `elo` is the mean Elo after all rounds, `elo_spread` its standard deviation over orders.
    """

    model: str
    rating: float
    error: float
    wins: float
    ties: float
    losses: float
    elo: float
    elo_spread: float


@jit
def _games(
    prompt: I32, start: I64, first: I64, rank: I16, model: I64, out: I64, row_of: I64
) -> int:
    """Write (model, model, outcome: 2 won, 1 tied) of every pair of models; return how many."""
    count = 0
    for a in range(len(prompt)):
        base = start[prompt[a]]
        for i in range(first[a + 1] - first[a]):
            for j in range(i + 1, first[a + 1] - first[a]):
                x, y = rank[first[a] + i], rank[first[a] + j]
                one, two = model[base + i], model[base + j]
                if x and y and one != two:
                    out[count, 0] = one if x <= y else two
                    out[count, 1] = two if x <= y else one
                    out[count, 2] = 1 if x == y else 2
                    row_of[count] = a
                    count += 1
    return count


def games(votes: Votes) -> tuple[tuple[str, ...], I64, I64]:
    """Return the models and every game [N, 3] (better, worse, 2; or tied, tied, 1) and its row [N]."""
    names, model = np.unique(np.array(votes.book.models, dtype=object), return_inverse=True)
    sizes = np.diff(votes.first)
    most = int((sizes * (sizes - 1) // 2).sum())
    out, row = np.zeros((most, 3), np.int64), np.zeros(most, np.int64)
    count = _games(
        votes.prompt, votes.book.start, votes.first, votes.rank, model.astype(np.int64), out, row
    )
    return tuple(str(name) for name in names), out[:count], row[:count]


@jit
def _play(table: I64, order: I64, factor: float, rating: F64) -> None:
    for k in order:
        one, two = table[k, 0], table[k, 1]
        expected = 1 / (1 + 10 ** ((rating[two] - rating[one]) / 400))
        step = factor * (table[k, 2] / 2 - expected)
        rating[one] += step
        rating[two] -= step


def elo(
    votes: Votes, *, factor: float = K_FACTOR, orders: int = ORDERS, seed: int = 0
) -> tuple[tuple[str, ...], dict[int, F64], dict[int, F64]]:
    """Return the models and, by round, their mean Elo [M] after it and its spread over orders."""
    names, table, row = games(votes)
    turn = votes.round[row]
    # One key a game from (prompt, rater, task): not from where it stands in a file.
    ids = hashing.id_keys(votes.tasks)[row]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    keys = hashing.mix64(ids + place.astype(np.uint64))
    rating = np.full((orders, len(names)), MIDDLE)
    mean, spread = {}, {}
    for number in np.unique(turn):
        mine = np.flatnonzero(turn == number)
        for copy in range(orders):
            chance = hashing.uniform(keys[mine], seed, "annotate.elo", copy)
            _play(table, mine[np.argsort(chance, kind="stable")], factor, rating[copy])
        mean[int(number)] = rating.mean(axis=0)
        spread[int(number)] = rating.std(axis=0)
    return names, mean, spread


def standings(votes: Votes, *, seed: int = 0) -> tuple[Standing, ...]:
    """Return the models, best first; () with fewer than two models that met."""
    names, wins, ties = model_duels(votes)
    if len(names) < 2 or not (wins.sum() + ties.sum()):
        return ()
    theta, error, _, _ = davidson(wins, ties, ridge=1e-2)
    orders = ORDERS if wins.sum() < 200_000 else 5  # the spread over orders is small by then
    _, after, spread = elo(votes, orders=orders, seed=seed)
    last = max(after)
    rows = [
        Standing(
            model=name,
            rating=MIDDLE + SCALE * float(theta[k]),
            error=SCALE * float(error[k]),
            wins=float(wins[k].sum()),
            ties=float(ties[k].sum()),
            losses=float(wins[:, k].sum()),
            elo=float(after[last][k]),
            elo_spread=float(spread[last][k]),
        )
        for k, name in enumerate(names)
    ]
    return tuple(sorted(rows, key=lambda row: (-row.rating, row.model)))
