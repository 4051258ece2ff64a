"""Where a text is cut into pieces before merging, as state machines for numba kernels.

The cuts are those of GPT-2 and cl100k (`corpusforge.tokenize.patterns` has the expressions); the
classes of code points come from Python's own Unicode tables. Limit: a code point that those tables
do not know has the class UNKNOWN, and its text must be cut by another engine.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from corpusforge.text.classes import are
from corpusforge.text.jit import inline, jit
from corpusforge.text.word64 import ASCII, between, high_zeros, load64, low_zeros

__all__ = ["UNKNOWN", "classes", "cut_cl100k", "cut_gpt2", "point_at", "short_cl100k", "short_gpt2"]

LETTER, NUMBER, SPACE, OTHER, UNKNOWN = 1, 2, 3, 4, 5

U8 = NDArray[np.uint8]

# Unicode's White_Space property: what \s means to tiktoken's engine.
_WHITE = (*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B))
_WHITE_REST = (0x2028, 0x2029, 0x202F, 0x205F, 0x3000)


@cache
def classes() -> U8:
    """Return the class of each code point, uint8, shape [0x110000]."""
    table = np.full(0x110000, OTHER, dtype=np.uint8)
    for kind, names in ((LETTER, ["L"]), (NUMBER, ["N"]), (UNKNOWN, ["Cn", "Cs"])):
        table[are(*names, below=len(table))] = kind
    table[[*_WHITE, *_WHITE_REST]] = SPACE
    table.flags.writeable = False
    return table


@jit
def point_at(data: U8, at: int) -> tuple[int, int]:
    """Return (code point, bytes) at a position of valid UTF-8."""
    first = int(data[at])
    if first < 0x80:
        return first, 1
    second = int(data[at + 1]) & 0x3F
    if first < 0xE0:
        return (first & 0x1F) << 6 | second, 2
    third = int(data[at + 2]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | third, 3
    return (first & 0x07) << 18 | second << 12 | third << 6 | int(data[at + 3]) & 0x3F, 4


@jit
def _run(data: U8, at: int, end: int, table: U8, kind: int) -> int:
    """Return where the run of one class that begins at `at` ends."""
    while at < end:
        point, size = point_at(data, at)
        if table[point] != kind:
            break
        at += size
    return at


@jit
def _contraction(data: U8, at: int, end: int, fold: bool) -> int:
    """Return where 's 'd 'm 't 'll 've 're ends, or `at`; with `fold` in any case, and long s."""
    if data[at] != 0x27 or at + 1 >= end:
        return at
    a = data[at + 1] | 0x20 if fold and data[at + 1] < 0x80 else data[at + 1]
    if a in (0x73, 0x64, 0x6D, 0x74):
        return at + 2
    if at + 2 >= end:
        return at
    if fold and data[at + 1] == 0xC5 and data[at + 2] == 0xBF:
        return at + 3
    b = data[at + 2] | 0x20 if fold and data[at + 2] < 0x80 else data[at + 2]
    if (a == 0x6C and b == 0x6C) or (a in (0x76, 0x72) and b == 0x65):
        return at + 3
    return at


@jit
def _spaces(data: U8, at: int, end: int, table: U8, lines: bool) -> int:
    """Return the end of the piece of white space at `at`: the last space before text is left over."""
    last = at
    newline = -1
    here = at
    while here < end:
        point, size = point_at(data, here)
        if table[point] != SPACE:
            break
        last = here
        here += size
        if point in (10, 13):
            newline = here
    if here == end:
        return end
    if lines and newline > 0:
        return newline
    return last if last > at else here


@jit
def cut_gpt2(data: U8, at: int, end: int, table: U8) -> int:
    """Return where the piece that begins at `at` ends, by GPT-2's cut."""
    stop = _contraction(data, at, end, False)
    if stop > at:
        return stop
    point, _ = point_at(data, at)
    kind = table[point]
    if point == 0x20 and at + 1 < end:
        following = table[point_at(data, at + 1)[0]]
        if following != SPACE:
            return _run(data, at + 1, end, table, following)
    if kind == SPACE:
        return _spaces(data, at, end, table, False)
    return _run(data, at, end, table, kind)


