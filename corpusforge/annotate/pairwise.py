"""Who beat whom: the pair counts of each prompt, and of the models over all prompts.

Counts are floats, since a rater's ranking may carry a weight. `wins[i, j]` is the weight of the
rankings that put i strictly before j, `ties[i, j]` of those that put both in one tier.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge.annotate.votes import Votes
from corpusforge.text.arrays import F32, I16, I32
from corpusforge.text.jit import jit

__all__ = ["Duels", "duels", "model_duels"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Duels:
    """Pair counts by prompt: prompt p's K x K table begins at `begin[p]` in `wins` and `ties`.

    `rankings` [P] is the number of rankings that put two candidates or more in order.
    """

    begin: I64
    wins: NDArray[np.float32]
    ties: NDArray[np.float32]
    rankings: I64

    def tables(self, prompt: int, size: int) -> tuple[F64, F64]:
        """Return wins and ties [K, K] of one prompt."""
        part = slice(int(self.begin[prompt]), int(self.begin[prompt + 1]))
        shape = (size, size)
        return (
            self.wins[part].reshape(shape).astype(np.float64),
            self.ties[part].reshape(shape).astype(np.float64),
        )


@jit
def _count(
    rows: I64, first: I64, rank: I16, weight: F64, begin: I64, wins: F32, ties: F32, out: I64
) -> None:
    for p in range(len(rows) - 1):
        for a in range(rows[p], rows[p + 1]):
            size = first[a + 1] - first[a]
            ranked = 0
            for i in range(size):
                mine = rank[first[a] + i]
                if mine == 0:
                    continue
                ranked += 1
                for j in range(size):
                    other = rank[first[a] + j]
                    if other == 0 or i == j:
                        continue
                    if mine < other:
                        wins[begin[p] + i * size + j] += weight[a]
                    elif mine == other:
                        ties[begin[p] + i * size + j] += weight[a]
            out[p] += ranked > 1


def duels(votes: Votes, weights: F64 | None = None) -> Duels:
    """Return the pair counts of every prompt; `weights` [n] is one a ranking (default 1)."""
    sizes = np.diff(votes.book.start)
    begin = np.concatenate([[0], np.cumsum(sizes**2)]).astype(np.int64)
    wins = np.zeros(begin[-1], np.float32)
    ties = np.zeros(begin[-1], np.float32)
    rankings = np.zeros(len(sizes), np.int64)
    weight = np.ones(len(votes)) if weights is None else np.asarray(weights, np.float64)
    _count(votes.rows, votes.first, votes.rank, weight, begin, wins, ties, rankings)
    return Duels(begin, wins, ties, rankings)


@jit
def _models(
    prompt: I32, start: I64, first: I64, rank: I16, weight: F64, model: I64, wins: F64, ties: F64
) -> None:
    for a in range(len(prompt)):
        base = start[prompt[a]]
        size = first[a + 1] - first[a]
        for i in range(size):
            for j in range(size):
                mine, other = rank[first[a] + i], rank[first[a] + j]
                one, two = model[base + i], model[base + j]
                if mine == 0 or other == 0 or one == two:
                    continue
                if mine < other:
                    wins[one, two] += weight[a]
                elif mine == other and i != j:
                    ties[one, two] += weight[a]


def model_duels(votes: Votes, weights: F64 | None = None) -> tuple[tuple[str, ...], F64, F64]:
    """Return the models by name and their wins and ties [M, M] over all rankings.

    Two answers of one model are no duel.
    """
    names, model = np.unique(np.array(votes.book.models, dtype=object), return_inverse=True)
    wins, ties = np.zeros((len(names), len(names))), np.zeros((len(names), len(names)))
    weight = np.ones(len(votes)) if weights is None else np.asarray(weights, np.float64)
    _models(
        votes.prompt, votes.book.start, votes.first, votes.rank, weight,
        model.astype(np.int64), wins, ties,
    )  # fmt: skip
    return tuple(str(name) for name in names), wins, ties
