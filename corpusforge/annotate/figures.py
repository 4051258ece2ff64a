"""Every figure of a labelling job, from what has been answered so far.

One call for the report and for `figures.json`; all parts stand in modules of their own. A job half
answered gives figures with wide intervals, a job without answers none at all: neither is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from corpusforge.annotate.bias import Bias, bias, contrasts, slot_test
from corpusforge.annotate.compare import Agreement, agreement
from corpusforge.annotate.criteria import Criterion, criteria
from corpusforge.annotate.intervals import Interval
from corpusforge.annotate.leaderboard import Standing, elo, standings
from corpusforge.annotate.raters import Limits, Rater, rater_table
from corpusforge.annotate.records import Ranking, Refused, Task
from corpusforge.annotate.rounds import Drift, Round, drift
from corpusforge.annotate.votes import Votes, votes_of
from corpusforge.io import files

__all__ = ["Figures", "Progress", "figures", "write_figures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job is: tasks, answered ones, answers, by rater (answered, tasks)."""

    tasks: int
    answered: int
    answers: int
    raters: dict[str, tuple[int, int]]
    refused: dict[str, int]
    left_out: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All figures of a job or of several rounds. `elo` is by round and model."""

    name: str
    progress: Progress
    prompts: int
    prompts_ranked: int
    rankings: int
    agreement: Agreement
    criteria: tuple[Criterion, ...]
    raters: tuple[Rater, ...]
    bias: tuple[Bias, ...]
    bias_prompts: int
    slots: dict[int, tuple[int, float]]
    slots_p: float
    standings: tuple[Standing, ...]
    elo: dict[int, dict[str, float]] = field(default_factory=dict)
    drift: tuple[Drift, ...] = ()
    sizes: dict[int, int] = field(default_factory=dict)


def _progress(
    tasks: Mapping[str, Task],
    rankings: Sequence[Ranking],
    refused: Iterable[Refused],
    left_out: dict[str, int],
) -> Progress:
    done = {row.task for row in rankings}
    asked: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    for name, task in tasks.items():
        asked[task.rater] += 1
        answered[task.rater] += name in done
    return Progress(
        tasks=len(tasks),
        answered=sum(answered.values()),
        answers=len(rankings),
        raters={name: (answered[name], asked[name]) for name in sorted(asked)},
        refused=dict(sorted(Counter(row.rule for row in refused).items())),
        left_out=left_out,
    )


def figures(
    tasks: Mapping[str, Task],
    rankings: Sequence[Ranking],
    *,
    name: str = "",
    flags: Sequence[str] | None = None,
    refused: Iterable[Refused] = (),
    rounds: Sequence[Round] = (),
    limits: Limits | None = None,
    unconfirmed: bool = False,
    seed: int = 0,
    votes: Votes | None = None,
) -> Figures:
    """Return the figures; `flags` are the job's, `rounds` those that `tasks` were merged from."""
    numbers = {row.job: row.number for row in rounds}
    if votes is None:
        votes = votes_of(tasks, rankings, unconfirmed=unconfirmed, rounds=numbers)
    pairs = contrasts(votes, tasks, seed=seed)
    slots, slots_p = slot_test(votes)
    models = standings(votes, seed=seed)
    by_round: dict[int, dict[str, float]] = {}
    if models and len(set(votes.round.tolist())) > 1:
        names, mean, _ = elo(votes, seed=seed)
        by_round = {n: dict(zip(names, row.tolist(), strict=True)) for n, row in mean.items()}
    sizes = np.diff(votes.book.start)
    return Figures(
        name=name,
        progress=_progress(tasks, rankings, refused, votes.left_out),
        prompts=len(votes.book.prompts),
        prompts_ranked=int((np.diff(votes.rows) > 0).sum()),
        rankings=len(votes),
        agreement=agreement(votes, seed),
        criteria=criteria(rankings, flags, seed=seed),
        raters=rater_table(votes, rankings, tasks, limits),
        bias=bias(votes, pairs, seed=seed),
        bias_prompts=len(np.unique(pairs.prompt)),
        slots=slots,
        slots_p=slots_p,
        standings=models,
        elo=by_round,
        drift=drift(rounds, seed=seed) if len(rounds) > 1 else (),
        sizes={int(k): int(n) for k, n in zip(*np.unique(sizes, return_counts=True), strict=True)},
    )


def _plain(value: Any) -> Any:
    """JSON's types: intervals as rows, NaN as null, keys as text."""
    if isinstance(value, Interval):
        return value.row()
    if isinstance(value, float):
        return None if np.isnan(value) or np.isinf(value) else round(float(value), 6)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {key: _plain(getattr(value, key)) for key in value.__dataclass_fields__}
    return value


def write_figures(found: Figures, path: str) -> None:
    """Write the figures as JSON."""
    body = msgspec.json.format(msgspec.json.encode(_plain(found)), indent=1)
    files.write_bytes(path, body + b"\n")
