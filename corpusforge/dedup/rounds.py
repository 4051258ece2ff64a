"""Who is connected with whom, by rounds of tasks none of which holds all documents.

Document numbers are divided into stretches, a task each. What is known is pairs (number, smaller number),
packed as number << 32 | smaller. In a round a task takes the pairs whose larger number is of its stretch, and
joins them: of each component that it sees, every member is paired with the least. Pairs of its own numbers
stay with it; those of smaller numbers go to the stretch of the larger one. So all pairs of a stretch end in
one pair per number, the last stretch first: after as many rounds as there are stretches at the latest (as
rows are eliminated from a matrix), after a few where chains do not run through all of them.

The least number that a task knows may itself be paired by its own stretch. So each task also asks that
stretch, and is told the number it is paired with: ways to the least are halved in two rounds (pointer
jumping; Shiloach and Vishkin 1982). The rounds end when no task has learned or told anything: then each
number is paired with the least of its component.

Memory of a task: about 60 bytes for each pair that it takes in, of which a number has at most one per key
range that names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.dedup.connected import join_all
from corpusforge.dedup.lsh_buckets import Groups

__all__ = ["PAIRS", "Round", "advance", "as_pairs", "joined_groups", "labels", "sent", "stars"]

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

PAIRS = pa.schema([pa.field("pair", pa.uint64(), nullable=False)])

_HIGH, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_HELD = 1 << 23  # pairs of groups in memory before they are joined


@dataclass(frozen=True, slots=True)
class Round:
    """What a task leaves of a round: pairs of its own numbers, pairs for others, whether that is news."""

    own: U64
    edges: U64
    """Pairs for the stretch of the larger number."""
    asked: U64
    """Pairs (number, least known) for the stretch of the smaller one."""
    settled: bool


def stars(pairs: U64) -> U64:
    """Return each number that is not the least of its component, paired with the least, ascending.

    `pairs` are uint64 [pairs], the result [numbers that are not the least].
    """
    count = len(pairs)
    both = np.concatenate([pairs >> _HIGH, pairs & _LOW]).astype(np.uint32)
    numbers, inverse = np.unique(both, return_inverse=True)
    places = inverse.astype(np.uint64)
    least = np.arange(len(numbers), dtype=np.uint32)
    join_all(least, places[:count] << _HIGH | places[count:])
    others = np.flatnonzero(least != np.arange(len(numbers)))
    return numbers[others].astype(np.uint64) << _HIGH | numbers[least[others]].astype(np.uint64)


def joined_groups(groups: Iterable[Groups]) -> U64:
    """Return the stars of all groups: uint64 [numbers that are not the least]."""
    held, size = [np.empty(0, dtype=np.uint64)], 0
    for some in groups:
        starts = np.cumsum(some.sizes, dtype=np.int64) - some.sizes
        firsts = np.repeat(some.numbers[starts], some.sizes).astype(np.uint64)
        rest = np.ones(len(some.numbers), dtype=bool)
        rest[starts] = False  # members ascend: the first is the least
        held.append(some.numbers[rest].astype(np.uint64) << _HIGH | firsts[rest])
        size += len(held[-1])
        if size > _HELD:
            held = [stars(np.concatenate(held))]
            size = len(held[0]) // 2  # so that a large forest is not joined at each step
    return stars(np.concatenate(held))


def advance(received: U64, before: U64, stretch: tuple[int, int]) -> Round:
    """Join what a stretch received: pairs of its numbers and questions about them.

    `before` are its own pairs of the round before, which are among `received`; `stretch` is [first, stop).
    Both are uint64 [pairs].
    """
    first, stop = stretch
    larger = (received >> _HIGH).astype(np.int64)
    down = (larger >= first) & (larger < stop)
    known = stars(received[down])
    mine = (known >> _HIGH).astype(np.int64) >= first
    own, lower = known[mine], known[~mine]
    told = _answers(own, received[~down])
    asked = _questions(own, first)
    news = len(lower) + len(told) > 0
    settled = not news and (len(asked) == 0 or np.array_equal(own, before))
    return Round(own, np.concatenate([lower, told]), asked, settled)


def _answers(own: U64, questions: U64) -> U64:
    """Pair each asking number with what the number it asks about is paired with, if it is."""
    smaller = questions & _LOW
    place = np.searchsorted(own >> _HIGH, smaller)
    place = np.minimum(place, max(0, len(own) - 1))
    paired = (own >> _HIGH)[place] == smaller if len(own) else np.zeros(len(smaller), dtype=bool)
    return (questions[paired] & ~_LOW) | (own[place[paired]] & _LOW)


def _questions(own: U64, first: int) -> U64:
    """Return one pair for each least number that is of an earlier stretch."""
    outside = own[(own & _LOW).astype(np.int64) < first]
    return outside[np.unique(outside & _LOW, return_index=True)[1]]


def sent(found: Round, edges: Sequence[int]) -> Iterator[pa.RecordBatch]:
    """Yield the pairs for each stretch: [edges[k], edges[k + 1]) is the k-th."""
    every = np.concatenate([found.own, found.edges, found.asked])
    count = len(found.own) + len(found.edges)
    reads = np.concatenate([every[:count] >> _HIGH, every[count:] & _LOW])
    order = np.argsort(reads, kind="stable")
    every, reads = every[order], reads[order]
    places = np.searchsorted(reads, np.array(edges, dtype=np.uint64))
    for start, stop in pairwise(places.tolist()):
        yield as_pairs(every[start:stop])


def as_pairs(pairs: U64) -> pa.RecordBatch:
    """Return pairs, uint64 [pairs], as rows of `PAIRS`."""
    return pa.RecordBatch.from_arrays([pa.array(pairs)], schema=PAIRS)


def labels(received: U64, stretch: tuple[int, int]) -> tuple[I64, I64]:
    """Return (numbers, least of the component of each) of a stretch, ascending, once all is settled.

    `received` are the pairs that the last round sent to the stretch, uint64 [pairs].
    """
    first, stop = stretch
    larger, smaller = (received >> _HIGH).astype(np.int64), (received & _LOW).astype(np.int64)
    down = (larger >= first) & (larger < stop)
    least = np.unique(smaller[(smaller >= first) & (smaller < stop)])
    numbers = np.concatenate([larger[down], least])
    order = np.argsort(numbers)
    return numbers[order], np.concatenate([smaller[down], least])[order]
