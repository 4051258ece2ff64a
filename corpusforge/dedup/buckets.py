"""Candidates: the living documents that share a band key.

A bucket is the list of ranks with one 64-bit key in one band, ascending, two members or more. Key
ranges are searched by `collisions.py`; here their groups lose known copies and, within a scope,
fall apart by it. Near copies share many bands, so most buckets stand there several times: one of
each is held, but for crowded ones, of which selection counts what it leaves out. The buckets of a
document are the same for any number of ranges. Limit: they are held in memory, 8 bytes a
membership; two are taken for equal by a hash of 64 bits (of pairs it is one to one).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge.dedup.bitset import Marks
from corpusforge.dedup.kernels import finish64
from corpusforge.dedup.lsh_buckets import Groups
from corpusforge.dedup.parts import BAND_BLOCK
from corpusforge.dedup.ranked import Corpus
from corpusforge.text.jit import jit

__all__ = ["Buckets", "components", "gather", "regroup"]


@dataclass(frozen=True, slots=True)
class Buckets:
    """Buckets as one list: bucket b holds `members[offsets[b]:offsets[b + 1]]`."""

    documents: NDArray[np.uint32]
    """Ranks that stand in some bucket, ascending; members are places in this list."""
    members: NDArray[np.uint32]
    offsets: NDArray[np.int64]
    of_document: NDArray[np.uint32]
    """Buckets of document i: `of_document[starts[i]:starts[i + 1]]`, ascending."""
    starts: NDArray[np.int64]


def gather(
    corpus: Corpus, alive: NDArray[np.bool_], groups: Iterable[Groups], marks: Marks, crowd: int
) -> Buckets:
    """Return all buckets of two and more living documents; equal ones once, up to `crowd` members.

    `alive` is [n, by rank].
    """
    pieces, sizes = [np.zeros(0, dtype=np.uint32)], [np.zeros(1, dtype=np.uint32)]
    table, held = np.zeros(1 << 10, dtype=np.uint64), 0
    scoped = bool(corpus.scope.any())
    for some in groups:
        if some.block < BAND_BLOCK:
            continue
        ranks, own = corpus.ranks[marks.places(some.numbers)], some.sizes
        if scoped:
            ranks, own = _by_scope(corpus.scope, ranks, own)
        if 2 * (held + len(own)) > len(table):
            table = _larger(table, 4 * (held + len(own)))
        ranks, own = _living(ranks, own, alive, crowd, table)
        held += len(own)
        pieces.append(ranks)
        sizes.append(own)
    del table
    every = np.concatenate(pieces)
    del pieces
    offsets = np.cumsum(np.concatenate(sizes), dtype=np.int64)
    return regroup(every, offsets, corpus.size)


def _larger(table: NDArray[np.uint64], least: int) -> NDArray[np.uint64]:
    larger = np.zeros(1 << (least - 1).bit_length(), dtype=np.uint64)
    _insert_all(larger, table[table != 0])
    return larger


@jit
def _insert(table: NDArray[np.uint64], key: np.uint64) -> bool:
    """Put a key (not 0) into a table that is a power of two long; return whether it is new."""
    slot = np.int64(key & np.uint64(table.size - 1))
    while table[slot] != 0:
        if table[slot] == key:
            return False
        slot = (slot + 1) & (table.size - 1)
    table[slot] = key
    return True


@jit
def _insert_all(table: NDArray[np.uint64], keys: NDArray[np.uint64]) -> None:
    for key in keys:
        _insert(table, key)


@jit
def _bucket_key(members: NDArray[np.uint32]) -> np.uint64:
    key = finish64((np.uint64(members[0]) << np.uint64(32)) | np.uint64(members[1]))
    for k in range(2, members.size):
        key = finish64(key + np.uint64(members[k]) + np.uint64(1))
    return key if key != 0 else np.uint64(1)


def _by_scope(
    scope: NDArray[np.uint64], ranks: NDArray[np.uint32], sizes: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Divide each group into one for each scope of its members."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((scope[ranks], group))
    ranks, group = ranks[order], group[order]
    own = scope[ranks]
    new = np.flatnonzero((group[1:] != group[:-1]) | (own[1:] != own[:-1])) + 1
    return ranks, np.diff(np.concatenate([[0], new, [len(ranks)]])).astype(np.uint32)


@jit
def _living(
    ranks: NDArray[np.uint32],
    sizes: NDArray[np.uint32],
    alive: NDArray[np.bool_],
    crowd: int,
    table: NDArray[np.uint64],
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return (members, sizes) of the new groups of two and more living members, each ascending."""
    members = np.empty(ranks.size, np.uint32)
    left = np.empty(sizes.size, np.uint32)
    used, runs, first = 0, 0, 0
    for g in range(sizes.size):
        count = 0
        for k in range(first, first + sizes[g]):
            if alive[ranks[k]]:
                members[used + count] = ranks[k]
                count += 1
        first += sizes[g]
        if count < 2:
            continue
        if count > 2:  # a call to sort costs more than the rest of the loop, and most are pairs
            members[used : used + count].sort()
        elif members[used] > members[used + 1]:
            members[used], members[used + 1] = members[used + 1], members[used]
        if count <= crowd and not _insert(table, _bucket_key(members[used : used + count])):
            continue
        used += count
        left[runs] = count
        runs += 1
    return members[:used].copy(), left[:runs].copy()


