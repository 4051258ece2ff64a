"""Weights of raters by how well their pairs agree with everyone's aggregate.

The model is Crowd-BT's (Chen et al. 2013) cut to its core: rater r puts a pair in the consensus
order with probability q_r. Consensus and q are found in turn, as in Dawid and Skene (1979), q with
two pseudo-counts towards 3/4; the weight is the log-odds of q, never below 0, with mean 1. Limit:
a rater alone on their prompts is the consensus there; such prompts are left out of q.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpusforge.annotate.votes import Votes
from corpusforge.text.arrays import I16, I32, I64
from corpusforge.text.jit import jit

__all__ = ["reliability"]

F64 = NDArray[np.float64]
_ROUNDS = 50


@jit
def _agree(rows: I64, rater: I32, first: I64, rank: I16, weight: F64, out: F64) -> None:
    """out[rater] += (pairs as the others' weighted majority has them, pairs), ties left out."""
    for p in range(len(rows) - 1):
        if rows[p + 1] - rows[p] < 2:
            continue
        size = first[rows[p] + 1] - first[rows[p]]
        for i in range(size):
            for j in range(i + 1, size):
                total = 0.0
                for a in range(rows[p], rows[p + 1]):
                    x, y = rank[first[a] + i], rank[first[a] + j]
                    if x and y:
                        total += weight[rater[a]] * ((x < y) - (x > y))
                for a in range(rows[p], rows[p + 1]):
                    x, y = rank[first[a] + i], rank[first[a] + j]
                    if not (x and y) or x == y:
                        continue
                    mine = 1.0 if x < y else -1.0
                    others = total - weight[rater[a]] * mine
                    if others != 0:
                        out[rater[a], 0] += (others > 0) == (mine > 0)
                        out[rater[a], 1] += 1


def reliability(votes: Votes) -> dict[str, float]:
    """Return a weight for each rater, mean 1; all 1 where no two raters met."""
    weight = np.ones(len(votes.raters))
    for _ in range(_ROUNDS):
        table = np.zeros((len(votes.raters), 2))
        _agree(votes.rows, votes.rater, votes.first, votes.rank, weight, table)
        q = (table[:, 0] + 1.5) / (table[:, 1] + 2)
        new = np.maximum(np.log(q / (1 - q)), 0)
        if not new.sum():
            return dict.fromkeys(votes.raters, 1.0)
        new *= len(new) / new.sum()
        settled = np.abs(new - weight).max() < 1e-9
        weight = new
        if settled:
            break
    return dict(zip(votes.raters, weight.tolist(), strict=True))
