"""Byte-level BPE as one kernel: cut, look up, merge, remember; tiktoken's ids several times faster.

Method: the cuts of `corpusforge.tokenize.pretokenize`; a piece is looked up in one table of the vocabulary's
tokens and of the pieces seen, which are forgotten when it is full. Another piece is merged by rank as in
tiktoken (Sennrich et al. 2016). Every look-up compares bytes, so equal hashes cannot give wrong ids. Limits:
only these two cuts; a text with a code point that this Python's Unicode tables do not know, or with a piece
above 512 bytes, is left to tiktoken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpusforge.text.jit import inline, jit
from corpusforge.text.word64 import ASCII, head, load64
from corpusforge.tokenize.pretokenize import (
    UNKNOWN,
    classes,
    cut_cl100k,
    cut_gpt2,
    point_at,
    short_cl100k,
    short_gpt2,
)

__all__ = ["SUPPORTED", "Kernel", "encode"]

SUPPORTED = {"gpt2": 0, "cl100k": 1}

LONGEST = 512
SEEN = 1 << 16
"""Pieces that are remembered beside the tokens, at most."""

ARENA_BYTES = 1 << 20
ARENA_IDS = 1 << 19

U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]

PLACES = 14
"""Two to this power of pieces found last are kept apart: 512 kB, which a processor keeps close."""

_PRIME = np.uint64(0x9E3779B97F4A7C15)
_OTHER_PRIME = np.uint64(0xBF58476D1CE4E5B9)


class Table(NamedTuple):
    """Tokens and the pieces seen, found by their bytes; what merging needs beside.

    `rows` [places, 4]: the first eight bytes of a piece, the next eight, its length and number of ids (16
    bits each), and its id. Of a piece above 16 bytes: its hash, and where `bytes` has them. Of several ids:
    where `ids` has them. `tags` [places]: of a row in use its hash, never 0; `tokens` [places]: those of
    tokens, which are never forgotten. `state` [5]: how much of `bytes` and `ids` is filled, how many pieces
    are remembered, how much of `bytes` belongs to tokens, how many bytes the longest token has.
    `recent` [places, 4]: the pieces of up to 16 bytes and two ids found last, as a row, but with both ids.
    `pairs` [65536]: the token of two bytes, or -1; `single` [256]: of one. `parts` [2, 513]: where the parts
    of the piece in hand begin, and the token of each with the next.
    """

    rows: U64
    tags: U16
    tokens: U16
    bytes: U8
    ids: U32
    state: I64
    recent: U64
    pairs: I32
    single: U32
    parts: I32


@dataclass(frozen=True, slots=True)
class Kernel:
    """A pattern, and a vocabulary with the pieces seen so far."""

    pattern: int
    table: Table

    @classmethod
    def of(cls, ranks: Mapping[bytes, int], pattern: str) -> Kernel:
        """Return the kernel of a vocabulary and a supported pattern."""
        lengths = np.array([len(token) for token in ranks], dtype=np.int64)
        bounds = np.concatenate([[0], np.cumsum(lengths)])
        ids = np.fromiter(ranks.values(), dtype=np.uint32, count=len(ranks))
        long = int(lengths[lengths > 16].sum())
        places = 1 << (2 * (len(ids) + SEEN) - 1).bit_length()
        table = Table(
            rows=np.zeros((places, 4), dtype=np.uint64),
            tags=np.zeros(places, dtype=np.uint16),
            tokens=np.zeros(places, dtype=np.uint16),
            bytes=np.zeros(long + ARENA_BYTES, dtype=np.uint8),
            ids=np.zeros(ARENA_IDS, dtype=np.uint32),
            state=np.array([0, 0, 0, long, lengths.max()], dtype=np.int64),
            recent=np.zeros((1 << PLACES, 4), dtype=np.uint64),
            pairs=np.full(1 << 16, -1, dtype=np.int32),
            single=np.zeros(256, dtype=np.uint32),
            parts=np.zeros((2, LONGEST + 1), dtype=np.int32),
        )
        _fill(np.frombuffer(b"".join(ranks), dtype=np.uint8), bounds, ids, table)
        return cls(SUPPORTED[pattern], table)


def encode(kernel: Kernel, data: U8, bounds: I64) -> tuple[U32, I64, NDArray[np.bool_]]:
    """Return (ids, offsets, left): ids of each text, and which texts the kernel leaves alone.

    Text i is `data[bounds[i]:bounds[i + 1]]`, UTF-8; a text that is left has no ids.
    """
    out = np.empty(int(bounds[-1] - bounds[0]), dtype=np.uint32)
    offsets = np.zeros(len(bounds), dtype=np.int64)
    left = np.zeros(len(bounds) - 1, dtype=np.bool_)
    count = _encode(data, bounds, classes(), kernel.pattern, kernel.table, out, offsets, left)
    return out[:count], offsets, left


@jit
def _fill(data: U8, bounds: I64, ids: U32, table: Table) -> None:
    """Keep the tokens: number n is `data[bounds[n]:bounds[n + 1]]`, with the id `ids[n]`."""
    for token in range(len(ids)):
        start, stop = bounds[token], bounds[token + 1]
        low, high = _key(data, start, stop)
        value = _hash(low, high, stop - start)
        row = -1 - _look(low, high, value, data, start, stop, table)
        _keep(row, low, high, value, data, start, stop, ids, token, token + 1, table)
        if stop - start == 1:
            table.single[data[start]] = ids[token]
        elif stop - start == 2:
            table.pairs[np.int64(data[start]) << 8 | data[start + 1]] = ids[token]
    table.tokens[:] = table.tags
    table.state[2] = 0


@inline
def _key(data: U8, start: int, stop: int) -> tuple[np.uint64, np.uint64]:
    """Return the bytes of a piece as two numbers; of one above 16 bytes a hash, and 0."""
    if stop - start <= 8:
        return head(data, start, stop), np.uint64(0)
    if stop - start <= 16:
        return head(data, start, stop), head(data, start + 8, stop)
    value = np.uint64(0)
    for at in range(start, stop, 8):
        value = (value ^ head(data, at, stop)) * np.uint64(0x9E3779B97F4A7C15)
        value ^= value >> np.uint64(29)
    return value, np.uint64(0)


@inline
def _hash(low: np.uint64, high: np.uint64, length: int) -> np.uint64:
    value = (low ^ np.uint64(length)) * _PRIME
    value = (value ^ (value >> np.uint64(32)) ^ high) * _OTHER_PRIME
    return value ^ (value >> np.uint64(32))


@inline
def _look(
    low: np.uint64, high: np.uint64, value: np.uint64, data: U8, start: int, stop: int, table: Table
) -> int:
    """Return the row of a piece, its key and its hash, or minus one minus the free row where it would be."""
    rows, tags = table.rows, table.tags
    length = stop - start
    tag = np.uint16(value >> np.uint64(48)) | np.uint16(1)
    row = int(np.int64(value & np.uint64(len(rows) - 1)))
    while tags[row]:
        if (
            tags[row] == tag
            and rows[row, 0] == low
            and rows[row, 2] >> np.uint64(16) == np.uint64(length)
        ):
            if length <= 16:
                if rows[row, 1] == high:
                    return row
            elif _same(table.bytes, int(np.int64(rows[row, 1])), data, start, length):
                return row
        row = (row + 1) & (len(rows) - 1)
    return -1 - row


@jit
def _same(one: U8, a: int, other: U8, b: int, count: int) -> bool:
    at = 0
    while at < count and one[a + at] == other[b + at]:
        at += 1
    return at == count


@jit
def _keep(
    row: int, low: np.uint64, high: np.uint64, value: np.uint64, data: U8, start: int, stop: int,
    out: U32, a: int, b: int, table: Table,
) -> None:  # fmt: skip
    """Keep a piece and its ids, out[a:b], in a free row."""
    state, rows = table.state, table.rows
    length = stop - start
    if length > 16:
        high = np.uint64(state[0])
        for at in range(length):
            table.bytes[state[0] + at] = data[start + at]
        state[0] += length
    rows[row, 0], rows[row, 1], rows[row, 2] = low, high, np.uint64(length << 16 | (b - a))
    rows[row, 3] = out[a]
    if b - a > 1:
        rows[row, 3] = state[1]
        for at in range(b - a):
            table.ids[state[1] + at] = out[a + at]
        state[1] += b - a
    table.tags[row] = np.uint16(value >> np.uint64(48)) | np.uint16(1)
    state[2] += 1


@jit
def _forget(table: Table) -> None:
    """Keep the tokens alone."""
    table.tags[:] = table.tokens
    table.state[0], table.state[1], table.state[2] = table.state[3], 0, 0


@jit
def _token(data: U8, start: int, stop: int, table: Table) -> int:
    """Return the id of a token's bytes, or -1."""
    if stop - start > table.state[4]:
        return -1
    low, high = _key(data, start, stop)
    row = _look(low, high, _hash(low, high, stop - start), data, start, stop, table)
    if row < 0 or not table.tokens[row]:
        return -1
    return int(np.int64(table.rows[row, 3]))