def regroup(ranks: NDArray[np.uint32], offsets: NDArray[np.int64], size: int) -> Buckets:
    """Return the buckets with members renumbered densely, and each document's list of buckets.

    `ranks` is overwritten.
    `ranks` are the members, uint32 [members], all below `size`; `offsets` int64 [buckets + 1].
    """
    present = np.zeros(size, dtype=bool)
    present[ranks] = True
    documents = np.flatnonzero(present).astype(np.uint32)
    place = np.zeros(size, dtype=np.uint32)
    place[documents] = np.arange(len(documents), dtype=np.uint32)
    _renumber(ranks, place)
    del present, place
    starts, of_document = _invert(ranks, offsets, len(documents))
    return Buckets(documents, ranks, offsets, of_document, starts)


@jit
def _renumber(ranks: NDArray[np.uint32], place: NDArray[np.uint32]) -> None:
    for i in range(ranks.size):
        ranks[i] = place[ranks[i]]


@jit
def _invert(
    members: NDArray[np.uint32], offsets: NDArray[np.int64], documents: int
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    starts = np.zeros(documents + 1, np.int64)
    for m in members:
        starts[m + 1] += 1
    for d in range(documents):
        starts[d + 1] += starts[d]
    place = starts[:-1].copy()
    of_document = np.empty(members.size, np.uint32)
    for bucket in range(offsets.size - 1):
        for k in range(offsets[bucket], offsets[bucket + 1]):
            of_document[place[members[k]]] = bucket
            place[members[k]] += 1
    return starts, of_document


def components(buckets: Buckets) -> NDArray[np.uint32]:
    """Return the smallest document of each document's component: members of a bucket are joined.

    The result is uint32 [documents], places in `buckets.documents`.
    """
    return _components(buckets.members, buckets.offsets, len(buckets.documents))


@jit
def _components(
    members: NDArray[np.uint32], offsets: NDArray[np.int64], documents: int
) -> NDArray[np.uint32]:
    parent = np.arange(documents).astype(np.uint32)
    for bucket in range(offsets.size - 1):
        root = _root(parent, members[offsets[bucket]])
        for k in range(offsets[bucket] + 1, offsets[bucket + 1]):
            other = _root(parent, members[k])
            if other < root:
                parent[root] = other
                root = other
            else:
                parent[other] = root
    for d in range(documents):
        parent[d] = _root(parent, np.uint32(d))
    return parent


@jit
def _root(parent: NDArray[np.uint32], item: np.uint32) -> np.uint32:
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item
