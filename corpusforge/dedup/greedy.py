"""Selection without chaining: best first, against kept documents only.

Documents are visited in policy order. One is removed when some kept member of one of its buckets is
verified to be at least `threshold` similar; of several, the most similar by estimate (the better
ranked on ties) is recorded. So each removed document has a kept copy of its own, and two survivors
that share a bucket are below the threshold: the lexicographically first maximal independent set of
the verified candidate graph (Cook 1985), unique for any order of the input.

Exact similarities are asked for in rounds: a sweep decides what it can, treats the rest as "maybe
kept", and requests the text comparisons it lacks; the next sweep knows them. The first undecided
document is decided by the next sweep, so the rounds end, and they end in the sequential result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpusforge.dedup.buckets import Buckets
from corpusforge.text.jit import jit

__all__ = ["KEPT", "MAYBE", "REMOVED", "Bounds", "Sweep", "matches", "sweep"]

KEPT, REMOVED, MAYBE = 0, 1, 2
_REQUESTS = 1 << 24  # of one sweep; more are asked for by the next one
_COMPARED, _UNSEEN, _UNCHECKED, _REQUESTED = 0, 1, 2, 3


class Bounds(NamedTuple):
    """The zone in whole matching slots, and the bounds on the work for one document."""

    low: int
    high: int
    threshold: float
    max_kept: int
    max_exact: int


class _Lists(NamedTuple):
    of_document: NDArray[np.uint32]
    starts: NDArray[np.int64]
    offsets: NDArray[np.int64]
    kept: NDArray[np.uint32]  # kept members of bucket b from offsets[b] on, in order of rank
    kept_count: NDArray[np.int64]


class _Known(NamedTuple):
    frozen: int
    pairs: NDArray[np.uint64]
    values: NDArray[np.float32]


class _Result(NamedTuple):
    state: NDArray[np.uint8]
    kept: NDArray[np.uint32]
    similarity: NDArray[np.float32]
    requests: NDArray[np.uint64]
    totals: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep over the documents of some buckets; arrays are indexed like `Buckets.documents`."""

    state: NDArray[np.uint8]
    kept: NDArray[np.uint32]
    """The kept document a removed one is a copy of; itself otherwise."""
    similarity: NDArray[np.float32]
    requests: NDArray[np.uint64]
    """Pairs whose exact similarity is needed, (document << 32 | kept member)."""
    compared: int
    unseen: int
    """Kept members beyond `max_kept` of a bucket, never compared."""
    unchecked: int
    """Pairs in the zone beyond `max_exact`, taken as not similar."""


def sweep(
    buckets: Buckets,
    signatures: NDArray[np.uint32],
    bounds: Bounds,
    frozen: int,
    pairs: NDArray[np.uint64],
    values: NDArray[np.float32],
) -> Sweep:
    """Visit all documents once. `pairs` (ascending) and `values` are the similarities known so far.

    The first `frozen` documents are kept whatever they resemble; they have no text, so the
    estimate alone decides against them.
    `signatures` are uint32 [documents, slots]; `pairs` (document << 32 | document) and `values`
    (Jaccard) are [pairs].
    """
    count = len(buckets.documents)
    result = _Result(
        np.zeros(count, dtype=np.uint8),
        np.arange(count, dtype=np.uint32),
        np.ones(count, dtype=np.float32),
        np.empty(min(_REQUESTS, max(1, count * bounds.max_exact)), dtype=np.uint64),
        np.zeros(4, dtype=np.int64),
    )
    lists = _Lists(
        buckets.of_document,
        buckets.starts,
        buckets.offsets,
        np.empty(len(buckets.members), dtype=np.uint32),
        np.zeros(len(buckets.offsets) - 1, dtype=np.int64),
    )
    widest = int(np.diff(buckets.starts).max()) if count else 0
    found = np.empty(max(1, min(count, widest * bounds.max_kept)), dtype=np.uint64)
    _sweep(signatures, lists, bounds, _Known(frozen, pairs, values), result, found)
    compared, unseen, unchecked, requested = (int(total) for total in result.totals)
    return Sweep(
        result.state,
        result.kept,
        result.similarity,
        result.requests[:requested].copy(),
        compared,
        unseen,
        unchecked,
    )