@jit
def _merge(data: U8, start: int, stop: int, table: Table, out: U32, n: int) -> int:
    """Write the ids of one piece at out[n:] by merging the lowest rank first; return the new n."""
    edge, rank = table.parts[0], table.parts[1]
    count = stop - start
    for at in range(count):
        edge[at] = at
        out[n + at] = table.single[data[start + at]]
    edge[count] = stop - start
    for at in range(count - 1):
        rank[at] = table.pairs[np.int64(data[start + at]) << 8 | data[start + at + 1]]
    where = _lowest(rank, count)
    while where >= 0:
        count -= 1
        out[n + where] = rank[where]
        for at in range(where + 1, count):
            edge[at] = edge[at + 1]
            rank[at] = rank[at + 1]
            out[n + at] = out[n + at + 1]
        edge[count] = stop - start
        if where:
            rank[where - 1] = _token(data, start + edge[where - 1], start + edge[where + 1], table)
        if where < count - 1:
            rank[where] = _token(data, start + edge[where], start + edge[where + 2], table)
        where = _lowest(rank, count)
    return n + count


@inline
def _lowest(rank: I32, count: int) -> int:
    """Return the first place of the lowest rank, or -1 where nothing can be merged."""
    best, where = np.int32(0x7FFFFFFF), -1
    for at in range(count - 1):
        if 0 <= rank[at] < best:
            best, where = rank[at], at
    return where


