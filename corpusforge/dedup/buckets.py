"""Candidates: the documents that share a band key, gathered per (band, key range).

A bucket is the list of ranks with one 64-bit key in one band, ascending, two members or more.
Reading one range of one band at a time bounds memory by entries / ranges; the buckets come out the
same for any number of ranges, any order of parts (sort by (band, key), then rank).
Limit: buckets are held in memory, 4 bytes a membership; documents alone in all their bands
(most of a corpus) leave nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge.dedup.corpus import Corpus
from corpusforge.dedup.parts import SLICES, KeyFile
from corpusforge.draw import mix64
from corpusforge.text.jit import jit

__all__ = [
    "Buckets",
    "choose_ranges",
    "components",
    "gather",
    "gather_range",
    "regroup",
    "split",
]

_ENTRIES = 1 << 20  # of one gather: its sort stays in the cache, so time grows linearly


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


def choose_ranges(documents: int) -> int:
    """Return a number of key ranges (a power of two) that keeps one gather small."""
    ranges = 1
    while ranges < SLICES and documents > ranges * _ENTRIES:
        ranges *= 2
    return ranges


def gather_range(
    key_files: list[KeyFile],
    corpus: Corpus,
    alive: NDArray[np.bool_],
    band: int,
    part: int,
    ranges: int,
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return (ranks, sizes) of the buckets in one key range of one band, in key order.

    `alive` [n, by rank] leaves out documents that are already known copies.
    """
    slices = [file.read(band, part, ranges) for file in key_files]
    keys = np.concatenate([keys for keys, _ in slices])
    ranks = np.concatenate(
        [corpus.ranks[rows + base] for (_, rows), base in zip(slices, corpus.bases, strict=False)]
    )
    del slices
    used = alive[ranks]
    if not used.all():
        keys, ranks = keys[used], ranks[used]
    scope = corpus.scope[ranks] if corpus.scope.any() else None
    if scope is not None:
        keys = mix64(keys ^ scope)
    order = np.argsort(keys)
    ordered = keys[order]
    twins = np.flatnonzero(ordered[1:] == ordered[:-1])  # few: most documents stand alone
    return _runs(twins, ranks, order)


def gather(
    corpus: Corpus, alive: NDArray[np.bool_], bands: int, ranges: int | None = None
) -> Buckets:
    """Return all buckets of two and more living documents."""
    key_files = [KeyFile(prefix) for prefix in corpus.prefixes]
    count = choose_ranges(corpus.size) if ranges is None else ranges

    def pieces() -> Iterator[tuple[NDArray[np.uint32], NDArray[np.int64]]]:
        for band in range(bands):
            for part in range(count):
                yield gather_range(key_files, corpus, alive, band, part, count)

    found = list(pieces())
    ranks = np.concatenate([ranks for ranks, _ in found])
    sizes = np.concatenate([sizes for _, sizes in found])
    del found
    return regroup(ranks, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), corpus.size)


def regroup(ranks: NDArray[np.uint32], offsets: NDArray[np.int64], size: int) -> Buckets:
    """Return the buckets with members renumbered densely, and each document's list of buckets."""
    present = np.zeros(size, dtype=bool)
    present[ranks] = True
    documents = np.flatnonzero(present).astype(np.uint32)
    place = np.zeros(size, dtype=np.uint32)
    place[documents] = np.arange(len(documents), dtype=np.uint32)
    members = place[ranks]
    starts, of_document = _invert(members, offsets, len(documents))
    return Buckets(documents, members, offsets, of_document, starts)


def split(buckets: Buckets, groups: int, size: int) -> list[Buckets]:
    """Divide buckets into at most `groups` sets of whole components, of about equal documents.

    Nothing in one set is a candidate of anything in another, so each may be selected on its own,
    anywhere. `size` is the number of ranks.
    """
    roots = components(buckets)
    found, counts = np.unique(roots, return_counts=True)
    middle = np.cumsum(counts) - counts // 2
    group_of_root = np.minimum(middle * groups // max(1, len(roots)), groups - 1)
    firsts = roots[buckets.members[buckets.offsets[:-1]]]
    group = group_of_root[np.searchsorted(found, firsts)]
    return [
        _subset(buckets, np.flatnonzero(group == number), size)
        for number in range(groups)
        if (group == number).any()
    ]


def _subset(buckets: Buckets, chosen: NDArray[np.int64], size: int) -> Buckets:
    sizes = np.diff(buckets.offsets)[chosen]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    shift = np.repeat(buckets.offsets[chosen] - offsets[:-1], sizes)
    places = np.arange(offsets[-1], dtype=np.int64) + shift
    return regroup(buckets.documents[buckets.members[places]], offsets, size)


@jit
def _runs(
    twins: NDArray[np.int64], ranks: NDArray[np.uint32], order: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return (members, sizes) of runs of equal keys; twins[i] has the same key as its successor."""
    members = np.empty(2 * twins.size, np.uint32)
    sizes = np.empty(twins.size, np.int64)
    used, runs, i = 0, 0, 0
    while i < twins.size:
        j = i + 1
        while j < twins.size and twins[j] == twins[j - 1] + 1:
            j += 1
        size = j - i + 1
        for k in range(size):
            members[used + k] = ranks[order[twins[i] + k]]
        if size > 2:  # a call to sort costs more than the rest of the loop, and most are pairs
            members[used : used + size].sort()
        elif members[used] > members[used + 1]:
            members[used], members[used + 1] = members[used + 1], members[used]
        used += size
        sizes[runs] = size
        runs += 1
        i = j
    return members[:used].copy(), sizes[:runs].copy()


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
    """Return the smallest document of each document's component: members of a bucket are joined."""
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
