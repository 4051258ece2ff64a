"""Kernels of the novelty gate: bounds by signature, bit-parallel LCS, exact search for the nearest.

LCS after Hyyrö (2004): S = (S + (S & M)) | (S - (S & M)) for each token of the pool member, where M
holds the places of that token in the candidate; every zero bit of S is one token of the longest
common subsequence. Limit: the work is one machine word per 64 tokens of the candidate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from corpusforge.text.jit import jit

__all__ = ["lcs_all", "search", "signature"]

_BLOCK = (
    1024  # members whose bounds are computed in one loop, which the compiler turns into vectors
)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)

# Places at which the search for the nearest starts, as L/(m+n): most texts have ten neighbours above
# one of the upper ones, and then few members need an LCS.
_STARTS = np.array([[1, 4], [1, 5], [3, 20], [1, 10], [0, 1]], dtype=np.int64)


@jit
def _popcount(x: Any) -> Any:
    """Return the number of one bits of a uint64; compilers know this form as one instruction."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)


@jit
def signature(ids: Any) -> Any:
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
def _pattern(ids: Any, place: Any) -> Any:
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
def _clear(ids: Any, place: Any) -> None:
    for token in ids:
        if token >= 0:
            place[token] = 0


@jit
def _lcs(member: Any, place: Any, rows: Any, state: Any) -> Any:
    """Return the length of the longest common subsequence of a member and the pattern."""
    width = rows.shape[1]
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
    low: Any, high: Any, extra: Any, lengths: Any, q_low: Any, q_high: Any, q_extra: Any,
    m: int, num: int, den: int, flags: Any,
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
def _insert(best: Any, found: Any, member: Any, length: Any, size: Any) -> Any:
    """Put (member, L, n) into `best`, ordered by L/(m+n) falling, then by place; return how many."""
    k = min(found, len(best) - 1)
    while k > 0 and length * best[k - 1, 2] > best[k - 1, 1] * size:
        best[k] = best[k - 1]
        k -= 1
    best[k, 0], best[k, 1], best[k, 2] = member, length, size
    return min(found + 1, len(best))


@jit
def _pass(
    place: Any, rows: Any, tokens: Any, starts: Any, lengths: Any, low: Any, high: Any, extra: Any,
    q_low: Any, q_high: Any, q_extra: int, m: int, num: int, den: int, best: Any,
) -> int:  # fmt: skip
    """Fill `best` with the members of largest L/(m+n) > num/den; return how many there are."""
    flags = np.zeros(_BLOCK, dtype=np.uint8)
    state = np.empty(rows.shape[1], dtype=np.uint64)
    found, count = 0, len(lengths)
    for base in range(0, count, _BLOCK):
        stop = min(base + _BLOCK, count)
        if not _may_pass(
            low[base:stop], high[base:stop], extra[base:stop], lengths[base:stop],
            q_low, q_high, q_extra, m, num, den, flags,
        ):  # fmt: skip
            continue
        for i in range(base, stop):
            if not flags[i - base]:
                continue
            n = np.int64(lengths[i])
            length = _lcs(tokens[starts[i] : starts[i] + n], place, rows, state)
            if den * length > num * (m + n):
                found = _insert(best, found, i, length, m + n)
                if found == len(best):
                    num, den = best[found - 1, 1], best[found - 1, 2]
    return found


@jit
def search(
    ids: Any, place: Any, tokens: Any, starts: Any, lengths: Any, low: Any, high: Any, extra: Any,
    num: int, den: int, best: Any,
) -> int:  # fmt: skip
    """Find the members with the largest L/(m+n) above num/den; of equal ones the first.

    `ids` int32 [m], -1 for tokens that no member has; `place` int32 [vocabulary], zero; `best` int64
    [top, 3] receives (member, L, m + n). Returns how many were found.
    """
    rows = _pattern(ids, place)
    q_low, q_high, q_extra = signature(ids)
    found = 0
    for k in range(len(_STARTS)):
        start_num, start_den = _STARTS[k, 0], _STARTS[k, 1]
        last = start_num * den <= num * start_den
        if last:
            start_num, start_den = num, den
        found = _pass(
            place, rows, tokens, starts, lengths, low, high, extra,
            q_low, q_high, q_extra, len(ids), start_num, start_den, best,
        )  # fmt: skip
        if last or found == len(best):
            break
    _clear(ids, place)
    return found


@jit
def lcs_all(ids: Any, place: Any, tokens: Any, starts: Any, lengths: Any, out: Any) -> None:
    """Write L of the candidate with every member to `out`, int64 [members]."""
    rows = _pattern(ids, place)
    state = np.empty(rows.shape[1], dtype=np.uint64)
    for i in range(len(lengths)):
        out[i] = _lcs(tokens[starts[i] : starts[i] + lengths[i]], place, rows, state)
    _clear(ids, place)
