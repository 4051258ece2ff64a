"""Who has a neighbour: groups of documents that share a content, URL or band key, by key range.

Most documents of a corpus share no key with any other, so what must look at all of them together
(policy order, selection) can leave most of them out. A key range is found apart from all others,
anywhere; it reads its stretch of every part's key file and holds one step of it at a time. A
document is named by its number: rows before its part, over all parts in order, plus its row.

Pairs are not decided here. In a bucket of m documents there are m^2 / 2 of them, and selection
compares a document with the kept ones only; and each range would read every text again.

A file of groups is a header and pieces, each (block, groups, members; uint64), sizes uint32
[groups], numbers uint32 [members], ascending in a group. Limit: 2^32 documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpusforge.dedup.parts import (
    CONTENT_BLOCK,
    SLICES,
    URL_BLOCK,
    KeyFile,
    scattered,
)
from corpusforge.dedup.settings import Settings
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.text.jit import jit

__all__ = ["Groups", "choose_ranges", "find_collisions", "read_collisions", "write_collisions"]

_STEP = 1 << 18  # documents whose keys are in memory at once: sorts stay in the cache
_RANGE = 1 << 22
"""Documents a range: about 1.2 GB of keys to read and ten CPU seconds, so that a laptop's corpus is
one range, and a failed range of a large one costs little."""
_MAGIC = 0x31505247_45474643  # "CFGEGRP1"
_HEADER = 3 * 8


@dataclass(frozen=True, slots=True)
class Groups:
    """Documents by number that share a key of one block: group g holds the next sizes[g] of them."""

    block: int
    sizes: NDArray[np.uint32]
    numbers: NDArray[np.uint32]


def choose_ranges(settings: Settings, documents: int) -> int:
    """Return into how many key ranges the collisions of so many documents are divided."""
    return settings.ranges or min(SLICES, max(1, -(-documents // _RANGE)))


def find_collisions(
    prefixes: Sequence[str], settings: Settings, number: int, ranges: int
) -> Iterator[Groups]:
    """Yield the groups of key range `number` of `ranges`, over all parts, block by block."""
    key_files = [KeyFile(prefix) for prefix in prefixes]
    documents = [file.documents for file in key_files]
    bases = np.concatenate([[0], np.cumsum(documents)]).astype(np.int64)
    if bases[-1] >= 1 << 32:
        raise InputError(f"dedup: {bases[-1]} documents; one selection takes at most 2^32.")
    first, last = number * SLICES // ranges, (number + 1) * SLICES // ranges
    blocks = key_files[0].blocks if key_files else 0
    for step in _steps(first, last, blocks, int(bases[-1])):
        yield from _collide(key_files, bases, settings, step)


def write_collisions(
    prefixes: Sequence[str], settings: Settings, number: int, ranges: int, path: str
) -> int:
    """Write the groups of key range `number` of `ranges`, over all parts; return their members."""
    members = 0
    with files.atomic_write(path) as stream:
        stream.write(np.array([_MAGIC], dtype="<u8").tobytes())
        for groups in find_collisions(prefixes, settings, number, ranges):
            head = [groups.block, len(groups.sizes), len(groups.numbers)]
            stream.write(np.array(head, dtype="<u8").tobytes())
            stream.write(groups.sizes.astype("<u4", copy=False).tobytes())
            stream.write(groups.numbers.astype("<u4", copy=False).tobytes())
            members += len(groups.numbers)
    return members


def read_collisions(paths: Sequence[str]) -> Iterator[Groups]:
    """Yield the groups of some ranges, piece by piece."""
    for path in paths:
        with files.open_raw(path) as stream:
            if stream.read(8) != np.array([_MAGIC], dtype="<u8").tobytes():
                raise InputError(f"{path}: not a file of collisions of this version.")
            while head := stream.read(_HEADER):
                block, count, members = np.frombuffer(head, dtype="<u8").astype(int)
                sizes = np.frombuffer(stream.read(4 * count), dtype="<u4")
                yield Groups(block, sizes, np.frombuffer(stream.read(4 * members), dtype="<u4"))


class _Step(NamedTuple):
    """Slices [first, last), of them blocks [low, high)."""

    first: int
    last: int
    low: int
    high: int


def _steps(first: int, last: int, blocks: int, documents: int) -> Iterator[_Step]:
    """Yield what is in memory at once: some slices, or some blocks of a slice where that is much."""
    slices = _STEP * SLICES // max(1, documents)
    if slices:
        for place in range(first, last, slices):
            yield _Step(place, min(place + slices, last), 0, blocks)
        return
    some = max(1, blocks * _STEP * SLICES // documents)
    for place in range(first, last):
        for low in range(0, blocks, some):
            yield _Step(place, place + 1, low, min(low + some, blocks))


def _is_wanted(settings: Settings, block: int) -> bool:
    if block == CONTENT_BLOCK:
        return settings.method != "off"
    if block == URL_BLOCK:
        return settings.method != "off" and bool(settings.url_sources)
    return settings.method == "fuzzy"


def _collide(
    key_files: Sequence[KeyFile], bases: NDArray[np.int64], settings: Settings, step: _Step
) -> Iterator[Groups]:
    """Yield the groups of a step, block by block."""
    read: tuple[list[NDArray[np.uint64]], list[NDArray[np.uint32]], list[NDArray[np.int64]]]
    read = [], [], []
    for file, base in zip(key_files, bases, strict=False):
        own_keys, rows, own_counts = file.read(step.first, step.last, (step.low, step.high))
        read[0].append(own_keys)
        read[1].append(rows + np.uint32(base))
        read[2].append(own_counts)
    keys, counts = np.concatenate(read[0]), np.concatenate(read[2])
    read[0].clear()
    numbers = np.concatenate(read[1])
    read[1].clear()
    starts = (np.cumsum(counts) - counts.ravel()).reshape(counts.shape)
    for block in range(step.low, step.high):
        if not _is_wanted(settings, block):
            continue
        places = scattered(starts[:, block - step.low], counts[:, block - step.low])
        own = keys[places]
        order = np.argsort(own)
        ordered = own[order]
        twins = np.flatnonzero(ordered[1:] == ordered[:-1])  # few: most documents stand alone
        if len(twins):
            members, sizes = _runs(twins, numbers[places], order)
            yield Groups(block, sizes, members)


@jit
def _runs(
    twins: NDArray[np.int64], numbers: NDArray[np.uint32], order: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return (members, sizes) of runs of equal keys; twins[i] has the same key as its successor."""
    members = np.empty(2 * twins.size, np.uint32)
    sizes = np.empty(twins.size, np.uint32)
    used, runs, i = 0, 0, 0
    while i < twins.size:
        j = i + 1
        while j < twins.size and twins[j] == twins[j - 1] + 1:
            j += 1
        size = j - i + 1
        for k in range(size):
            members[used + k] = numbers[order[twins[i] + k]]
        if size > 2:  # a call to sort costs more than the rest of the loop, and most are pairs
            members[used : used + size].sort()
        elif members[used] > members[used + 1]:
            members[used], members[used + 1] = members[used + 1], members[used]
        used += size
        sizes[runs] = size
        runs += 1
        i = j
    return members[:used].copy(), sizes[:runs].copy()