@jit
def matches(left: NDArray[np.uint32], right: NDArray[np.uint32]) -> int:
    """Return in how many slots two signatures agree."""
    same = np.uint32(0)
    for s in range(left.size):
        same += np.uint32(left[s] == right[s])
    return np.int64(same)  # type: ignore[return-value]


@jit
def _candidates(
    document: int,
    signatures: NDArray[np.uint32],
    lists: _Lists,
    bounds: Bounds,
    stamp: NDArray[np.int64],
    found: NDArray[np.uint64],
    totals: NDArray[np.int64],
) -> int:
    # found[k] = (slots that differ << 32 | kept member): sorted, the most similar come first
    slots, count = signatures.shape[1], 0
    for p in range(lists.starts[document], lists.starts[document + 1]):
        bucket = lists.of_document[p]
        seen = min(lists.kept_count[bucket], bounds.max_kept)
        totals[_UNSEEN] += lists.kept_count[bucket] - seen
        for k in range(lists.offsets[bucket], lists.offsets[bucket] + seen):
            other = lists.kept[k]
            if stamp[other] == document:
                continue
            stamp[other] = document
            totals[_COMPARED] += 1
            same = matches(signatures[document], signatures[other])
            if same >= bounds.low:
                found[count] = (np.uint64(slots - same) << np.uint64(32)) | np.uint64(other)
                count += 1
    found[:count].sort()
    return count


@jit
def _exact(document: int, other: np.int64, known: _Known, result: _Result) -> np.float32:
    """Return the exact similarity if it is known; else request it and return -1."""
    pair = (np.uint64(document) << np.uint64(32)) | np.uint64(other)
    place = np.searchsorted(known.pairs, pair)
    if place < known.pairs.size and known.pairs[place] == pair:
        return known.values[place]
    if result.totals[_REQUESTED] < result.requests.size:
        result.requests[result.totals[_REQUESTED]] = pair
        result.totals[_REQUESTED] += 1
    return np.float32(-1.0)


@jit
def _decide(
    document: int,
    slots: int,
    found: NDArray[np.uint64],
    bounds: Bounds,
    known: _Known,
    result: _Result,
) -> None:
    checked, unsure = 0, False
    for entry in found:
        other = np.int64(entry & np.uint64(0xFFFFFFFF))
        same = slots - np.int64(entry >> np.uint64(32))
        value = np.float32(same / slots)
        alike = same >= bounds.high
        if other < known.frozen:
            alike = same >= bounds.threshold * slots
        elif not alike:
            if checked == bounds.max_exact:
                result.totals[_UNCHECKED] += 1
                continue
            checked += 1
            value = _exact(document, other, known, result)
            alike = value >= np.float32(bounds.threshold)
            if value < 0:
                unsure = True
        if alike and result.state[other] == KEPT:
            # certain even after an unsure pair; the next sweep may name a nearer kept one
            result.state[document] = REMOVED
            result.kept[document], result.similarity[document] = other, value
            return
        if alike:
            unsure = True
    result.state[document] = MAYBE if unsure else KEPT


@jit
def _sweep(
    signatures: NDArray[np.uint32],
    lists: _Lists,
    bounds: Bounds,
    known: _Known,
    result: _Result,
    found: NDArray[np.uint64],
) -> None:
    documents, slots = signatures.shape
    stamp = np.full(documents, -1, np.int64)
    for document in range(documents):
        if document >= known.frozen:
            count = _candidates(document, signatures, lists, bounds, stamp, found, result.totals)
            _decide(document, slots, found[:count], bounds, known, result)
        if result.state[document] == REMOVED:
            continue
        for p in range(lists.starts[document], lists.starts[document + 1]):
            bucket = lists.of_document[p]
            lists.kept[lists.offsets[bucket] + lists.kept_count[bucket]] = document
            lists.kept_count[bucket] += 1
