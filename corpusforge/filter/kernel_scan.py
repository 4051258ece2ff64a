"""Kernels that read one text: code points, character classes, tokens, lines.

Each kernel is one loop over the code points of a text that was decoded once into scratch arrays
(`points`, uint32, and `bits`, the property of each); plain C-like code for numba. Method: the two
passes of the prototype measured for this design, with Unicode tables in place of ASCII tests.
Limits: code points from `LIMIT` on have no property; ill-formed UTF-8 cannot occur in Arrow text.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpusforge.filter import tables
from corpusforge.filter.columns import CHARACTERS, LINES
from corpusforge.text.classes import (
    ALPHA,
    DIGIT,
    HAN,
    LIMIT,
    PUNCT,
    SPACE,
    UNSPACED,
    UPPER,
)
from corpusforge.text.jit import jit

__all__ = ["count_characters", "count_sentences", "count_tokens", "decode", "scan_lines"]

U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

_LIMIT = LIMIT
_MARK, _SENTENCE, _WIDE = tables.MARK, tables.SENTENCE, tables.SENTENCE_WIDE
_CLOSER, _BULLET, _KANA = tables.CLOSER, tables.BULLET, tables.KANA
_COMMENT, _GARBLED = tables.COMMENT, tables.GARBLED
_SIMPLIFIED, _TRADITIONAL = tables.SIMPLIFIED, tables.TRADITIONAL
_SEED, _FACTOR, _HALF = np.uint64(0xCBF29CE484222325), np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
_LF, _CR, _DOT, _HASH, _CURLY, _COLON = 10, 13, 46, 35, 123, 58
_ELLIPSIS, _WIDE_COLON = 0x2026, 0xFF1A
_SHORT, _WRAPPED_CHARS = 30, 40

(
    _CHARS,
    _LETTERS,
    _DIGITS,
    _UPPERS,
    _SPACES,
    _PUNCTS,
    _HANS,
    _KANAS,
    _UNSPACED,
    _SIMPLES,
    _TRADS,
    _GARBLEDS,
    _NON_ASCII,
    _HASHES,
    _CURLIES,
    _COLONS,
    _ELLIPSES,
    _SPACED_HAN,
    _SENTENCES,
    _TOKENS,
    _ALPHA_TOKENS,
) = range(len(CHARACTERS))
(
    _BREAKS,
    _LINES,
    _LINE_CHARS,
    _LONGEST,
    _SHORTS,
    _BULLETS,
    _ELLIPSIS_LINES,
    _TERMINALS,
    _WRAPPED,
    _COMMENTS,
) = range(len(CHARACTERS), len(CHARACTERS) + len(LINES) - 5)


@jit
def decode(data: U8, start: int, end: int, table: U32, points: U32, bits: U32) -> int:
    """Write the code points of `data[start:end]` and their property bits; return their number."""
    n = 0
    i = start
    while i < end:
        byte = np.uint32(data[i])
        if byte < 0x80:
            point = byte
            i += 1
        elif byte < 0xE0:
            point = (byte & np.uint32(0x1F)) << np.uint32(6) | np.uint32(data[i + 1] & 0x3F)
            i += 2
        elif byte < 0xF0:
            point = (
                (byte & np.uint32(0x0F)) << np.uint32(12)
                | np.uint32(data[i + 1] & 0x3F) << np.uint32(6)
                | np.uint32(data[i + 2] & 0x3F)
            )
            i += 3
        else:
            point = (
                (byte & np.uint32(0x07)) << np.uint32(18)
                | np.uint32(data[i + 1] & 0x3F) << np.uint32(12)
                | np.uint32(data[i + 2] & 0x3F) << np.uint32(6)
                | np.uint32(data[i + 3] & 0x3F)
            )
            i += 4
        points[n] = point
        bits[n] = table[point] if point < _LIMIT else 0
        n += 1
    return n


@jit
def count_characters(points: U32, bits: U32, n: int, row: I64) -> None:
    """Count the code points of each class, and single signs."""
    dots = 0
    for i in range(n):
        b = bits[i]
        point = points[i]
        row[_LETTERS] += (b & ALPHA) != 0
        row[_DIGITS] += (b & DIGIT) != 0
        row[_UPPERS] += (b & UPPER) != 0
        row[_SPACES] += (b & SPACE) != 0
        row[_PUNCTS] += (b & PUNCT) != 0
        row[_GARBLEDS] += (b & _GARBLED) != 0
        dots = dots + 1 if point == _DOT else 0
        if dots == 3:
            row[_ELLIPSES] += 1
            dots = 0
        if point < 128:
            row[_HASHES] += point == _HASH
            row[_CURLIES] += point == _CURLY
            row[_COLONS] += point == _COLON
        else:
            row[_NON_ASCII] += 1
            row[_HANS] += (b & HAN) != 0
            row[_KANAS] += (b & _KANA) != 0
            row[_UNSPACED] += (b & UNSPACED) != 0
            row[_SIMPLES] += (b & _SIMPLIFIED) != 0
            row[_TRADS] += (b & _TRADITIONAL) != 0
            row[_COLONS] += point == _WIDE_COLON
            row[_ELLIPSES] += point == _ELLIPSIS
            if b & HAN and 0 < i < n - 1 and bits[i - 1] & SPACE and bits[i + 1] & SPACE:
                row[_SPACED_HAN] += 1
    row[_CHARS] = n


@jit
def count_sentences(bits: U32, n: int, row: I64) -> None:
    """Count ends of sentences: a run of terminals and closers, then white space unless wide."""
    i = 0
    while i < n:
        if not bits[i] & (_SENTENCE | _WIDE):
            i += 1
            continue
        wide = False
        while i < n and bits[i] & (_SENTENCE | _WIDE | _CLOSER):
            wide = wide or (bits[i] & _WIDE) != 0
            i += 1
        if wide or i == n or bits[i] & SPACE:
            row[_SENTENCES] += 1


@jit
def count_tokens(bits: U32, n: int, row: I64) -> None:
    """Count runs without white space, and those that hold a letter."""
    i = 0
    while i < n:
        if bits[i] & SPACE:
            i += 1
            continue
        alpha = np.uint32(0)
        while i < n and not bits[i] & SPACE:
            alpha |= bits[i]
            i += 1
        row[_TOKENS] += 1
        row[_ALPHA_TOKENS] += (alpha & ALPHA) != 0


@jit
def _terminal(bits: U32, start: int, end: int) -> bool:
    """Whether bits[start:end] ends a sentence, closers left out."""
    last = end - 1
    while last >= start and bits[last] & _CLOSER and not bits[last] & (_SENTENCE | _WIDE):
        last -= 1
    return last >= start and (bits[last] & (_SENTENCE | _WIDE)) != 0


@jit
def _comment(points: U32, bits: U32, start: int, end: int) -> bool:
    """Whether a line opens with #, ;, %, //, /*, --, <!-- or is the middle (* …) of such a
    comment.
    """
    if bits[start] & _COMMENT:
        return True
    first = points[start]
    second = points[start + 1] if start + 1 < end else np.uint32(32)
    if first == 47:  # /
        return second in (42, 47)
    if first == 45:  # -
        return second == 45
    if first == 42:  # *
        return second in (32, 47)
    return first == 60 and second == 33  # <!


@jit
def _count_line(points: U32, bits: U32, start: int, end: int, row: I64) -> None:
    """Add one trimmed, non-blank line to the row."""
    length = end - start
    width = length
    for i in range(start, end):
        if bits[i] & (HAN | _KANA):
            width += 2
        if width > _SHORT:
            break
    row[_LINES] += 1
    row[_LINE_CHARS] += length
    row[_LONGEST] = max(row[_LONGEST], length)
    row[_SHORTS] += width <= _SHORT
    row[_BULLETS] += (bits[start] & _BULLET) != 0
    row[_TERMINALS] += _terminal(bits, start, end)
    row[_COMMENTS] += _comment(points, bits, start, end)
    last = points[end - 1]
    dots = length >= 3 and last == _DOT and points[end - 2] == _DOT and points[end - 3] == _DOT
    row[_ELLIPSIS_LINES] += dots or last == _ELLIPSIS


@jit
def _line_key(points: U32, start: int, end: int) -> np.uint64:
    key = _SEED
    for i in range(start, end):
        key = (key ^ np.uint64(points[i])) * _FACTOR
        key ^= key >> _HALF
    return key


@jit
def scan_lines(
    points: U32, bits: U32, n: int, keys: U64, lengths: I64, paragraph: I64, row: I64
) -> int:
    """Count lines; write the key, length and paragraph number of each; return their number."""
    lines = 0
    blocks = 0
    i = 0
    blank = True
    open_line = False
    while i < n:
        stop = i
        while stop < n and points[stop] != _LF and points[stop] != _CR:
            stop += 1
        start, end = i, stop
        while start < end and bits[start] & SPACE:
            start += 1
        while end > start and bits[end - 1] & SPACE:
            end -= 1
        if start < end:
            _count_line(points, bits, start, end, row)
            blocks += blank
            starts_small = bits[start] & ALPHA and not bits[start] & (UPPER | HAN | _KANA)
            row[_WRAPPED] += open_line and not blank and starts_small
            open_line = end - start >= _WRAPPED_CHARS and not _terminal(bits, start, end)
            keys[lines] = _line_key(points, start, end)
            lengths[lines] = end - start
            paragraph[lines] = blocks
            lines += 1
        blank = start == end
        row[_BREAKS] += stop < n
        i = stop + 1
        if stop + 1 < n and points[stop] == _CR and points[stop + 1] == _LF:
            i += 1
    return lines
