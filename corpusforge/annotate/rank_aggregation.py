"""Orders from pair counts alone: majority (Copeland), Borda, Kemeny.

Scores are the share of the other candidates beaten, in [0, 1]. Majority counts the opponents that
more rankings put behind than before (Copeland 1951); Borda (1781) is the mean share beaten by
each comparison. Kemeny's order (1959) disagrees with the fewest comparisons; it is found exactly by
a programme over subsets, 2^K K steps, and where several orders are best the score is the mean over
all of them, so the result does not depend on how candidates are numbered. Limit: Kemeny to K = 12.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.text.jit import jit

__all__ = ["KEMENY_MOST", "borda", "fit_borda", "fit_kemeny", "fit_majority", "kemeny", "majority"]

F64 = NDArray[np.float64]
KEMENY_MOST = 12
_EQUAL = 1e-6  # pair counts are sums of float32 weights


@jit
def fit_majority(wins: F64, ties: F64, out: F64) -> None:
    """out[i] = share of i's opponents beaten by majority, an even count being half."""
    n = len(out)
    for i in range(n):
        won, met = 0.0, 0
        for j in range(n):
            games = wins[i, j] + wins[j, i] + ties[i, j]
            if i != j and games > 0:
                met += 1
                gap = wins[i, j] - wins[j, i]
                won += 1.0 if gap > _EQUAL else 0.5 if gap >= -_EQUAL else 0.0
        out[i] = won / met if met else 0.5


@jit
def fit_borda(wins: F64, ties: F64, out: F64) -> None:
    """out[i] = share of i's comparisons won, a tie being half."""
    n = len(out)
    for i in range(n):
        won, met = 0.0, 0.0
        for j in range(n):
            if i != j:
                won += wins[i, j] + ties[i, j] / 2
                met += wins[i, j] + wins[j, i] + ties[i, j]
        out[i] = won / met if met else 0.5


@jit
def _fronts(wins: F64, cost: F64, ways: F64, step: F64) -> None:
    """Costs [2^n] and numbers of the best orders of each set as front; step: of putting j next."""
    n = wins.shape[0]
    cost[0], ways[0] = 0.0, 1.0
    for chosen in range(len(cost) - 1):
        for j in range(n):
            if chosen >> j & 1:
                continue
            for i in range(n):
                if i != j and not chosen >> i & 1:
                    step[chosen, j] += wins[i, j]
            after = chosen | 1 << j
            total = cost[chosen] + step[chosen, j]
            if total < cost[after] - _EQUAL:
                cost[after], ways[after] = total, ways[chosen]
            elif total <= cost[after] + _EQUAL:
                ways[after] += ways[chosen]


@jit
def fit_kemeny(wins: F64, ties: F64, out: F64) -> None:
    """out[i] = 1 - (mean place of i over all best orders, from 0) / (K - 1); `ties` cancel."""
    n = len(out)
    full = (1 << n) - 1
    cost, ways = np.full(full + 1, np.inf), np.zeros(full + 1)
    step, back = np.zeros((full + 1, n)), np.zeros(full + 1)
    _fronts(wins, cost, ways, step)
    back[full] = 1.0  # ways to go on to the end of a best order
    out[:] = 0
    for k in range(full):
        chosen = full - 1 - k
        place = 0
        for i in range(n):
            place += chosen >> i & 1
        for j in range(n):
            after = chosen | 1 << j
            best = cost[chosen] + step[chosen, j] <= cost[after] + _EQUAL
            if after != chosen and back[after] > 0 and best:
                back[chosen] += back[after]
                out[j] += place * ways[chosen] * back[after]
    for j in range(n):
        out[j] = 1 - out[j] / ways[full] / (n - 1) if n > 1 else 0.5


def majority(wins: F64, ties: F64) -> F64:
    """Return the share of opponents beaten by majority [n] of wins and ties [n, n]."""
    out = np.zeros(len(wins))
    fit_majority(np.asarray(wins, np.float64), np.asarray(ties, np.float64), out)
    return out


def borda(wins: F64, ties: F64) -> F64:
    """Return the share of comparisons won [n] of wins and ties [n, n]."""
    out = np.zeros(len(wins))
    fit_borda(np.asarray(wins, np.float64), np.asarray(ties, np.float64), out)
    return out


def kemeny(wins: F64, ties: F64) -> F64:
    """Return 1 - mean place / (n - 1) over all best orders [n]; raises InputError above 12."""
    if len(wins) > KEMENY_MOST:
        raise InputError(
            f"Kemeny's order of {len(wins)} candidates: at most {KEMENY_MOST}. Use borda."
        )
    out = np.zeros(len(wins))
    fit_kemeny(np.asarray(wins, np.float64), np.asarray(ties, np.float64), out)
    return out
