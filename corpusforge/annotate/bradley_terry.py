"""Strengths from comparisons: Bradley–Terry, Davidson's ties, Plackett–Luce; with standard errors.

Bradley–Terry (1952) and Plackett–Luce (1975) are fitted by minorisation-maximisation (Hunter 2004)
under the Gamma prior of Caron and Doucet (2012): `prior` is added to what an item won and to its
denominator, with the strengths summing to their number, so separable data stay finite. Davidson
(1970) gives ties a probability of their own; it is a multinomial logit, fitted by Newton's method.
Ties within a ranking enter Plackett–Luce by Efron's weights (1977), as in Cox regression. Strengths
are centred logarithms. Limit: with prior 0 an item that always won has no finite strength.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpusforge.text.arrays import I16, I64
from corpusforge.text.jit import jit

__all__ = [
    "bradley_terry",
    "bradley_terry_errors",
    "davidson",
    "fit_pairs",
    "fit_rankings",
    "plackett_luce",
    "plackett_luce_errors",
]

F64 = NDArray[np.float64]
_ROUNDS = 20_000
_TOLERANCE = 1e-10


@jit
def _centre(won: F64, below: F64, prior: float, theta: F64, weight: F64) -> float:
    """Take one step from numerators and denominators; return the change summed over items."""
    n, mean, change = len(won), 0.0, 0.0
    for i in range(n):
        top, low = won[i] + prior, below[i] + prior
        weight[i] = np.log(top / low) if top > 0 and low > 0 else (0.0 if low == 0 else -700.0)
        mean += weight[i] / n
    total = 0.0
    for i in range(n):
        new = weight[i] - mean
        change += abs(new - theta[i])
        theta[i] = new
        weight[i] = np.exp(new)
        total += weight[i]
    for i in range(n):
        weight[i] *= n / total
    return change


@jit
def fit_pairs(won: F64, prior: float, theta: F64) -> int:
    """Fit Bradley–Terry to wins [n, n] into theta [n]; return the rounds taken (-1: not settled)."""
    n = len(theta)
    weight, below, wins = np.ones(n), np.empty(n), np.zeros(n)
    theta[:] = 0
    for i in range(n):
        for j in range(n):
            wins[i] += won[i, j]
    for step in range(_ROUNDS):
        below[:] = 0
        for i in range(n):
            for j in range(i + 1, n):
                games = won[i, j] + won[j, i]
                if games:
                    share = games / (weight[i] + weight[j])
                    below[i] += share
                    below[j] += share
        if _centre(wins, below, prior, theta, weight) < _TOLERANCE:
            return step
    return -1


@jit
def _stages(
    order: I64, tier: I64, size: int, weight: F64, won: F64, below: F64, worth: float
) -> None:
    """Add a ranking's numerators and denominators; `order` best first, `tier` by place."""
    left = 0.0
    for i in range(size):
        left += weight[order[i]]
    low = 0
    while low < size:
        high, tied = low, 0.0
        while high < size and tier[high] == tier[low]:
            tied += weight[order[high]]
            high += 1
        count = high - low
        if not (high == size and count == 1):  # the last one is no choice
            for step in range(count):
                share = step / count
                inverse = worth / (left - share * tied)
                won[order[low + step]] += worth
                for i in range(low, size):
                    below[order[i]] += inverse * (1 - share if i < high else 1.0)
        left -= tied
        if left < 0:  # rounding
            left = 0.0
        low = high


@jit
def _sorted_row(rank: I16, first: int, size: int, order: I64, tier: I64) -> int:
    """Candidates in order of rank into `order`, their tiers into `tier`; return how many ranked."""
    count = 0
    for i in range(size):
        mine = rank[first + i]
        if mine == 0:
            continue
        place = count
        while place > 0 and tier[place - 1] > mine:
            order[place], tier[place] = order[place - 1], tier[place - 1]
            place -= 1
        order[place], tier[place] = i, mine
        count += 1
    return count


@jit
def fit_rankings(
    rank: I16, first: I64, low: int, high: int, worth: F64, prior: float, theta: F64
) -> int:
    """Fit Plackett–Luce to rows low..high of dense ranks into theta [K]; return rounds (-1: none)."""
    n, rows = len(theta), high - low
    orders, tiers = np.zeros((rows, n), np.int64), np.zeros((rows, n), np.int64)
    sizes = np.zeros(rows, np.int64)
    for a in range(rows):
        sizes[a] = _sorted_row(rank, first[low + a], n, orders[a], tiers[a])
    weight, below, won = np.ones(n), np.empty(n), np.empty(n)
    theta[:] = 0
    for step in range(_ROUNDS):
        below[:] = 0
        won[:] = 0
        for a in range(rows):
            _stages(orders[a], tiers[a], sizes[a], weight, won, below, worth[low + a])
        if _centre(won, below, prior, theta, weight) < _TOLERANCE:
            return step
    return -1


