"""One ranking a prompt from the rankings of several raters; ties kept, uncertainty stored.

`METHODS`: majority, borda, kemeny (scores are shares in [0, 1]), bradley_terry and plackett_luce
(centred log-strengths). Candidates with equal scores share a tier; those nobody ranked have tier
0. Standard errors: of the strengths from the observed information; of shares an upper bound, since
the mean of m values in [0, 1] with mean s varies by at most s (1 - s) / m (Bhatia and Davis 2000),
half a vote being added. Limit: with one rater an error says how little one rater settles, no more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge.annotate.bradley_terry import (
    bradley_terry_errors,
    fit_pairs,
    fit_rankings,
    plackett_luce_errors,
)
from corpusforge.annotate.pairwise import Duels, duels
from corpusforge.annotate.rank_aggregation import (
    KEMENY_MOST,
    fit_borda,
    fit_kemeny,
    fit_majority,
)
from corpusforge.annotate.votes import Votes
from corpusforge.errors import InputError, nearest

__all__ = ["METHODS", "Consensus", "consensus"]

F64 = NDArray[np.float64]

METHODS = ("borda", "bradley_terry", "kemeny", "majority", "plackett_luce")
PRIOR = 0.1
_EQUAL = 1e-6


@dataclass(frozen=True, slots=True)
class Consensus:
    """The aggregate of every prompt, aligned with `book.candidates` [C].

    `tier` from 1 (best), 0 where nobody ranked the candidate; `score` higher is better, NaN at
    tier 0; `error` its standard error; `rankings` [P] how many rankings it is from.
    """

    method: str
    prior: float
    tier: NDArray[np.int16]
    score: F64
    error: F64
    rankings: NDArray[np.int64]


def _tiers(score: F64) -> NDArray[np.int16]:
    """Tiers of one prompt's scores, best first; equal ones share a tier; NaN is 0."""
    tier = np.zeros(len(score), np.int16)
    order = np.argsort(-score, kind="stable")  # NaN sorts last
    current, last = 0, np.inf
    for place in order:
        value = score[place]
        if np.isnan(value):
            break
        current += last - value > _EQUAL
        tier[place], last = current, value
    return tier


def _share_errors(score: F64, rankings: int) -> F64:
    middle = (score * rankings + 0.5) / (rankings + 1)
    return np.sqrt(middle * (1 - middle) / (rankings + 1))


def _fit(
    votes: Votes, table: Duels, method: str, prior: float, worth: F64
) -> Callable[[int, F64], None]:
    """Return what writes the scores of prompt p into an array [K]."""
    shares = {"majority": fit_majority, "borda": fit_borda, "kemeny": fit_kemeny}

    def share(p: int, out: F64) -> None:
        wins, ties = table.tables(p, len(out))
        shares[method](wins, ties, out)

    def pairs(p: int, out: F64) -> None:
        wins, ties = table.tables(p, len(out))
        fit_pairs(wins + ties / 2, prior, out)

    def rankings(p: int, out: F64) -> None:
        low, high = votes.rows[p], votes.rows[p + 1]
        fit_rankings(votes.rank, votes.first, low, high, worth, prior, out)

    return {"bradley_terry": pairs, "plackett_luce": rankings}.get(method, share)


def _strength_errors(
    votes: Votes, table: Duels, found: Consensus, worth: F64, sizes: NDArray[np.int64]
) -> None:
    start = votes.book.start
    for size in np.unique(sizes[table.rankings > 0]):
        prompts = np.flatnonzero((sizes == size) & (table.rankings > 0))
        place = start[prompts][:, None] + np.arange(size)
        theta = np.nan_to_num(found.score[place])
        if found.method == "bradley_terry":
            cell = table.begin[prompts][:, None] + np.arange(size * size)
            wins = (table.wins[cell] + table.ties[cell] / 2).astype(np.float64)
            wins = wins.reshape(-1, size, size)
            found.error[place] = bradley_terry_errors(wins, theta, found.prior)
            continue
        for p, row in zip(prompts, place, strict=True):
            part = slice(votes.rows[p], votes.rows[p + 1])
            low, high = votes.first[part.start], votes.first[part.stop]
            ranks = votes.rank[low:high].reshape(-1, size)
            found.error[row] = plackett_luce_errors(
                ranks, found.score[row], found.prior, worth[part]
            )


def consensus(
    votes: Votes,
    method: str = "bradley_terry",
    *,
    prior: float = PRIOR,
    weights: F64 | None = None,
) -> Consensus:
    """Return the aggregate of every prompt by `method`; raises InputError for an unknown method.

    `weights` [n] is one a ranking (rater reliability); `prior` is of the two strength models and
    must be above 0 for their scores to be finite.
    """
    if method not in METHODS:
        raise InputError(f"aggregation {method!r} is unknown.{nearest(method, METHODS)}")
    sizes = np.diff(votes.book.start)
    if method == "kemeny" and sizes.max(initial=0) > KEMENY_MOST:
        raise InputError(f"kemeny: a prompt has {sizes.max()} candidates, at most {KEMENY_MOST}.")
    worth = np.ones(len(votes)) if weights is None else np.asarray(weights, np.float64)
    table = duels(votes, worth)
    size = len(votes.book.candidates)
    found = Consensus(
        method, prior, np.zeros(size, np.int16), np.full(size, np.nan), np.full(size, np.nan),
        table.rankings,
    )  # fmt: skip
    write = _fit(votes, table, method, prior, worth)
    ranked = _ranked(votes)
    for p in np.flatnonzero(table.rankings):
        low, high = votes.book.start[p], votes.book.start[p + 1]
        out = found.score[low:high]
        write(int(p), out)
        if method not in ("bradley_terry", "plackett_luce"):
            found.error[low:high] = _share_errors(out, int(table.rankings[p]))
    if method in ("bradley_terry", "plackett_luce"):
        _strength_errors(votes, table, found, worth, sizes)
    unranked = ~ranked | np.repeat(table.rankings == 0, sizes)
    found.score[unranked] = np.nan
    found.error[unranked] = np.nan
    for p in np.flatnonzero(table.rankings):
        low, high = votes.book.start[p], votes.book.start[p + 1]
        found.tier[low:high] = _tiers(found.score[low:high])
    return found


def _ranked(votes: Votes) -> NDArray[np.bool_]:
    """Whether any rater ranked each candidate [C]."""
    row = np.repeat(np.arange(len(votes)), np.diff(votes.first))
    place = votes.book.start[votes.prompt[row]] + np.arange(len(votes.rank)) - votes.first[row]
    out = np.zeros(len(votes.book.candidates), bool)
    out[place[votes.rank > 0]] = True
    return out
