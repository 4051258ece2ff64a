"""The rater table: how much, how fast, how steadily, how near to the others and to gold answers.

Too fast is more than four times silent reading, 238 words per minute (Brysbaert 2019): a word is six
characters with its space, or 1.6 Han characters. The order shown is the order chosen in one of K!
tasks by chance, so its share has a test; so has the commonest order. Limit: these are signs that
someone should look, not verdicts; tests assume that the order shown was shuffled.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpusforge.annotate.compare import counts, shares
from corpusforge.annotate.records import Ranking, Task
from corpusforge.annotate.votes import Votes
from corpusforge.text.arrays import I16, I32, I64
from corpusforge.text.jit import jit

__all__ = ["Limits", "Rater", "gold_pairs", "leave_one_out", "rater_table", "reading_words"]

F64 = NDArray[np.float64]
_WORDS_A_SECOND = 238 / 60
_FASTER = 4
_HAN = re.compile(r"[㐀-鿿豈-﫿぀-ヿ]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on a rater is marked."""

    least: int = 10
    """Rankings below which nobody is marked."""
    fast: float = 0.2
    """Share of tasks answered faster than the texts can be read."""
    chance: float = 0.001
    """Probability below which the order shown, or one order, came too often."""
    straight: float = 0.5
    """Share of tasks where all answers got the same scores."""
    gold: float = 0.7
    """Share of gold pairs put in the expected order."""
    tau: float = 0.1
    """Mean tau-b to the others' consensus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rater:
    """One row of the table; NaN where there is nothing to tell. Shares are in [0, 1]."""

    name: str
    kind: str
    rankings: int
    cannot_rank: int = 0
    unconfirmed: int = 0
    demonstrations: int = 0
    median_seconds: float = math.nan
    fast: float = math.nan
    ties: float = math.nan
    shown_order: float = math.nan
    shown_order_p: float = math.nan
    same_order: float = math.nan
    same_order_p: float = math.nan
    straight: float = math.nan
    agreement: float = math.nan
    tau: float = math.nan
    consensus_tau: float = math.nan
    gold_items: int = 0
    gold: float = math.nan
    repeats: int = 0
    steady: float = math.nan
    marks: tuple[str, ...] = field(default=())


def reading_words(text: str) -> float:
    """Return about how many words a text has to be read: characters / 6, Han characters / 1.6."""
    if text.isascii():
        return len(text) / 6
    han = len(_HAN.findall(text))
    return han / 1.6 + (len(text) - han) / 6


@jit
def _leave_one_out(rows: I64, rater: I32, first: I64, rank: I16, out: F64) -> None:
    """out[row] = tau-b of a row with the summed places of the other raters' rows, or NaN."""
    for p in range(len(rows) - 1):
        for a in range(rows[p], rows[p + 1]):
            out[a] = np.nan
            size = first[a + 1] - first[a]
            margin = np.zeros((size, size))
            for b in range(rows[p], rows[p + 1]):
                if rater[b] == rater[a]:
                    continue
                for i in range(size):
                    for j in range(size):
                        x, y = int(rank[first[b] + i]), int(rank[first[b] + j])
                        if x and y:
                            margin[i, j] += (x < y) - (x > y)
            score = margin.sum(axis=1)
            both, own, others = 0.0, 0, 0
            for i in range(size):
                for j in range(i + 1, size):
                    x, y = int(rank[first[a] + i]), int(rank[first[a] + j])
                    if x and y:
                        mine, theirs = np.sign(y - x), np.sign(score[i] - score[j])
                        both += mine * theirs
                        own += mine != 0
                        others += theirs != 0
            if own and others:
                out[a] = both / np.sqrt(own * others)


def leave_one_out(votes: Votes) -> F64:
    """Return tau-b of each ranking [n] with the Borda order of the other raters; NaN without any."""
    out = np.full(len(votes), np.nan)
    _leave_one_out(votes.rows, votes.rater, votes.first, votes.rank, out)
    return out


