"""What sways raters: length, place on the screen, copying, stock phrases; with intervals.

For every two answers that a rater put in strict order: how often the longer (earlier, more copied,
more stock phrases) one won among pairs that differ, 0.5 being no preference, and the odds per unit
from a logistic model of all four together, so that length is held fixed where position is read.
Intervals are bootstrapped by prompt, standard errors of the model clustered by it. Limit: a better
answer may well be longer; a share says what raters preferred, not that they were wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge import hashing
from corpusforge.annotate.features import FEATURES, measure
from corpusforge.annotate.intervals import Interval, bootstrap
from corpusforge.annotate.records import Task
from corpusforge.annotate.votes import Votes

__all__ = ["Bias", "Contrasts", "bias", "contrasts", "logistic", "slot_test"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
SAMPLE = 5000
_LEAST_PAIRS = 10


@dataclass(frozen=True, slots=True)
class Contrasts:
    """Strict pairs: winner's features less loser's [N, 4], prompt and rater of each [N]."""

    gap: F64
    prompt: I64
    rater: I64


@dataclass(frozen=True, slots=True)
class Bias:
    """One feature: the share of pairs its greater value won, and odds per unit, others held fixed.

    `odds` is (estimate, low, high); NaN where the model has no answer. `raters` holds the share by
    rater with at least ten pairs that differ.
    """

    feature: str
    share: Interval
    odds: tuple[float, float, float]
    raters: dict[str, Interval]


def _sample(votes: Votes, seed: int, most: int) -> I64:
    used = np.flatnonzero(np.diff(votes.rows))
    chance = hashing.uniform(
        hashing.id_keys(votes.book.prompts[p] for p in used), seed, "annotate.bias"
    )
    return np.sort(used[np.argsort(chance, kind="stable")[:most]]).astype(np.int64)


def contrasts(
    votes: Votes, tasks: Mapping[str, Task], *, seed: int = 0, sample: int = SAMPLE
) -> Contrasts:
    """Return the strict pairs of at most `sample` prompts, drawn by hash."""
    prompts = _sample(votes, seed, sample)
    features = measure(votes.book, tasks, prompts.tolist())
    gaps, owners, raters = [np.zeros((0, len(FEATURES)))], [], []
    for p in prompts:
        own = features[votes.book.start[p] : votes.book.start[p + 1]]
        for row in range(votes.rows[p], votes.rows[p + 1]):
            part = slice(votes.first[row], votes.first[row + 1])
            rank, seen = votes.rank[part], own.copy()
            seen[:, 1] = -votes.slot[part]
            there = (rank > 0) & (votes.slot[part] > 0)
            won, lost = np.nonzero(
                (rank[:, None] < rank[None, :]) & there[:, None] & there[None, :]
            )
            gaps.append(seen[won] - seen[lost])
            owners.append(np.full(len(won), p))
            raters.append(np.full(len(won), votes.rater[row]))
    whole = np.concatenate(gaps)
    empty = np.zeros(0, np.int64)
    return Contrasts(
        whole, np.concatenate([empty, *owners]).astype(np.int64),
        np.concatenate([empty, *raters]).astype(np.int64),
    )  # fmt: skip


def logistic(gap: F64, group: I64) -> tuple[F64, F64]:
    """Return coefficients [F] and standard errors, clustered by `group`, of P(win) = s(gap b).

    Columns without variation, and data that one column separates, come out NaN.
    """
    size = gap.shape[1]
    beta, errors = np.full(size, np.nan), np.full(size, np.nan)
    use = np.flatnonzero(np.any(gap > 0, axis=0) & np.any(gap < 0, axis=0))
    if not len(use):
        return beta, errors
    x = gap[:, use]
    b = np.zeros(len(use))
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ b, -30, 30)))
        information = (x * (p * (1 - p))[:, None]).T @ x
        if np.linalg.cond(information) > 1e12:
            return beta, errors
        step = np.linalg.solve(information, x.T @ (1 - p))
        b += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            break
    else:
        return beta, errors
    p = 1 / (1 + np.exp(-np.clip(x @ b, -30, 30)))
    names, place = np.unique(group, return_inverse=True)
    scores = np.stack(
        [np.bincount(place, x[:, k] * (1 - p), len(names)) for k in range(len(use))], axis=1
    )
    bread = np.linalg.inv((x * (p * (1 - p))[:, None]).T @ x)
    meat = scores.T @ scores * (len(names) / max(len(names) - 1, 1))
    beta[use], errors[use] = b, np.sqrt(np.diag(bread @ meat @ bread))
    return beta, errors


def _share(wins: NDArray[np.bool_], group: I64, names: tuple[str, ...], seed: int) -> Interval:
    used, place = np.unique(group, return_inverse=True)
    sums = np.stack(
        [np.bincount(place, wins, len(used)), np.bincount(place, minlength=len(used))], axis=1
    ).astype(np.float64)
    keys = hashing.id_keys(names[p] for p in used)
    return bootstrap(lambda s: s[:, 0] / s[:, 1], sums, keys, len(wins), seed=seed, purpose="bias")


def bias(votes: Votes, found: Contrasts, *, seed: int = 0) -> tuple[Bias, ...]:
    """Return the bias of each feature, in the order of `FEATURES`."""
    beta, error = logistic(found.gap, found.prompt)
    none = Interval(np.nan, np.nan, np.nan, 0)
    out = []
    for k, feature in enumerate(FEATURES):
        differ = found.gap[:, k] != 0
        wins, group, rater = found.gap[differ, k] > 0, found.prompt[differ], found.rater[differ]
        by_rater = {
            votes.raters[r]: _share(wins[rater == r], group[rater == r], votes.book.prompts, seed)
            for r in np.unique(rater)
            if np.count_nonzero(rater == r) >= _LEAST_PAIRS
        }
        whole = _share(wins, group, votes.book.prompts, seed) if len(wins) else none
        ends = beta[k], beta[k] - 1.96 * error[k], beta[k] + 1.96 * error[k]
        low, middle, high = (float(np.exp(x)) for x in (ends[1], ends[0], ends[2]))
        out.append(Bias(feature, whole, (middle, low, high), by_rater))
    return tuple(out)


def slot_test(votes: Votes) -> tuple[dict[int, tuple[int, float]], float]:
    """Return, by slot, how often it held the single best answer and how often by chance; and p.

    Without position bias the best answer stands in any slot alike: chi-square, one row a ranking.
    """
    from scipy.stats import chisquare

    slots = int(votes.slot.max(initial=0))
    seen, expected = np.zeros(slots + 1), np.zeros(slots + 1)
    for row in range(len(votes)):
        part = slice(votes.first[row], votes.first[row + 1])
        slot, rank = votes.slot[part], votes.rank[part]
        shown = slot[(slot > 0) & (rank > 0)]
        best = slot[(rank == 1) & (slot > 0)]
        if len(best) == 1 and len(shown) > 1:
            seen[best[0]] += 1
            expected[shown] += 1 / len(shown)
    used = np.flatnonzero(expected)
    table = {int(s): (int(seen[s]), float(expected[s])) for s in used}
    if len(used) < 2:
        return table, np.nan
    return table, float(chisquare(seen[used], expected[used]).pvalue)
