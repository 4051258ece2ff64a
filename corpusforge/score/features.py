"""Hashed token features, and the kernel that scores a text with them in one pass.

Method: GPT-3's filter (Brown et al. 2020, appendix A) is logistic regression over hashed tokens;
here tokens are the words of `corpusforge.text.classes` in lower case, single and in pairs, hashed
into 2^k buckets, counted and scaled to unit length. A text is read in windows of equal size and
its score is their mean, so that a page and a book are measured with the same rod. Scoring fuses
tokenising, hashing, counting, scaling and the dot product: no vector is ever built. The same pass
counts marks, lines and capitals, because prose has few marks, long lines and few capitals where
lists, menus and offers have not (`prose`). Limits: buckets collide; pairs across a window's edge
are not seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpusforge.text.classes import ALPHA, HAN, PUNCT, SPACE, UNSPACED, UPPER, WORD
from corpusforge.text.jit import jit

__all__ = ["SEARCH", "SHAPE", "TOKENS", "count_features", "prose", "score_texts", "window_bounds"]

SEARCH = 48  # bytes looked ahead for white space, so that a window ends with a whole word

_OFFSET = np.uint64(0xCBF29CE484222325)  # FNV-1a (Fowler, Noll, Vo), over code points
_PRIME = np.uint64(0x100000001B3)
_PAIR = np.uint64(0x9E3779B97F4A7C15)

WIDTH, MARKS, LINES, FRESH, TOKENS, CASED, CAPITALS, EAST = range(8)  # places of shape counts
SHAPE = 8


@jit
def _mix(z: np.uint64) -> np.uint64:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@jit
def _decode(data: NDArray[np.uint8], i: int) -> tuple[np.uint32, int]:
    """Return the code point at byte i and where the next one begins."""
    b = np.uint32(data[i])
    if b < 0x80:
        return b, i + 1
    if b < 0xE0:
        return np.uint32((b & 0x1F) << 6 | (data[i + 1] & 0x3F)), i + 2
    c = (data[i + 1] & 0x3F) << 6 | (data[i + 2] & 0x3F)
    if b < 0xF0:
        return np.uint32((b & 0x0F) << 12 | c), i + 3
    return np.uint32((b & 0x07) << 18 | c << 6 | (data[i + 3] & 0x3F)), i + 4


@jit
def _count_shape(c: Any, kind: Any, lower: NDArray[np.uint32], shape: NDArray[np.int64]) -> None:
    """Count one character: width (a Han character is 3), half marks, and lines that do not go on.

    A line that begins with a small letter goes on from the one before, as in hard-wrapped books.
    A sentence mark of Chinese or Japanese is one half mark, any other two: these scripts, and
    classical Chinese above all, set a mark where others have a space.
    """
    if kind & SPACE:
        if c == 0x0A or c == 0x0D or c == 0x2028 or c == 0x2029:  # noqa: PLR1714 (no sets here)
            shape[FRESH] = 1
        return
    if shape[FRESH]:
        shape[FRESH] = 0
        small = _cased(c, kind) and not kind & UPPER and lower[c] == c
        if not small or shape[LINES] == 0:
            shape[LINES] += 1
    shape[WIDTH] += 3 if kind & HAN else 1
    if kind & PUNCT or (c < 0x80 and not kind & WORD):
        shape[EAST] = _eastern(c, shape[EAST])
        shape[MARKS] += 2 - shape[EAST]
    else:
        shape[EAST] = 1 if kind & HAN else 0


@jit
def _cased(c: Any, kind: Any) -> bool:
    """Return whether this is a letter of Latin, Greek, Cyrillic or Armenian."""
    return kind & ALPHA != 0 and (c < 0x590 or 0x1E00 <= c < 0x2000)


@jit
def _eastern(c: Any, east: int) -> int:
    """Return 1 for 、。《》「」『』，：；？, and for curly quotes that follow such or a Han letter."""
    if 0x3001 <= c <= 0x3002 or 0x300A <= c <= 0x300F:
        return 1
    if c == 0xFF0C or 0xFF1A <= c <= 0xFF1B or c == 0xFF1F:
        return 1
    return east if 0x2018 <= c <= 0x201D else 0


@jit
def tokenise(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    classes: NDArray[np.uint8],
    lower: NDArray[np.uint32],
    marks: bool,
    shape: NDArray[np.int64],
    out: NDArray[np.uint64],
) -> int:
    """Write a hash for each token of data[start:end] and add to `shape`; return their number."""
    n = 0
    inside = False
    h = _OFFSET
    i = start
    while i < end:
        c, i = _decode(data, i)
        kind = classes[c] if c < len(classes) else np.uint8(0)
        _count_shape(c, kind, lower, shape)
        if kind & WORD and not kind & UNSPACED:
            if not inside:
                h = _OFFSET
                inside = True
                if _cased(c, kind):
                    shape[CASED] += 1
                    shape[CAPITALS] += 1 if kind & UPPER else 0
            h = (h ^ np.uint64(lower[c])) * _PRIME
            continue
        if inside:
            out[n] = _mix(h)
            n += 1
            inside = False
        if kind & UNSPACED or (marks and kind & PUNCT):
            out[n] = _mix((_OFFSET ^ np.uint64(lower[c])) * _PRIME)
            n += 1
    if inside:
        out[n] = _mix(h)
        n += 1
    return n


@jit
def _hash_features(
    tokens: NDArray[np.uint64], n: int, ngrams: int, mask: np.uint64, out: NDArray[np.int64]
) -> int:
    """Write the bucket of each token, and of each pair where `ngrams` is 2; return their number."""
    m = 0
    for k in range(n):
        out[m] = np.int64(tokens[k] & mask)
        m += 1
        if ngrams == 2 and k:
            out[m] = np.int64(_mix(tokens[k - 1] * _PAIR + tokens[k]) & mask)
            m += 1
    return m


@jit
def window_bounds(
    data: NDArray[np.uint8], start: int, end: int, length: int, search: int
) -> NDArray[np.int64]:
    """Return the bounds of equal windows of about `length` bytes; at least one window."""
    size = end - start
    number = max(1, (size + length // 2) // length)
    bounds = np.empty(number + 1, dtype=np.int64)
    bounds[0] = start
    for k in range(1, number):
        at = max(bounds[k - 1], start + size * k // number)
        while at < end and data[at] & 0xC0 == 0x80:
            at += 1
        for i in range(at, min(at + search, end)):
            if data[i] <= 0x20:
                at = i
                break
        bounds[k] = at
    bounds[number] = end
    return bounds


@jit
def _unit_dot(table: NDArray[np.float32], found: NDArray[np.int64], m: int) -> float:
    """Return the dot product of the weights with the counted features scaled to unit length.

    The table holds (weight, count) side by side, so that a feature costs one cache line.
    """
    dot, squares = 0.0, 0.0
    for j in range(m):
        row = table[found[j]]
        dot += row[0]
        squares += 2.0 * row[1] + 1.0
        row[1] += np.float32(1.0)
    for j in range(m):
        table[found[j], 1] = np.float32(0.0)
    return dot / np.sqrt(squares)


@jit
def score_texts(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    classes: NDArray[np.uint8],
    lower: NDArray[np.uint32],
    marks: bool,
    ngrams: int,
    window: int,
    search: int,
    weights: NDArray[np.float32],
    bias: float,
    out: NDArray[np.float64],
    shapes: NDArray[np.int64],
) -> None:
    """Write each text's mean window logit, and its shape counts."""
    table = np.zeros((len(weights), 2), dtype=np.float32)
    table[:, 0] = weights
    mask = np.uint64(len(weights) - 1)
    room = 2 * (window + window // 2 + search + 8)
    tokens = np.empty(room, dtype=np.uint64)
    found = np.empty(2 * room, dtype=np.int64)
    for t in range(len(offsets) - 1):
        bounds = window_bounds(data, offsets[t], offsets[t + 1], window, search)
        total, weight = 0.0, 0
        shape = shapes[t]
        shape[FRESH] = 1
        for k in range(len(bounds) - 1):
            n = tokenise(data, bounds[k], bounds[k + 1], classes, lower, marks, shape, tokens)
            m = _hash_features(tokens, n, ngrams, mask, found)
            if n:
                total += n * _unit_dot(table, found, m)
                weight += n
        out[t] = bias + (total / weight if weight else 0.0)
        shape[TOKENS] = weight


@jit
def count_features(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    classes: NDArray[np.uint8],
    lower: NDArray[np.uint32],
    marks: bool,
    ngrams: int,
    buckets: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Return the texts as sparse rows of unit length: (row starts, buckets, values)."""
    longest = 1
    for t in range(len(offsets) - 1):
        longest = max(longest, offsets[t + 1] - offsets[t])
    tokens = np.empty(longest, dtype=np.uint64)
    found = np.empty(2 * longest, dtype=np.int64)
    shape = np.zeros(SHAPE, dtype=np.int64)
    counts = np.zeros(buckets, dtype=np.int32)
    room = 2 * (offsets[-1] - offsets[0]) + 1
    starts = np.zeros(len(offsets), dtype=np.int64)
    columns = np.empty(room, dtype=np.int32)
    values = np.empty(room, dtype=np.float32)
    at = 0
    for t in range(len(offsets) - 1):
        n = tokenise(data, offsets[t], offsets[t + 1], classes, lower, marks, shape, tokens)
        m = _hash_features(tokens, n, ngrams, np.uint64(buckets - 1), found)
        for j in range(m):
            counts[found[j]] += 1
        squares, first = 0.0, at
        for j in range(m):
            c = counts[found[j]]
            if c:
                counts[found[j]] = 0
                columns[at] = found[j]
                values[at] = c
                squares += np.float64(c) * c
                at += 1
        for j in range(first, at):
            values[j] /= np.sqrt(squares)
        starts[t + 1] = at
    return starts, columns[:at].copy(), values[:at].copy()


def prose(shapes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how much each text is shaped like prose, about -6..5, from its shape counts.

    The sum of three standard values, each cut at 2: the share of marks and the share of words that
    begin with a capital (less is better), and the logarithm of the mean length of a line. Capitals
    weigh as much as the share of words that could have one, and are cut at 1 above: style sheets
    have none. Centres and spreads are the mean and
    the standard deviation over 200 web documents (`benchmarks/quality.py` prints them).
    `shapes` are int64 [texts, counts], the result float64 [texts].
    """
    width = np.maximum(1, shapes[:, WIDTH])
    marks = (0.043 - shapes[:, MARKS] / (2 * width)) / 0.016
    lines = (np.log(width / np.maximum(1, shapes[:, LINES])) - 4.85) / 0.88
    cased = shapes[:, CASED]
    capitals = (0.242 - shapes[:, CAPITALS] / np.maximum(1, cased)) / 0.144
    share = cased / np.maximum(1, shapes[:, TOKENS])
    return np.asarray(
        np.clip(marks, -2, 2) + np.clip(lines, -2, 2) + np.clip(capitals, -2, 1) * share
    )
