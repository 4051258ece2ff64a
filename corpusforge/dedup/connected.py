"""Connected components of all verified pairs: what must stand on one side of a train/validation split.

Selection compares a document with the kept ones only, which leaves pairs out: B a copy of A, C a copy of B
and not of A. Here every two documents that share a bucket are compared, unless pairs found before join them
already; so a bucket of equal documents costs a look at each. A component holds removed documents too,
and exact copies and equal URLs join like any pair. What bounds leave out is counted: pairs of a crowded
bucket that were not compared (`max_kept`), and pairs in the zone beyond `max_exact`, which are joined
unverified, since the split is to be safe. Limit: a pair that shares no band is not seen (the plan's recall).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpusforge.dedup.buckets import Buckets
from corpusforge.dedup.greedy import Bounds, matches
from corpusforge.dedup.ranked import Corpus
from corpusforge.dedup.verify import TextOf, Verifier
from corpusforge.text.jit import jit

__all__ = ["Components", "Links", "Verified", "join", "join_all", "links"]

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

_ASKED = 1 << 18
"""Pairs whose texts are asked for before they are put away."""
_STEPS = 64
"""Members looked at in a bucket, per comparison allowed: most are joined to the document already."""
_COMPARED, _UNSEEN, _UNCHECKED, _COUNT = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Verified:
    """Exact similarities that selection asked for: pairs (rank << 32 | rank), ascending, and values."""

    pairs: U64
    values: F32


@dataclass(frozen=True, slots=True)
class Links:
    """Pairs of ranks [n, 2] that join all that belongs together, and the work."""

    pairs: U32
    compared: int = 0
    verified: int = 0
    unseen: int = 0
    unchecked: int = 0


@dataclass(frozen=True, slots=True)
class Components:
    """The component of each rank: its staying document of best rank, and how many stay; arrays [n].

    A component of which nobody stays is named by its best rank and has size 0.
    """

    first: U32
    size: U32
    links: Links


class _Graph(NamedTuple):
    members: U32
    offsets: I64
    of_document: U32
    starts: I64


class _State(NamedTuple):
    parent: U32
    uniform: (
        I64  # by bucket: a member whose component all members so far share; -2 none yet, -1 several
    )
    stamp: I64
    asked: U64
    totals: I64


def links(
    corpus: Corpus,
    buckets: Buckets,
    signatures: U32,
    kept: U32,
    bounds: Bounds,
    known: Verified,
    text_of: TextOf | None,
    ngram: int,
    first_part: int,
) -> Links:
    """Return what joins the documents of some buckets (whole components of the candidate graph).

    `kept` are the joins of selection, uint32 [ranks]; `signatures` are uint32 [documents, slots], as
    `buckets.documents` names them.
    """
    documents = buckets.documents
    parent = _begun(documents, kept)
    exact = _dense(known, documents)
    graph = _Graph(buckets.members, buckets.offsets, buckets.of_document, buckets.starts)
    frozen = int(np.searchsorted(documents, corpus.frozen))
    room = max(_ASKED, min(bounds.max_exact, len(documents)))
    state = _State(
        parent,
        np.full(len(buckets.offsets) - 1, -2, dtype=np.int64),
        np.full(len(documents), -1, dtype=np.int64),
        np.empty(room, dtype=np.uint64),
        np.zeros(4, dtype=np.int64),
    )
    pieces, begin = [np.empty(0, dtype=np.uint64)], 0
    while begin < len(documents):
        begin = _connect(signatures, graph, bounds, exact.pairs, exact.values, frozen, state, begin)
        pieces.append(np.unique(state.asked[: state.totals[_COUNT]]))
        state.totals[_COUNT] = 0
    asked = _apart(np.unique(np.concatenate(pieces)), parent)
    if len(asked):
        assert text_of is not None
        with Verifier(corpus, documents, text_of, ngram, first_part) as verifier:
            alike = verifier.similarities(asked) >= np.float32(bounds.threshold)
        join_all(parent, asked[alike])
    join_all(parent, np.empty(0, dtype=np.uint64))
    joined = np.flatnonzero(parent != np.arange(len(parent)))
    pairs = np.stack([documents[joined], documents[parent[joined]]], axis=1)
    compared, unseen, unchecked = (int(n) for n in state.totals[:3])
    return Links(pairs, compared, len(asked), unseen, unchecked)


def _begun(documents: U32, kept: U32) -> U32:
    """Return the joins that selection has made, by place in `documents`."""
    parent = np.arange(len(documents), dtype=np.uint32)
    place = np.searchsorted(documents, kept[documents])
    place = np.minimum(place, max(0, len(documents) - 1))
    inside = (
        (documents[place] == kept[documents]) & (place != parent) if len(documents) else place > 0
    )
    here = np.flatnonzero(inside).astype(np.uint64)
    join_all(parent, here << np.uint64(32) | place[inside].astype(np.uint64))
    return parent


def _dense(known: Verified, documents: U32) -> Verified:
    """Return the similarities by places in `documents`, of pairs of which both are there."""
    left = (known.pairs >> np.uint64(32)).astype(np.uint32)
    right = (known.pairs & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    mine = np.isin(left, documents) & np.isin(right, documents)
    high = np.searchsorted(documents, left[mine]).astype(np.uint64)
    low = np.searchsorted(documents, right[mine]).astype(np.uint64)
    pairs = high << np.uint64(32) | low
    order = np.argsort(pairs)
    return Verified(pairs[order], known.values[mine][order])


@jit
def _find(parent: U32, item: np.uint32) -> np.uint32:
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item


@jit
def _unite(parent: U32, left: np.uint32, right: np.uint32) -> None:
    left, right = _find(parent, left), _find(parent, right)
    if left < right:
        parent[right] = left
    else:
        parent[left] = right


@jit
def join_all(parent: U32, pairs: U64) -> None:
    """Join all pairs; every item then has its component's smallest one as parent."""
    for pair in pairs:
        _unite(parent, np.uint32(pair >> np.uint64(32)), np.uint32(pair & np.uint64(0xFFFFFFFF)))
    for item in range(parent.size):
        parent[item] = _find(parent, np.uint32(item))


