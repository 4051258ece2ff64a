"""Kernels of the novelty gate: bounds by signature, bit-parallel LCS, exact search for the nearest.

LCS after Hyyrö (2004): S = (S + (S & M)) | (S - (S & M)) for each token of the pool member, where M
holds the places of that token in the candidate; every zero bit of S is one token of the longest
common subsequence. Limit: the work is one machine word per 64 tokens of the candidate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from corpusforge.text.arrays import I32, I64, U8, U64
from corpusforge.text.jit import jit

__all__ = ["above", "lcs_all", "nearest", "signature"]

_BLOCK = (
    1024  # members whose bounds are computed in one loop, which the compiler turns into vectors
)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_SAMPLE = 8
_FIRST = 4  # members per place wanted whose LCS is taken first, to know what a near one is


@jit
def _popcount(x: np.uint64) -> Any:
    """Return the number of one bits of a uint64; compilers know this form as one instruction."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)


@jit
def signature(ids: I32) -> Any:
    """Return (low 64 bits, high 64 bits, tokens beyond the bits set) of a text's known token ids."""
    low, high, known = np.uint64(0), np.uint64(0), 0
    for token in ids:
        if token < 0:
            continue
        known += 1
        bit = np.uint64(1) << np.uint64(token & 63)
        if token & 64:
            high |= bit
        else:
            low |= bit
    return low, high, known - np.int64(_popcount(low) + _popcount(high))


@jit
def _pattern(ids: I32, place: I32) -> Any:
    """Return the places of each distinct token as bits, uint64 [distinct + 1, words]; row 0 is empty.

    `place[token]` becomes the token's row; the caller's table must be zero before and is not after.
    """
    rows = np.zeros((len(ids) + 1, (len(ids) + 63) >> 6), dtype=np.uint64)
    distinct = 0
    for k in range(len(ids)):
        token = ids[k]
        if token < 0:
            continue
        if place[token] == 0:
            distinct += 1
            place[token] = distinct
        rows[place[token], k >> 6] |= np.uint64(1) << np.uint64(k & 63)
    return rows


@jit
def _clear(ids: I32, place: I32) -> None:
    for token in ids:
        if token >= 0:
            place[token] = 0


@jit
def _lcs(member: I32, place: I32, rows: U64, state: U64) -> Any:
    """Return the length of the longest common subsequence of a member and the pattern."""
    width = rows.shape[1]
    if width == 1:
        s = _ALL
        for token in member:
            u = s & rows[place[token], 0]
            s = (s + u) | (s - u)
        return np.int64(_popcount(~s))
    for w in range(width):
        state[w] = _ALL
    for token in member:
        row = place[token]
        if row == 0:
            continue
        carry = np.uint64(0)
        for w in range(width):
            s = state[w]
            u = s & rows[row, w]
            total = s + u
            over = np.uint64(total < s)
            total += carry
            carry = over | np.uint64(total < carry)
            state[w] = total | (s - u)
    length: Any = 0
    for w in range(width):
        length += np.int64(_popcount(~state[w]))
    return length


@jit
def _may_pass(
    low: U64, high: U64, extra: I32, lengths: I32, q_low: np.uint64, q_high: np.uint64, q_extra: int,
    m: int, num: int, den: int, flags: U8,
) -> bool:  # fmt: skip
    """Set flags[i] where den·L > num·(m+n) is possible for member i; return whether any is.

    Bits that only one side has are tokens that only it has, so L <= bits in common + the smaller
    number of tokens that share a bit with another of the same text.
    """
    some = np.uint8(0)
    for i in range(len(low)):
        common = np.int64(_popcount(q_low & low[i]) + _popcount(q_high & high[i]))
        rest = np.int64(extra[i])
        most = common + (q_extra if q_extra < rest else rest)
        flags[i] = den * most > num * (m + np.int64(lengths[i]))
    for i in range(len(low)):
        some |= flags[i]
    return some != 0


@jit
def _insert(best: I64, found: int, member: int, length: int, size: np.int64) -> Any:
    """Put (member, L, m+n) into `best`, by L/(m+n) falling, equal ones as they came; return how many.

    Where `best` is full, what is not above its last entry stays out.
    """
    top = len(best)
    if found == top and length * best[top - 1, 2] <= best[top - 1, 1] * size:
        return found
    k = min(found, top - 1)
    while k > 0 and length * best[k - 1, 2] > best[k - 1, 1] * size:
        best[k] = best[k - 1]
        k -= 1
    best[k, 0], best[k, 1], best[k, 2] = member, length, size
    return min(found + 1, top)