def bradley_terry(wins: F64, prior: float = 0.0) -> F64:
    """Return centred log-strengths [n] of wins [n, n] (add half of the ties to both sides)."""
    theta = np.zeros(len(wins))
    fit_pairs(np.ascontiguousarray(wins, np.float64), float(prior), theta)
    return theta


def plackett_luce(ranks: NDArray[np.int16], prior: float = 0.0, worth: F64 | None = None) -> F64:
    """Return centred log-strengths [K] of rankings [m, K]: tiers from 1, 0 where not ranked."""
    ranks = np.ascontiguousarray(ranks, np.int16)
    theta = np.zeros(ranks.shape[1])
    first = np.arange(len(ranks) + 1) * ranks.shape[1]
    weight = np.ones(len(ranks)) if worth is None else np.asarray(worth, np.float64)
    fit_rankings(ranks.ravel(), first, 0, len(ranks), weight, float(prior), theta)
    return theta


def _errors(information: F64) -> F64:
    """Standard errors [..., n] of centred parameters from information [..., n, n]."""
    n = information.shape[-1]
    centre = np.eye(n) - 1 / n
    inner = centre @ information @ centre + 1 / n
    with np.errstate(invalid="ignore"):
        spread = np.linalg.pinv(inner, hermitian=True) - 1 / n
        return np.sqrt(np.maximum(np.diagonal(spread, axis1=-2, axis2=-1), 0))


def bradley_terry_errors(wins: F64, theta: F64, prior: float = 0.0) -> F64:
    """Return standard errors [..., n] of `bradley_terry` from the observed information.

    Takes stacks: wins [..., n, n] and theta [..., n].
    """
    games = wins + np.swapaxes(wins, -1, -2)
    share = 1 / (1 + np.exp(theta[..., None, :] - theta[..., :, None]))
    flow = games * share * (1 - share)
    n = theta.shape[-1]
    weight = np.exp(theta)
    weight = weight * (n / weight.sum(axis=-1, keepdims=True))
    own = flow.sum(axis=-1) + prior * weight
    return _errors(own[..., None] * np.eye(n) - flow)


def plackett_luce_errors(
    ranks: NDArray[np.int16], theta: F64, prior: float = 0.0, worth: F64 | None = None
) -> F64:
    """Return standard errors [K] of `plackett_luce` from the observed information."""
    n, weight = len(theta), np.exp(theta)
    weight = weight * (n / weight.sum())
    information = np.diag(prior * weight)
    for row, value in zip(ranks, np.ones(len(ranks)) if worth is None else worth, strict=True):
        tiers = np.unique(row[row > 0])
        for tier in tiers:
            tied, risk = row == tier, row >= tier
            count = int(tied.sum())
            for step in range(count):
                chance = weight * (risk - tied * (step / count))
                chance = chance / chance.sum()
                information += value * (np.diag(chance) - np.outer(chance, chance))
    return _errors(information)


def davidson(wins: F64, ties: F64, ridge: float = 1e-6) -> tuple[F64, F64, float, float]:
    """Return strengths [n], their standard errors, log of the tie parameter and its error.

    P(i over j) : P(tie) : P(j over i) = p_i : v sqrt(p_i p_j) : p_j. `ties` is symmetric, each tie
    counted on both sides. `ridge` is the precision of a normal prior on every parameter.
    """
    n = len(wins)
    i, j = np.triu_indices(n, 1)
    outcomes = np.stack([wins[i, j], ties[i, j], wins[j, i]], axis=1)
    games = outcomes.sum(axis=1)
    features = np.zeros((len(i), 3, n + 1))
    pair = np.arange(len(i))
    features[pair, 0, i] = features[pair, 2, j] = 1
    features[pair, 1, i] = features[pair, 1, j] = 0.5
    features[:, 1, n] = 1
    beta = np.zeros(n + 1)
    information = np.eye(n + 1)
    for _ in range(200):
        level = features @ beta
        level -= level.max(axis=1, keepdims=True)
        chance = np.exp(level)
        chance /= chance.sum(axis=1, keepdims=True)
        slope = np.einsum("pk,pkf->f", outcomes - games[:, None] * chance, features) - ridge * beta
        mean = np.einsum("pk,pkf->pf", chance, features)
        second = np.einsum("p,pk,pkf,pkg->fg", games, chance, features, features)
        information = second - np.einsum("p,pf,pg->fg", games, mean, mean)
        step = np.linalg.solve(information + ridge * np.eye(n + 1), slope)
        beta += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-11:
            break
    beta[:n] -= beta[:n].mean()
    spread = np.linalg.inv(information + ridge * np.eye(n + 1))
    centre = np.eye(n) - 1 / n
    errors = np.sqrt(np.diag(centre @ spread[:n, :n] @ centre))
    return beta[:n], errors, float(beta[n]), float(np.sqrt(spread[n, n]))