@jit
def _apart(pairs: U64, parent: U32) -> U64:
    """Return the pairs whose members are in different components."""
    out = np.empty(pairs.size, np.uint64)
    count = 0
    for pair in pairs:
        left = _find(parent, np.uint32(pair >> np.uint64(32)))
        if left != _find(parent, np.uint32(pair & np.uint64(0xFFFFFFFF))):
            out[count] = pair
            count += 1
    return out[:count]


@jit
def _verdict(
    document: int,
    other: int,
    same: int,
    slots: int,
    frozen: int,
    bounds: Bounds,
    pairs: U64,
    values: F32,
) -> int:
    """Return 1 for a copy, 0 for none, -1 where the texts must be compared."""
    if other < frozen:  # a document of an earlier run has no text here
        return 1 if same >= bounds.threshold * slots else 0
    if same >= bounds.high:
        return 1
    if same < bounds.low:
        return 0
    pair = (np.uint64(document) << np.uint64(32)) | np.uint64(other)
    place = np.searchsorted(pairs, pair)
    if place < pairs.size and pairs[place] == pair:
        return 1 if values[place] >= np.float32(bounds.threshold) else 0
    return -1


@jit
def _connect(
    signatures: U32,
    graph: _Graph,
    bounds: Bounds,
    pairs: U64,
    values: F32,
    frozen: int,
    state: _State,
    begin: int,
) -> int:
    """Go on from document `begin`; return the first one that was not looked at for want of room."""
    documents, slots = signatures.shape
    for document in range(begin, documents):
        if state.asked.size - state.totals[_COUNT] < min(bounds.max_exact, document):
            return document
        wanted = 0
        for p in range(graph.starts[document], graph.starts[document + 1]):
            bucket = graph.of_document[p]
            if state.uniform[bucket] == -2:
                state.uniform[bucket] = document
                continue
            mine = _find(state.parent, np.uint32(document))
            if state.uniform[bucket] >= 0:
                theirs = _find(state.parent, np.uint32(state.uniform[bucket]))
                if theirs == mine:
                    continue
            wanted = _within(
                document,
                bucket,
                wanted,
                signatures,
                slots,
                graph,
                bounds,
                pairs,
                values,
                frozen,
                state,
            )
            if state.uniform[bucket] >= 0:
                theirs = _find(state.parent, np.uint32(state.uniform[bucket]))
                if theirs != _find(state.parent, np.uint32(document)):
                    state.uniform[bucket] = -1
    return documents


@jit
def _within(
    document: int,
    bucket: int,
    wanted: int,
    signatures: U32,
    slots: int,
    graph: _Graph,
    bounds: Bounds,
    pairs: U64,
    values: F32,
    frozen: int,
    state: _State,
) -> int:
    """Compare a document with the earlier members of one bucket; return its pairs asked for so far."""
    steps = seen = 0
    for k in range(graph.offsets[bucket], graph.offsets[bucket + 1]):
        other = graph.members[k]
        if other >= document:
            break
        if seen == bounds.max_kept or steps == _STEPS * bounds.max_kept:
            state.totals[_UNSEEN] += 1
            break
        steps += 1
        if state.stamp[other] == document:
            continue
        state.stamp[other] = document
        if _find(state.parent, other) == _find(state.parent, np.uint32(document)):
            continue
        if document < frozen:  # two documents of earlier runs
            continue
        seen += 1
        state.totals[_COMPARED] += 1
        same = matches(signatures[document], signatures[other])
        verdict = _verdict(document, int(other), same, slots, frozen, bounds, pairs, values)
        if verdict < 0 and wanted < bounds.max_exact:
            state.asked[state.totals[_COUNT]] = (np.uint64(document) << np.uint64(32)) | np.uint64(
                other
            )
            state.totals[_COUNT] += 1
            wanted += 1
        elif verdict != 0:
            state.totals[_UNCHECKED] += verdict < 0
            _unite(state.parent, np.uint32(document), other)
    return wanted


def join(kept: U32, stays: NDArray[np.bool_], found: list[Links]) -> Components:
    """Return the components of all ranks: `kept` are the joins of selection, `stays` who stays.

    `kept` are uint32 [documents] and `stays` bool [documents], both by rank.
    """
    parent = np.arange(len(kept), dtype=np.uint32)
    ranks = np.arange(len(kept), dtype=np.uint64)
    join_all(parent, ranks << np.uint64(32) | kept.astype(np.uint64))
    for own in found:
        left, right = own.pairs.astype(np.uint64).T
        join_all(parent, left << np.uint64(32) | right)
    size = np.bincount(parent[stays], minlength=len(kept)).astype(np.uint32)
    first = parent.copy()
    here = np.flatnonzero(stays)[::-1]
    first[parent[here]] = here  # the last one written is the best of those that stay
    total = Links(
        np.concatenate([own.pairs for own in found] + [np.empty((0, 2), np.uint32)]),
        *(
            sum(getattr(own, name) for own in found)
            for name in ("compared", "verified", "unseen", "unchecked")
        ),
    )
    return Components(first[parent], size[parent], total)