@jit
def above(
    num: int, den: int, best: I64,
    ids: I32, place: I32, tokens: I32, starts: I64, lengths: I32, low: U64, high: U64, extra: I32,
) -> Any:  # fmt: skip
    """Find the members with the largest L/(m+n) above num/den; of equal ones the first.

    `ids` int32 [m], -1 for tokens that no member has; `place` int32 [vocabulary], zero; `best` int64
    [top, 3] receives (member, L, m + n). Returns how many were found.
    """
    rows = _pattern(ids, place)
    q_low, q_high, q_extra = signature(ids)
    flags = np.zeros(_BLOCK, dtype=np.uint8)
    state = np.empty(rows.shape[1], dtype=np.uint64)
    found, count, m = 0, len(lengths), len(ids)
    for base in range(0, count, _BLOCK):
        stop = min(base + _BLOCK, count)
        if not _may_pass(
            low[base:stop], high[base:stop], extra[base:stop], lengths[base:stop],
            q_low, q_high, q_extra, m, num, den, flags,
        ):  # fmt: skip
            continue
        for i in range(base, stop):
            if flags[i - base]:
                n = np.int64(lengths[i])
                length = _lcs(tokens[starts[i] : starts[i] + n], place, rows, state)
                if den * length > num * (m + n):
                    found = _insert(best, found, i, length, m + n)
    _clear(ids, place)
    return found


@jit
def _bounds(
    low: U64, high: U64, extra: I32, lengths: I32, q_low: np.uint64, q_high: np.uint64, q_extra: int,
    m: np.int64, out: U8,
) -> None:  # fmt: skip
    """Write to `out`, uint8, at least 256 times the largest L/(m+n) possible for each member."""
    for i in range(len(low)):
        common = np.int64(_popcount(q_low & low[i]) + _popcount(q_high & high[i]))
        rest = np.int64(extra[i])
        most = common + (q_extra if q_extra < rest else rest)
        # np.true_divide raises nothing, which lets the loop become vectors. The float is up to 2^-16
        # off; what is added makes that an error upwards. Without tokens on either side: 0.
        size = np.float32(m + np.int64(lengths[i])) + np.float32(1e-6)
        out[i] = np.uint8(np.true_divide(np.float32(256 * most), size) + np.float32(1e-3))


@jit
def _first_bar(bounds: U8, wanted: int) -> Any:
    """Return the largest bar, at least 1, that about `wanted` members' bounds reach."""
    counts = np.zeros(256, dtype=np.int64)
    for bound in bounds[::_SAMPLE]:
        counts[bound] += 1
    bar, reached = 255, counts[255]
    while bar > 1 and reached * _SAMPLE < wanted:
        bar -= 1
        reached += counts[bar]
    return bar


@jit
def nearest(
    best: I64,
    ids: I32, place: I32, tokens: I32, starts: I64, lengths: I32, low: U64, high: U64, extra: I32,
) -> Any:  # fmt: skip
    """Find the members with the largest L/(m+n) above 0; arguments and result as in `above`.

    First among those with the highest bounds, then among all whose bounds reach what that found.
    """
    rows = _pattern(ids, place)
    q_low, q_high, q_extra = signature(ids)
    m, top = np.int64(len(ids)), len(best)
    bounds = np.empty(len(lengths), dtype=np.uint8)
    _bounds(low, high, extra, lengths, q_low, q_high, q_extra, m, bounds)
    state = np.empty(rows.shape[1], dtype=np.uint64)
    bar, found = _first_bar(bounds, _FIRST * top), 0
    for _ in range(2):
        found, lowest = 0, bar
        for i in range(len(bounds)):
            if bounds[i] < lowest:
                continue
            n = np.int64(lengths[i])
            length = _lcs(tokens[starts[i] : starts[i] + n], place, rows, state)
            if length > 0:
                found = _insert(best, found, i, length, m + n)
                if found == top:
                    lowest = max(lowest, 256 * best[top - 1, 1] // best[top - 1, 2])
        floor = 256 * best[top - 1, 1] // best[top - 1, 2] if found == top else 1
        if floor >= bar:  # no member below the bar can be among the nearest
            break
        bar = max(floor, 1)
    _clear(ids, place)
    return found


@jit
def lcs_all(ids: I32, place: I32, tokens: I32, starts: I64, lengths: I32, out: I64) -> None:
    """Write L of the candidate with every member to `out`, int64 [members]."""
    rows = _pattern(ids, place)
    state = np.empty(rows.shape[1], dtype=np.uint64)
    for i in range(len(lengths)):
        out[i] = _lcs(tokens[starts[i] : starts[i] + lengths[i]], place, rows, state)
    _clear(ids, place)
