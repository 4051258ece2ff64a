"""Rater against rater over all prompts: pairwise agreement, Kendall's tau-b and W.

Every two rankings of one prompt by two raters are compared on every two candidates that both
ranked. The 72.6 % and 77.3 % of InstructGPT (Ouyang et al. 2022, section 3.4) are such shares.
Ties: "strict" leaves out pairs that either rater tied; "half" counts a tie of one as half an
agreement and a tie of both as one. Limit: two answers of one rater to one prompt (a repeat, or a
later round) say how steady the rater is, not how far raters agree, and are counted apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpusforge import hashing
from corpusforge.annotate.agreement import alpha_interval
from corpusforge.annotate.intervals import Interval, bootstrap
from corpusforge.annotate.votes import Votes, mid_ranks
from corpusforge.text.arrays import I16, I32, I64
from corpusforge.text.jit import jit

__all__ = ["AGREE", "Agreement", "agreement", "compare", "counts", "shares"]

F64 = NDArray[np.float64]

SAME, OPPOSITE, ONE_TIED, BOTH_TIED, TAU, TAUS = range(6)
AGREE = ("same", "opposite", "one_tied", "both_tied", "tau_sum", "taus")
"""Columns of every table of counts here."""


@jit
def compare(rank: I16, first_a: int, first_b: int, size: int, out: F64) -> None:
    """Add to out[6] how two rankings of `size` candidates compare on the candidates of both."""
    same, opposite, tied_a, tied_b, tied_both = 0, 0, 0, 0, 0
    for i in range(size):
        if rank[first_a + i] == 0 or rank[first_b + i] == 0:
            continue
        for j in range(i + 1, size):
            if rank[first_a + j] == 0 or rank[first_b + j] == 0:
                continue
            a = int(rank[first_a + i]) - int(rank[first_a + j])
            b = int(rank[first_b + i]) - int(rank[first_b + j])
            if a == 0 and b == 0:
                tied_both += 1
            elif a == 0:
                tied_a += 1
            elif b == 0:
                tied_b += 1
            elif (a > 0) == (b > 0):
                same += 1
            else:
                opposite += 1
    out[0] += same
    out[1] += opposite
    out[2] += tied_a + tied_b
    out[3] += tied_both
    strict = same + opposite
    if strict + tied_a and strict + tied_b:
        out[4] += (same - opposite) / np.sqrt((strict + tied_a) * (strict + tied_b))
        out[5] += 1


@jit
def _compare_all(
    rows: I64, rater: I32, first: I64, rank: I16, by_prompt: F64, by_rater: F64, repeats: F64
) -> None:
    one = np.zeros(6)
    for p in range(len(rows) - 1):
        for a in range(rows[p], rows[p + 1]):
            for b in range(a + 1, rows[p + 1]):
                one[:] = 0
                compare(rank, first[a], first[b], first[a + 1] - first[a], one)
                if rater[a] == rater[b]:
                    repeats[rater[a]] += one
                else:
                    by_prompt[p] += one
                    by_rater[rater[a]] += one
                    by_rater[rater[b]] += one


@jit
def _concordance(rows: I64, first: I64, rank: I16, out: F64) -> None:
    """out[p] = Kendall's W over the candidates that every row of the prompt ranked, or NaN."""
    for p in range(len(rows) - 1):
        out[p] = np.nan
        m = rows[p + 1] - rows[p]
        if m < 2:
            continue
        size = first[rows[p] + 1] - first[rows[p]]
        use = np.ones(size, np.bool_)
        for a in range(rows[p], rows[p + 1]):
            for i in range(size):
                use[i] &= rank[first[a] + i] > 0
        k = use.sum()
        sums, ties = np.zeros(size), 0.0
        for a in range(rows[p], rows[p + 1]):
            for i in range(size):
                equal = 0
                for j in range(size):
                    if use[i] and use[j]:
                        other, mine = rank[first[a] + j], rank[first[a] + i]
                        sums[i] += 1.0 if other < mine else 0.5 if other == mine else 0.0
                        equal += other == mine
                if use[i]:
                    ties += equal * equal - 1  # summed over a tie of t: t (t² - 1)
        most = m * m * (k**3 - k) - m * ties
        if k > 1 and most > 0:
            middle = sums.sum() / k
            spread = 0.0
            for i in range(size):
                if use[i]:
                    spread += (sums[i] - middle) ** 2
            out[p] = 12 * spread / most


