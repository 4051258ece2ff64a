"""Which rater gets which task: balanced, the same for ever for the same items and raters.

Each item goes to the least loaded raters of its language, ties broken by a hash of item and rater,
so raters with the same languages differ by one task at most. Known items (gold) stand at drawn
places among the others; qualification items come first, to everyone. Each rater has an order of
candidates of his own, drawn by hash. Limit: items are taken as they stream, so a rater who joins
later belongs to a later job.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from corpusforge import hashing
from corpusforge.annotate.candidates import Item
from corpusforge.annotate.jobs import task_id
from corpusforge.annotate.records import Candidate, JobKind, Task
from corpusforge.annotate.settings import AssignSettings
from corpusforge.errors import InputError

__all__ = ["Rater", "assign", "overlap_of"]


@dataclass(frozen=True, slots=True)
class Rater:
    """A pseudonym and the languages its owner reads; none means all."""

    id: str
    languages: tuple[str, ...] = ()

    def reads(self, language: str) -> bool:
        """Whether this rater can judge a text of the language ("und" and "": anyone)."""
        return not self.languages or language in ("", "und") or language in self.languages


@dataclass(slots=True)
class _Desk:
    """One rater's work while it is handed out."""

    rater: Rater
    load: int = 0
    batched: int = 0
    gold: Iterator[Item] = field(default_factory=lambda: iter(()))
    gold_at: int = -1


@dataclass(frozen=True, slots=True)
class _Plan:
    job: str
    kind: JobKind
    seed: int
    settings: AssignSettings
    overlap: int


def overlap_of(settings: AssignSettings, raters: int) -> int:
    """Return how many raters see a prompt: as set, at most all; by default all, at most three."""
    return min(settings.overlap or 3, raters)


def assign(
    items: Iterable[Item],
    raters: Sequence[Rater],
    job: str,
    kind: JobKind,
    settings: AssignSettings,
    seed: int,
    *,
    gold: Sequence[Item] = (),
    qualification: Sequence[Item] = (),
) -> Iterator[Task]:
    """Yield every task, streamed: qualification items first, then the items in order.

    An item nobody can read raises InputError: name a rater of that language, or filter the pool.
    """
    if not raters:
        raise InputError("no raters. Give --raters N or a file with one name a line.")
    plan = _Plan(job, kind, seed, settings, overlap_of(settings, len(raters)))
    desks = [_Desk(rater, gold=_gold_for(rater, gold, seed)) for rater in raters]
    for desk in desks:
        readable = [item for item in qualification if desk.rater.reads(item.prompt.language)]
        for item in readable:
            yield from _tasks(item, desk, plan, qualification=True)
        _place_gold(desk, plan)
    for item in items:
        for desk in _choose(item, desks, plan):
            yield from _tasks(item, desk, plan)
            desk.load += 1
            if desk.load == desk.gold_at:
                known = next(desk.gold, None)
                if known is not None:
                    yield from _tasks(known, desk, plan)
                    _place_gold(desk, plan)


def _gold_for(rater: Rater, gold: Sequence[Item], seed: int) -> Iterator[Item]:
    mine = [item for item in gold if rater.reads(item.prompt.language)]
    return iter(
        sorted(mine, key=lambda i: hashing.word64(seed, "annotate.gold", rater.id, i.prompt.id))
    )


def _place_gold(desk: _Desk, plan: _Plan) -> None:
    """Draw after which task of the next stretch (1 / ratio tasks long) the known item stands."""
    if plan.settings.gold_ratio:
        length = max(1, round(1 / plan.settings.gold_ratio) - 1)
        first = -(-desk.load // length) * length
        place = hashing.word64(plan.seed, "annotate.gold_at", desk.rater.id, first) % length
        desk.gold_at = max(first + place, desk.load) + 1


def _choose(item: Item, desks: list[_Desk], plan: _Plan) -> list[_Desk]:
    able = [desk for desk in desks if desk.rater.reads(item.prompt.language)]
    if not able:
        raise InputError(
            f"prompt {item.prompt.id} is in {item.prompt.language!r}, which no rater reads. "
            "Add a rater of that language, or keep other languages out with --languages."
        )
    share = plan.settings.overlap_ratio
    several = share >= 1 or (
        hashing.uniform(hashing.id_keys([item.prompt.id]), plan.seed, "annotate.overlap")[0] < share
    )
    seed, prompt = plan.seed, item.prompt.id
    return heapq.nsmallest(
        plan.overlap if several else 1,
        able,
        key=lambda desk: (
            desk.load,
            hashing.word64(seed, "annotate.rater", prompt, desk.rater.id),
        ),
    )


def _tasks(item: Item, desk: _Desk, plan: _Plan, *, qualification: bool = False) -> Iterator[Task]:
    """Yield one rater's task(s) on an item: all answers, each pair of them, or each alone."""
    for candidates in _shown(item.candidates, plan.kind):
        ids = tuple(candidate.id for candidate in candidates)
        tiers = tuple(
            kept for tier in item.tiers if (kept := tuple(name for name in tier if name in ids))
        )
        if qualification:
            batch = f"{desk.rater.id}-qualification"
        else:
            batch = f"{desk.rater.id}-{desk.batched // plan.settings.batch_size + 1:04}"
            desk.batched += 1
        name = task_id(plan.job, item.prompt.id, ids, desk.rater.id)
        yield Task(
            id=name,
            job=plan.job,
            kind=plan.kind,
            prompt=item.prompt,
            candidates=candidates,
            presented_order=_order(ids, name, plan.seed),
            rater=desk.rater.id,
            batch=batch,
            gold=tiers,
            qualification=qualification,
        )


def _shown(candidates: tuple[Candidate, ...], kind: JobKind) -> Iterator[tuple[Candidate, ...]]:
    if kind == "pairwise":
        yield from itertools.combinations(candidates, 2)
    elif kind == "rating":
        yield from ((candidate,) for candidate in candidates)
    else:
        yield candidates


def _order(ids: tuple[str, ...], task: str, seed: int) -> tuple[str, ...]:
    """Return the ids as this task shows them, drawn by hash."""
    values = hashing.uniform(
        hashing.id_keys(ids), hashing.word64(seed, task), "annotate.order"
    ).tolist()
    return tuple(name for _, name in sorted(zip(values, ids, strict=True)))
