"""Rounds of labelling: merged into one set of rankings, and compared for drift.

Round n + 1 asks anew, partly about the same prompts, of better models. Merging keeps every answer;
where one rater ranked the same answers to a prompt again, the later one stands for training and the
earlier is named as superseded. Drift is what changed between two rounds: agreement on answers that
both ranked, the share of ties, the time a task took, and each scale's distribution (two-sample
Kolmogorov–Smirnov distance; Smirnov 1939). Limit: where no prompt is asked twice, drift of raters
and of material cannot be told apart, and the report shows no agreement.
"""

from __future__ import annotations

import itertools
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from corpusforge import hashing
from corpusforge.annotate.compare import compare, shares
from corpusforge.annotate.intervals import Interval, bootstrap
from corpusforge.annotate.records import Ranking, Task
from corpusforge.annotate.votes import Votes, votes_of
from corpusforge.errors import InputError
from corpusforge.text.arrays import I16, I32, I64, Bools
from corpusforge.text.jit import jit

__all__ = ["Drift", "Merged", "Round", "Shift", "drift", "merge"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round: its number from 1, the job's id and checksum, its tasks and answers."""

    number: int
    job: str
    checksum: str
    tasks: Mapping[str, Task]
    rankings: Sequence[Ranking]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """All rounds as one: tasks by id, rankings that stand, round by job id.

    `superseded` are (task, rater) of answers that a later round replaced; `versions` names each
    round's job and checksum.
    """

    tasks: Mapping[str, Task]
    rankings: tuple[Ranking, ...]
    rounds: dict[str, int]
    superseded: tuple[tuple[str, str], ...]
    versions: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """A scale in two rounds: means, ratings, Kolmogorov–Smirnov distance and its p-value."""

    name: str
    before: float
    after: float
    ratings: tuple[int, int]
    distance: float
    p: float


@dataclass(frozen=True, slots=True)
class Drift:
    """Round `before` against round `after`.

    `repeated` prompts were ranked in both; `strict` and `tau_b` are agreement between rounds on
    them. `ties` and `seconds` are (before, after): share of tied pairs, median lead time.
    """

    before: int
    after: int
    repeated: int
    strict: Interval
    tau_b: Interval
    ties: tuple[float, float]
    seconds: tuple[float, float]
    shifts: tuple[Shift, ...]


def merge(rounds: Sequence[Round]) -> Merged:
    """Return the rounds as one; raises InputError where a number or a task is there twice."""
    ordered = sorted(rounds, key=lambda row: row.number)
    numbers: dict[str, int] = {}
    for one in ordered:
        if one.number in numbers.values() or one.job in numbers:
            raise InputError(f"round {one.number} (job {one.job}) is given twice. Give each once.")
        numbers[one.job] = one.number
    standing: dict[tuple[object, ...], tuple[int, list[Ranking]]] = {}
    superseded: list[tuple[str, str]] = []
    for one in ordered:
        for row in one.rankings:
            shown = tuple(sorted(c.id for c in one.tasks[row.task].candidates))
            key = (row.prompt, row.rater, row.annotator_kind, shown)
            number, held = standing.get(key, (one.number, []))
            if number < one.number:
                superseded += [(old.task, old.rater) for old in held]
                held = []
            held.append(row)
            standing[key] = (one.number, held)
    tasks = ChainMap(*(cast(Any, one.tasks) for one in reversed(ordered)))
    if len(tasks) != sum(len(one.tasks) for one in ordered):
        raise InputError("two rounds hold the same task. A round is exported once.")
    return Merged(
        tasks=tasks,
        rankings=tuple(row for _, held in standing.values() for row in held),
        rounds=numbers,
        superseded=tuple(superseded),
        versions=tuple((one.number, one.job, one.checksum) for one in ordered),
    )


@jit
def _between(
    rows: I64, turn: I32, first: I64, rank: I16, before: int, after: int, out: F64
) -> None:
    for p in range(len(rows) - 1):
        for a in range(rows[p], rows[p + 1]):
            for b in range(rows[p], rows[p + 1]):
                if turn[a] == before and turn[b] == after:
                    compare(rank, first[a], first[b], first[a + 1] - first[a], out[p])


@jit
def _ties(first: I64, rank: I16, use: Bools, out: F64) -> None:
    """out = (pairs tied, pairs ranked) over the rows in use."""
    for a in range(len(first) - 1):
        if use[a]:
            for i in range(first[a], first[a + 1]):
                for j in range(i + 1, first[a + 1]):
                    if rank[i] and rank[j]:
                        out[0] += rank[i] == rank[j]
                        out[1] += 1


def _tied(votes: Votes, number: int) -> float:
    out = np.zeros(2)
    _ties(votes.first, votes.rank, votes.round == number, out)
    return float(out[0] / out[1]) if out[1] else np.nan


def _median(votes: Votes, number: int) -> float:
    seconds = votes.seconds[(votes.round == number) & (votes.seconds > 0)]
    return float(np.median(seconds)) if len(seconds) else np.nan


def _scales(one: Round) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in one.rankings:
        for rating in row.ratings:
            for name, value in rating.scores:
                found.setdefault(name, []).append(value)
    return found


def _shifts(before: Round, after: Round) -> tuple[Shift, ...]:
    from scipy.stats import ks_2samp

    one, two = _scales(before), _scales(after)
    rows = []
    for name in sorted(one.keys() & two.keys()):
        test = ks_2samp(one[name], two[name], method="asymp")
        means = float(np.mean(one[name])), float(np.mean(two[name]))
        sizes = len(one[name]), len(two[name])
        rows.append(Shift(name, *means, sizes, float(test.statistic), float(test.pvalue)))
    return tuple(rows)


def _change(votes: Votes, before: Round, after: Round, seed: int) -> Drift:
    table = np.zeros((len(votes.book.prompts), 6))
    _between(votes.rows, votes.round, votes.first, votes.rank, before.number, after.number, table)
    used = table[:, :4].sum(axis=1) > 0
    keys = hashing.id_keys(np.array(votes.book.prompts, dtype=object)[used])
    total = table.sum(axis=0)

    def shown(name: str, n: float) -> Interval:
        return bootstrap(lambda s: shares(s)[name], table[used], keys, int(n), seed=seed)

    return Drift(
        before=before.number,
        after=after.number,
        repeated=int(used.sum()),
        strict=shown("strict", total[0] + total[1]),
        tau_b=shown("tau_b", total[5]),
        ties=(_tied(votes, before.number), _tied(votes, after.number)),
        seconds=(_median(votes, before.number), _median(votes, after.number)),
        shifts=_shifts(before, after),
    )


def drift(rounds: Sequence[Round], *, seed: int = 0) -> tuple[Drift, ...]:
    """Return the drift between each round and the next, from all answers, superseded ones too."""
    ordered = sorted(rounds, key=lambda row: row.number)
    merged = merge(ordered)
    rankings = [row for one in ordered for row in one.rankings]
    votes = votes_of(merged.tasks, rankings, rounds=merged.rounds)
    return tuple(
        _change(votes, before, after, seed) for before, after in itertools.pairwise(ordered)
    )