@jit
def _encode(
    data: U8, bounds: I64, classes: U8, pattern: int, table: Table,
    out: U32, offsets: I64, left: NDArray[np.bool_],
) -> int:  # fmt: skip
    n = 0
    recent = table.recent
    for text in range(len(bounds) - 1):
        at, end = bounds[text], bounds[text + 1]
        left[text] = _unknown(data, at, end, classes)
        while at < end and not left[text]:
            stop = short_gpt2(data, at, end) if pattern == 0 else short_cl100k(data, at, end)
            if stop == at:
                if pattern == 0:
                    stop = cut_gpt2(data, at, end, classes)
                else:
                    stop = cut_cl100k(data, at, end, classes)
                if stop - at > LONGEST or stop == at:
                    left[text] = True
                    break
            low, high = _key(data, at, stop)
            value = _hash(low, high, stop - at)
            place = np.int64(value >> np.uint64(64 - PLACES))
            kind = recent[place, 2]
            same = recent[place, 0] == low and recent[place, 1] == high
            if same and kind >> np.uint64(16) == np.uint64(stop - at):
                ids = recent[place, 3]
                out[n] = ids & np.uint64(0xFFFFFFFF)
                if kind & np.uint64(1):
                    n += 1
                else:
                    out[n + 1] = ids >> np.uint64(32)
                    n += 2
            else:
                a = n
                n = _piece(data, at, stop, low, high, value, table, out, n)
                if n <= a + 2 and stop - at <= 16:
                    recent[place, 0], recent[place, 1] = low, high
                    recent[place, 2] = np.uint64((stop - at) << 16 | (n - a))
                    recent[place, 3] = np.uint64(out[n - 1]) << np.uint64(32) | np.uint64(out[a])
            at = stop
        if left[text]:
            n = offsets[text]
        offsets[text + 1] = n
    return n


@jit
def _piece(
    data: U8, at: int, stop: int, low: np.uint64, high: np.uint64, value: np.uint64,
    table: Table, out: U32, n: int,
) -> int:  # fmt: skip
    """Write the ids of one piece at out[n:]; return the new n."""
    row = _look(low, high, value, data, at, stop, table)
    if row < 0:
        end = _merge(data, at, stop, table, out, n)
        state = table.state
        room = state[0] + stop - at <= len(table.bytes) and state[1] + end - n <= len(table.ids)
        if room and state[2] < SEEN:
            _keep(-1 - row, low, high, value, data, at, stop, out, n, end, table)
        else:
            _forget(table)
        return end
    count = int(np.int64(table.rows[row, 2] & np.uint64(0xFFFF)))
    first = np.int64(table.rows[row, 3])
    if count == 1:
        out[n] = first
    else:
        for k in range(count):
            out[n + k] = table.ids[first + k]
    return n + count


@jit
def _unknown(data: U8, at: int, end: int, classes: U8) -> bool:
    """Whether a text has a code point that the classes do not know; all of ASCII is known."""
    while at < end:
        if at + 8 <= end and not load64(data, at) & ASCII:
            at += 8
            continue
        point, size = point_at(data, at)
        if classes[point] == UNKNOWN:
            return True
        at += size
    return False
