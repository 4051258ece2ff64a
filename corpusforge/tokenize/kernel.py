"""Byte-level BPE as one kernel: cut, look up, merge, remember; tiktoken's ids several times faster.

Method: the cuts of `corpusforge.tokenize.pretokenize`; a piece that is a
token is looked up whole; others are merged by rank as in tiktoken (Sennrich et al. 2016) and kept
in a table of pieces seen, which forgets everything when it is full. Every look-up compares bytes,
so equal hashes cannot give wrong ids. Limits: only these two cuts; a text with a code point that
this Python's Unicode tables do not know, or with a piece above 512 bytes, is left to tiktoken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge.text.jit import jit
from corpusforge.tokenize.pretokenize import UNKNOWN, classes, cut_cl100k, cut_gpt2, point_at

__all__ = ["SUPPORTED", "Kernel", "encode"]

SUPPORTED = {"gpt2": 0, "cl100k": 1}

LONGEST = 512
PIECES = 1 << 16
ARENA_BYTES = 1 << 20
ARENA_IDS = 1 << 19
BASE = 0x9E3779B97F4A7C15

U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]


@dataclass(slots=True)
class Kernel:
    """A vocabulary as hash table, and the table of pieces seen (state: fill of that table)."""

    pattern: int
    slots: I32
    starts: I64
    tokens: U8
    single: U32
    seen: I64
    piece_bytes: U8
    piece_ids: U32
    state: I64

    @classmethod
    def of(cls, ranks: Mapping[bytes, int], pattern: str) -> Kernel:
        """Return the kernel of a vocabulary and a supported pattern."""
        size = max(ranks.values()) + 1
        table = [b""] * size
        for token, rank in ranks.items():
            table[rank] = token
        starts = np.zeros(size + 1, dtype=np.int64)
        np.cumsum([len(token) for token in table], out=starts[1:])
        tokens = np.frombuffer(b"".join(table), dtype=np.uint8)
        width = 1 << (4 * size - 1).bit_length()
        slots = np.full(width, -1, dtype=np.int32)
        _fill(slots, starts, tokens)
        single = np.array([ranks[bytes([byte])] for byte in range(256)], dtype=np.uint32)
        return cls(
            pattern=SUPPORTED[pattern],
            slots=slots,
            starts=starts,
            tokens=tokens,
            single=single,
            seen=np.zeros((4 * PIECES, 5), dtype=np.int64),
            piece_bytes=np.zeros(ARENA_BYTES, dtype=np.uint8),
            piece_ids=np.zeros(ARENA_IDS, dtype=np.uint32),
            state=np.zeros(4, dtype=np.int64),
        )


def encode(kernel: Kernel, data: U8, bounds: I64) -> tuple[U32, I64, NDArray[np.bool_]]:
    """Return (ids, offsets, left): ids of each text, and which texts the kernel leaves alone.

    Text i is `data[bounds[i]:bounds[i + 1]]`, UTF-8; a text that is left has no ids.
    """
    out = np.empty(int(bounds[-1] - bounds[0]), dtype=np.uint32)
    offsets = np.zeros(len(bounds), dtype=np.int64)
    left = np.zeros(len(bounds) - 1, dtype=np.bool_)
    count = _encode(
        data, bounds, classes(), kernel.pattern, kernel.slots, kernel.starts, kernel.tokens,
        kernel.single, kernel.seen, kernel.piece_bytes, kernel.piece_ids, kernel.state,
        out, offsets, left,
    )  # fmt: skip
    return out[:count], offsets, left


@jit
def _hash(data: U8, start: int, stop: int) -> np.uint64:
    value = np.uint64(0)
    for at in range(start, stop):
        value = value * np.uint64(BASE) + np.uint64(data[at] + 1)
    return value


@jit
def _spread(value: np.uint64) -> int:
    value ^= value >> np.uint64(29)
    value *= np.uint64(0xBF58476D1CE4E5B9)
    return int((value ^ (value >> np.uint64(32))) & np.uint64(0x7FFFFFFF))


@jit
def _fill(slots: I32, starts: I64, tokens: U8) -> None:
    mask = len(slots) - 1
    for token in range(len(starts) - 1):
        if starts[token + 1] > starts[token]:
            slot = _spread(_hash(tokens, starts[token], starts[token + 1])) & mask
            while slots[slot] >= 0:
                slot = (slot + 1) & mask
            slots[slot] = token


@jit
def _find(
    value: np.uint64, data: U8, start: int, stop: int, slots: I32, starts: I64, tokens: U8
) -> int:
    """Return the id of the bytes, or -1."""
    mask = len(slots) - 1
    slot = _spread(value) & mask
    while slots[slot] >= 0:
        token = slots[slot]
        begin = starts[token]
        if starts[token + 1] - begin == stop - start:
            at = 0
            while at < stop - start and tokens[begin + at] == data[start + at]:
                at += 1
            if at == stop - start:
                return token
        slot = (slot + 1) & mask
    return -1


@jit
def _slice_id(
    data: U8,
    start: int,
    a: int,
    b: int,
    prefix: U64,
    power: U64,
    slots: I32,
    starts: I64,
    tokens: U8,
) -> int:
    """Return the id of bytes a to b of the piece at `start`, or -1."""
    value = prefix[b] - prefix[a] * power[b - a]
    return _find(value, data, start + a, start + b, slots, starts, tokens)


@jit
def _merge(
    data: U8,
    start: int,
    stop: int,
    slots: I32,
    starts: I64,
    tokens: U8,
    single: U32,
    out: U32,
    n: int,
) -> int:
    """Write the ids of one piece at out[n:] by merging the lowest rank first; return the new n."""
    count = stop - start
    prefix = np.zeros(count + 1, dtype=np.uint64)
    power = np.ones(count + 1, dtype=np.uint64)
    for at in range(count):
        prefix[at + 1] = prefix[at] * np.uint64(BASE) + np.uint64(data[start + at] + 1)
        power[at + 1] = power[at] * np.uint64(BASE)
    edge = np.arange(count + 1)
    rank = np.full(count + 1, -1, dtype=np.int64)
    for at in range(count - 1):
        rank[at] = _slice_id(data, start, at, at + 2, prefix, power, slots, starts, tokens)
    where = _lowest(rank, count)
    while where >= 0:
        for at in range(where + 1, count):
            edge[at] = edge[at + 1]
            rank[at] = rank[at + 1]
        count -= 1
        rank[count - 1] = -1
        for at in range(max(where - 1, 0), min(where + 1, count - 1)):
            a, b = edge[at], edge[at + 2]
            rank[at] = _slice_id(data, start, a, b, prefix, power, slots, starts, tokens)
        where = _lowest(rank, count)
    for at in range(count):
        a, b = edge[at], edge[at + 1]
        found = _slice_id(data, start, a, b, prefix, power, slots, starts, tokens)
        out[n + at] = single[data[start + a]] if b - a == 1 else found
    return n + count


@jit
def _lowest(rank: I64, count: int) -> int:
    """Return the first place of the lowest rank, or -1 where nothing can be merged."""
    best, where = np.int64(1) << 40, -1
    for at in range(count - 1):
        if 0 <= rank[at] < best:
            best, where = rank[at], at
    return where


@jit
def _recall(
    value: np.uint64, data: U8, start: int, stop: int, seen: I64, piece_bytes: U8, state: I64
) -> int:
    """Return the slot where the piece is kept, or minus one minus the free slot."""
    mask = len(seen) - 1
    slot = _spread(value) & mask
    while seen[slot, 0] == state[3] + 1:
        if seen[slot, 2] == stop - start:
            begin = seen[slot, 1]
            at = 0
            while at < stop - start and piece_bytes[begin + at] == data[start + at]:
                at += 1
            if at == stop - start:
                return slot
        slot = (slot + 1) & mask
    return -1 - slot


@jit
def _keep(
    slot: int, data: U8, start: int, stop: int, out: U32, a: int, b: int,
    seen: I64, piece_bytes: U8, piece_ids: U32, state: I64,
) -> None:  # fmt: skip
    full = state[0] + stop - start > len(piece_bytes) or state[1] + b - a > len(piece_ids)
    if full or state[2] * 2 > len(seen):
        state[:3] = 0
        state[3] += 1  # another generation: every slot is free
        return
    seen[slot, 0] = state[3] + 1
    seen[slot, 1], seen[slot, 2] = state[0], stop - start
    seen[slot, 3], seen[slot, 4] = state[1], b - a
    for at in range(stop - start):
        piece_bytes[state[0] + at] = data[start + at]
    for at in range(b - a):
        piece_ids[state[1] + at] = out[a + at]
    state[0] += stop - start
    state[1] += b - a
    state[2] += 1


@jit
def _encode(
    data: U8, bounds: I64, table: U8, pattern: int, slots: I32, starts: I64, tokens: U8, single: U32,
    seen: I64, piece_bytes: U8, piece_ids: U32, state: I64,
    out: U32, offsets: I64, left: NDArray[np.bool_],
) -> int:  # fmt: skip
    n = 0
    for text in range(len(bounds) - 1):
        at, end = bounds[text], bounds[text + 1]
        while at < end:
            stop = (
                cut_gpt2(data, at, end, table) if pattern == 0 else cut_cl100k(data, at, end, table)
            )
            if stop - at > LONGEST or stop == at:
                left[text] = True
                break
            value = _hash(data, at, stop)
            token = _find(value, data, at, stop, slots, starts, tokens)
            if token >= 0:
                out[n] = token
                n += 1
                at = stop
                continue
            slot = _recall(value, data, at, stop, seen, piece_bytes, state)
            if slot >= 0:
                for k in range(seen[slot, 4]):
                    out[n + k] = piece_ids[seen[slot, 3] + k]
                n += seen[slot, 4]
            else:
                a = n
                n = _merge(data, at, stop, slots, starts, tokens, single, out, n)
                _keep(-1 - slot, data, at, stop, out, a, n,
                      seen, piece_bytes, piece_ids, state)  # fmt: skip
            at = stop
        if not left[text]:
            left[text] = _unknown(data, bounds[text], bounds[text + 1], table)
        if left[text]:
            n = offsets[text]
        offsets[text + 1] = n
    return n


@jit
def _unknown(data: U8, at: int, end: int, table: U8) -> bool:
    while at < end:
        point, size = point_at(data, at)
        if table[point] == UNKNOWN:
            return True
        at += size
    return False