def gold_pairs(ranking: Ranking, gold: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Return (gold pairs put in the expected strict order, gold pairs)."""
    place = {name: tier for tier, ids in enumerate(ranking.tiers) for name in ids}
    right = whole = 0
    for k, better in enumerate(gold):
        for one in better:
            for two in (name for tier in gold[k + 1 :] for name in tier):
                whole += 1
                right += one in place and (two not in place or place[one] < place[two])
    return right, whole


def _orders(votes: Votes, rows: NDArray[np.int64], size: int) -> tuple[int, Counter[bytes]]:
    """Strict full rankings of `size` answers among the rows: how many, and each order by slot."""
    found: Counter[bytes] = Counter()
    for row in rows:
        part = slice(votes.first[row], votes.first[row + 1])
        rank, slot = votes.rank[part], votes.slot[part]
        if len(rank) == size and rank.min() > 0 and slot.min() > 0 and rank.max() == size:
            found[rank[np.argsort(slot)].tobytes()] += 1
    return found.total(), found


def _order_signs(votes: Votes, rows: NDArray[np.int64]) -> dict[str, float]:
    from scipy.stats import binom

    whole = shown = common = 0
    chance = same = 0.0
    for size in np.unique(np.diff(votes.first)[rows]):
        n, orders = _orders(votes, rows, int(size))
        if size < 3 or not n:
            continue
        whole += n
        chance += n / math.factorial(size)
        shown += orders[np.arange(1, size + 1, dtype=np.int16).tobytes()]
        top = max(orders.values())
        tail = binom.sf(top - 1, n, 1 / math.factorial(size)) * math.factorial(size)
        if top > common:
            common, same = top, min(1.0, float(tail))
    if not whole:
        return {}
    # a mean chance is the careful one: a sum of unequal trials spreads less than a binomial
    p = float(binom.sf(shown - 1, whole, chance / whole))
    return {
        "shown_order": shown / whole,
        "shown_order_p": p,
        "same_order": common / whole,
        "same_order_p": same,
    }


def _times(
    rankings: Sequence[Ranking], tasks: Mapping[str, Task], load: dict[str, float]
) -> dict[str, float]:
    timed = [row for row in rankings if row.lead_time > 0]
    if not timed:
        return {}
    fast = 0
    for row in timed:
        if row.prompt not in load:
            task = tasks[row.task]
            texts = [m.content for m in task.prompt.messages] + [c.text for c in task.candidates]
            load[row.prompt] = sum(map(reading_words, texts))
        fast += load[row.prompt] / row.lead_time > _FASTER * _WORDS_A_SECOND
    middle = float(np.median([row.lead_time for row in timed]))
    return {"median_seconds": middle, "fast": fast / len(timed)}


def _straight(rankings: Iterable[Ranking]) -> float:
    """Share of tasks with three rated answers or more where all of them got the same scores."""
    same = whole = 0
    for row in rankings:
        scores = [rating.scores for rating in row.ratings if rating.scores]
        if len(scores) >= 3:
            whole += 1
            same += len(set(scores)) == 1
    return same / whole if whole else math.nan


def _gold(rankings: Iterable[Ranking], tasks: Mapping[str, Task]) -> tuple[int, float]:
    right = whole = items = 0
    for row in rankings:
        gold = tasks[row.task].gold
        if gold and not row.cannot_rank and row.tiers:
            good, every = gold_pairs(row, gold)
            right, whole, items = right + good, whole + every, items + 1
    return items, right / whole if whole else math.nan


def _marks(row: dict[str, Any], limits: Limits) -> tuple[str, ...]:
    if row["rankings"] < limits.least:
        return ()
    low = {"gold": limits.gold, "consensus_tau": limits.tau}
    high = {"fast": limits.fast, "straight": limits.straight}
    rare = ("shown_order_p", "same_order_p")
    found = [name for name, bound in high.items() if row.get(name, math.nan) > bound]
    found += [name for name in rare if row.get(name, math.nan) < limits.chance]
    found += [name for name, bound in low.items() if row.get(name, math.nan) < bound]
    return tuple(name.removesuffix("_p") for name in found)


def _mean(values: F64) -> float:
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else math.nan


def rater_table(
    votes: Votes,
    rankings: Iterable[Ranking],
    tasks: Mapping[str, Task],
    limits: Limits | None = None,
) -> tuple[Rater, ...]:
    """Return one row per rater, by name, with the marks that `limits` give."""
    answers: dict[str, list[Ranking]] = {}
    for ranking in rankings:
        answers.setdefault(ranking.rater, []).append(ranking)
    number = {name: place for place, name in enumerate(votes.raters)}
    _, by_rater, repeats = counts(votes)
    figures, again, near = shares(by_rater), shares(repeats), leave_one_out(votes)
    load: dict[str, float] = {}
    table = []
    for name, own in sorted(answers.items()):
        row: dict[str, Any] = {
            "cannot_rank": sum(x.cannot_rank for x in own),
            "unconfirmed": sum(not x.confirmed for x in own),
            "demonstrations": sum(bool(x.text.strip()) for x in own),
            "straight": _straight(own),
            "rankings": 0,
            **_times(own, tasks, load),
        }
        row["gold_items"], row["gold"] = _gold(own, tasks)
        if name in number:
            r = number[name]
            rows = np.flatnonzero(votes.rater == r)
            tied = [_tied_share(votes, int(k)) for k in rows]
            row |= {"rankings": len(rows), "ties": _mean(np.array(tied))}
            row |= {"agreement": float(figures["strict"][r]), "tau": float(figures["tau_b"][r])}
            row |= {"consensus_tau": _mean(near[rows]), "repeats": int(repeats[r, 5])}
            row |= {"steady": float(again["strict"][r]), **_order_signs(votes, rows)}
        kinds = {x.annotator_kind for x in own}
        kind = "both" if len(kinds) > 1 else next(iter(kinds))
        table.append(Rater(name=name, kind=kind, marks=_marks(row, limits or Limits()), **row))
    return tuple(table)


def _tied_share(votes: Votes, row: int) -> float:
    """Share of a ranking's pairs that are tied."""
    rank = votes.rank[votes.first[row] : votes.first[row + 1]]
    count = np.bincount(rank)[1:]
    whole = int(count.sum())
    pairs = whole * (whole - 1) / 2
    return float((count * (count - 1) / 2).sum() / pairs) if pairs else math.nan