def counts(votes: Votes) -> tuple[F64, F64, F64]:
    """Return counts (columns `AGREE`) by prompt [P, 6], by rater [R, 6], and of repeats [R, 6].

    A pair of rankings counts for both of its raters.
    """
    by_prompt = np.zeros((len(votes.book.prompts), 6))
    by_rater = np.zeros((len(votes.raters), 6))
    repeats = np.zeros((len(votes.raters), 6))
    _compare_all(votes.rows, votes.rater, votes.first, votes.rank, by_prompt, by_rater, repeats)
    return by_prompt, by_rater, repeats


def shares(table: F64) -> dict[str, F64]:
    """Return strict agreement, agreement with ties half, and mean tau-b of counts [B, 6]."""
    same, opposite, one, both, tau, taus = table.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "strict": same / (same + opposite),
            "half": (same + both + one / 2) / (same + opposite + one + both),
            "tau_b": tau / taus,
        }


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of raters on rankings, with intervals by prompt.

    `strict` and `half` are shares of pairs; `alpha` is ordinal, of mid-ranks; `tau_b` the mean over
    pairs of rankings; `w` the mean over prompts; `ties` the share of pairs that a rater tied.
    """

    strict: Interval
    half: Interval
    tau_b: Interval
    w: Interval
    alpha: Interval
    ties: Interval


def _ratio(over: int, below: tuple[int, ...]) -> Any:
    def figure(sums: F64) -> F64:
        with np.errstate(divide="ignore", invalid="ignore"):
            return sums[:, over] / sums[:, list(below)].sum(axis=1)

    return figure


@jit
def _tied_pairs(rows: I64, first: I64, rank: I16, out: F64) -> None:
    """out[p] += (pairs tied, pairs ranked) over all rows of a prompt."""
    for p in range(len(rows) - 1):
        for a in range(rows[p], rows[p + 1]):
            for i in range(first[a], first[a + 1]):
                for j in range(i + 1, first[a + 1]):
                    if rank[i] and rank[j]:
                        out[p, 0] += rank[i] == rank[j]
                        out[p, 1] += 1


def agreement(votes: Votes, seed: int = 0) -> Agreement:
    """Return how far raters agree over all prompts; figures without data are NaN."""
    by_prompt, _, _ = counts(votes)
    keys = hashing.id_keys(votes.book.prompts)
    used = by_prompt[:, :4].sum(axis=1) > 0
    table, kept = by_prompt[used], keys[used]

    def shown(name: str, n: float) -> Interval:
        return bootstrap(lambda x: shares(x)[name], table, kept, int(n), seed=seed, purpose=name)

    w = np.empty(len(votes.book.prompts))
    _concordance(votes.rows, votes.first, votes.rank, w)
    there = ~np.isnan(w)
    means = np.stack([w[there], np.ones(int(there.sum()))], axis=1)
    tied = np.zeros((len(votes.book.prompts), 2))
    _tied_pairs(votes.rows, votes.first, votes.rank, tied)
    row = np.repeat(np.arange(len(votes)), np.diff(votes.first))
    prompt = votes.prompt[row].astype(np.int64)
    unit = votes.book.start[prompt] + np.arange(len(votes.rank)) - votes.first[row]
    total = table.sum(axis=0)
    return Agreement(
        strict=shown("strict", total[SAME] + total[OPPOSITE]),
        half=shown("half", total[:4].sum()),
        tau_b=shown("tau_b", total[TAUS]),
        w=bootstrap(_ratio(0, (1,)), means, keys[there], len(means), seed=seed, purpose="w"),
        alpha=alpha_interval(mid_ranks(votes), unit, prompt, keys, "ordinal", seed=seed),
        ties=bootstrap(
            _ratio(0, (1,)), tied, keys, int(tied[:, 1].sum()), seed=seed, purpose="ties"
        ),
    )
