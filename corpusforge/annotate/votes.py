"""Rankings as arrays: what every figure, aggregate and export of the annotation journey is made from.

A ranking becomes one row of small integers aligned with its prompt's candidates (0: not ranked by
this rater), so that agreement and aggregation of a million rankings are loops over arrays, not over
objects. Rows lie sorted by (prompt, rater, task): the order of import never shows. Limit: answers
"cannot rank", unconfirmed ones (by default) and answers without tiers are left out and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge.annotate.records import Ranking, Task
from corpusforge.errors import InputError

__all__ = ["Book", "Votes", "book_of", "mid_ranks", "votes_of"]

I16 = NDArray[np.int16]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Book:
    """The prompts of one or several jobs and their candidates, each once, by prompt id.

    `start` [P + 1] tells where a prompt's candidates begin in `candidates` and `models` [C].
    `sources` [P] are ids of tasks that together show all of a prompt's candidates.
    """

    prompts: tuple[str, ...]
    candidates: tuple[str, ...]
    models: tuple[str, ...]
    start: I64
    sources: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Votes:
    """All usable rankings, sorted by (prompt, rater, task); n rows.

    `prompt`, `rater` and `round` [n] are numbers (of `book.prompts`, of `raters`, the job's round);
    `tasks` [n] their ids; `first` [n + 1] where a row begins in `rank` (tier from 1, 0: not
    ranked) and `slot` (place shown from 1, 0: not shown); `rows` [P + 1] where a prompt's rows
    begin; `seconds` [n] lead times (0: not known). `left_out` counts rankings by why.
    """

    book: Book
    raters: tuple[str, ...]
    tasks: tuple[str, ...]
    prompt: I32
    rater: I32
    round: I32
    human: NDArray[np.bool_]
    seconds: F64
    first: I64
    rank: I16
    slot: I16
    rows: I64
    left_out: dict[str, int]

    def __len__(self) -> int:
        return len(self.tasks)


def book_of(tasks: Iterable[Task]) -> Book:
    """Return the prompts of the tasks, sorted by id, candidates by id; tasks of one prompt unite."""
    models: dict[str, dict[str, str]] = {}
    sources: dict[str, list[str]] = {}
    for task in tasks:
        known = models.setdefault(task.prompt.id, {})
        named = sources.setdefault(task.prompt.id, [])
        if not named or any(c.id not in known for c in task.candidates):
            known.update((c.id, c.model) for c in task.candidates)
            named.append(task.id)
    prompts = tuple(sorted(models))
    sizes = [len(models[name]) for name in prompts]
    ordered = [sorted(models[name].items()) for name in prompts]
    return Book(
        prompts,
        tuple(candidate for rows in ordered for candidate, _ in rows),
        tuple(model for rows in ordered for _, model in rows),
        np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64),
        tuple(tuple(sources[name]) for name in prompts),
    )


def _excluded(ranking: Ranking, unconfirmed: bool) -> str:
    """Why a ranking is no vote; "" where it is one."""
    if ranking.cannot_rank:
        return "cannot_rank"
    if not ranking.tiers:
        return "no_ranking"
    return "" if ranking.confirmed or unconfirmed else "unconfirmed"


def _fill(ranking: Ranking, task: Task, places: Mapping[str, int], rank: I16, slot: I16) -> None:
    for tier, ids in enumerate(ranking.tiers, 1):
        for name in ids:
            rank[places[name]] = tier
    for place, name in enumerate(task.presented_order, 1):
        slot[places[name]] = place


def _task_of(ranking: Ranking, tasks: Mapping[str, Task]) -> Task:
    try:
        return tasks[ranking.task]
    except KeyError:
        raise InputError(
            f"ranking of task {ranking.task!r} by {ranking.rater!r}: the job has no such task. "
            "Import it with the job that it was made for."
        ) from None


def votes_of(
    tasks: Mapping[str, Task],
    rankings: Iterable[Ranking],
    *,
    unconfirmed: bool = False,
    rounds: Mapping[str, int] | None = None,
    book: Book | None = None,
) -> Votes:
    """Return the votes among `rankings`; `rounds` tells a job's round by its id (else 0).

    Raises InputError where a ranking's task is not in `tasks`. Tiers must name candidates of the
    task: import has checked that.
    """
    book = book or book_of(tasks.values())
    number = {name: place for place, name in enumerate(book.prompts)}
    left_out: Counter[str] = Counter()
    kept: list[Ranking] = []
    for ranking in rankings:
        why = _excluded(ranking, unconfirmed)
        if why:
            left_out[why] += 1
        else:
            kept.append(ranking)
    kept.sort(key=lambda row: (row.prompt, row.rater, row.task))
    raters = tuple(sorted({row.rater for row in kept}))
    rater = {name: place for place, name in enumerate(raters)}
    prompt = np.array([number[row.prompt] for row in kept], dtype=np.int32)
    sizes = np.diff(book.start)[prompt]
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    rank, slot = np.zeros(first[-1], np.int16), np.zeros(first[-1], np.int16)
    round_ = np.zeros(len(kept), np.int32)
    places: dict[str, int] = {}
    for n, row in enumerate(kept):
        if n == 0 or prompt[n] != prompt[n - 1]:
            low, high = book.start[prompt[n]], book.start[prompt[n] + 1]
            places = {name: k for k, name in enumerate(book.candidates[low:high])}
        task = _task_of(row, tasks)
        round_[n] = (rounds or {}).get(task.job, 0)
        _fill(row, task, places, rank[first[n] : first[n + 1]], slot[first[n] : first[n + 1]])
    return Votes(
        book=book,
        raters=raters,
        tasks=tuple(row.task for row in kept),
        prompt=prompt,
        rater=np.array([rater[row.rater] for row in kept], dtype=np.int32),
        round=round_,
        human=np.array([row.annotator_kind == "human" for row in kept], dtype=bool),
        seconds=np.array([row.lead_time for row in kept], dtype=np.float64),
        first=first,
        rank=rank,
        slot=slot,
        rows=np.searchsorted(prompt, np.arange(len(book.prompts) + 1)).astype(np.int64),
        left_out=dict(sorted(left_out.items())),
    )


def mid_ranks(votes: Votes) -> F64:
    """Return, aligned with `rank`, the mean place of each candidate's tier; NaN where not ranked.

    Tiers [1, 1, 2] are places [1.5, 1.5, 3]: comparable between raters who tie and who do not.
    """
    row = np.repeat(np.arange(len(votes)), np.diff(votes.first))
    top = int(votes.rank.max(initial=0)) + 1
    count = np.bincount(row * top + votes.rank, minlength=len(votes) * top)
    count = count.reshape(len(votes), top).astype(np.float64)
    count[:, :1] = 0
    middle = np.cumsum(count, axis=1) - (count - 1) / 2
    placed = middle[row, votes.rank]
    return np.where(votes.rank > 0, placed, np.nan)