@jit
def cut_cl100k(data: U8, at: int, end: int, table: U8) -> int:
    """Return where the piece that begins at `at` ends, by cl100k's cut."""
    stop = _contraction(data, at, end, True)
    if stop > at:
        return stop
    point, size = point_at(data, at)
    kind = table[point]
    if kind == LETTER:
        return _run(data, at, end, table, LETTER)
    if kind == NUMBER:
        return _digits(data, at + size, end, table)
    after = at + size
    following = table[point_at(data, after)[0]] if after < end else np.uint8(0)
    if following == LETTER and not (point == 10 or point == 13):  # noqa: PLR1714 (no sets here)
        return _run(data, after, end, table, LETTER)
    if kind == OTHER or (point == 0x20 and following == OTHER):
        stop = _run(data, at if kind == OTHER else after, end, table, OTHER)
        while stop < end and data[stop] in (10, 13):
            stop += 1
        return stop
    return _spaces(data, at, end, table, True)


@jit
def _digits(data: U8, at: int, end: int, table: U8) -> int:
    """Return the end of a piece of at most three numbers, the first of which lies before `at`."""
    for _ in range(2):
        if at < end:
            point, size = point_at(data, at)
            if table[point] != NUMBER:
                break
            at += size
    return at


@inline
def _letters(word: np.uint64) -> np.uint64:
    return between(word | np.uint64(0x2020202020202020), 0x61, 0x7A)


@inline
def _white(word: np.uint64) -> np.uint64:
    return between(word, 0x09, 0x0D) | between(word, 0x20, 0x20)


@inline
def _alike(word: np.uint64) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64, int]:
    """Return which of eight bytes are letters, numbers, white space, others; how many are as the first is.

    0 where that is not sure: beside a byte that is not ASCII, or without an end among the eight.
    """
    letters, numbers, white = _letters(word), between(word, 0x30, 0x39), _white(word)
    others = ~(letters | numbers | white | word) & ASCII
    first = np.uint64(0x80)
    same = letters if letters & first else numbers if numbers & first else others
    same = white if white & first else same
    bits = low_zeros(~same & ASCII)
    sure = bits < 64 and not word >> np.uint64(bits) & np.uint64(1)
    return letters, numbers, white, others, bits >> 3 if sure else 0


@inline
def _ends_line(byte: np.uint8) -> bool:
    return byte in (10, 13)


@inline
def short_gpt2(data: U8, at: int, end: int) -> int:
    """Return what `cut_gpt2` does for up to eight bytes of ASCII, nearly without branches; else `at`.

    `data` is uint8 [bytes].
    """
    if at + 9 > end or data[at] == 0x27:
        return at
    after = data[at + 1]
    start = at + (data[at] == 0x20 and after != 0x20 and (after > 0x0D or after < 0x09))
    found = _alike(load64(data, start))
    white, count = found[2], found[4]
    if white & np.uint64(0x80):
        return at + (count - 1 if count > 1 else count)
    return start + count if count else at


@inline
def short_cl100k(data: U8, at: int, end: int) -> int:
    """Return what `cut_cl100k` does for up to eight bytes of ASCII, nearly without branches; else `at`.

    `data` is uint8 [bytes].
    """
    first = data[at]
    if at + 9 > end or first == 0x27 or first > 0x7F:
        return at
    word = load64(data, at)
    letters, numbers, white, others, count = _alike(word)
    here, after = np.uint64(0x80), np.uint64(0x8000)
    prefix = letters & after and not (letters | numbers) & here and not _ends_line(first)
    if prefix or (first == 0x20 and others & after):
        count = _alike(load64(data, at + 1))[4]
        stop = at + 1 + count
        return at if count == 0 or (not prefix and _ends_line(data[stop])) else stop
    if others & here and _ends_line(data[at + count]):
        return at
    if numbers & here:
        return at + min(count, 3)
    if white & here and count:
        ends = (between(word, 10, 10) | between(word, 13, 13)) << np.uint64(64 - 8 * count)
        if ends:
            return at + count - (high_zeros(ends) >> 3)
        return at + max(count - 1, 1)
    return at + count
