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

__all__ = ["count_characters", "count_runs", "decode", "scan_lines"]

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
def decode(data: U8, table: U32, points: U32, bits: U32) -> int:
    """Write the code points of a text and their property bits; return their number."""
    high = np.uint8(0)
    for i in range(len(data)):
        high |= data[i]
    if high < 0x80:
        for i in range(len(data)):
            points[i] = data[i]
            bits[i] = table[data[i]]
        return len(data)
    n = 0
    i = 0
    while i < len(data):
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
def count_characters(points: U32, bits: U32, n: int, table: U32, row: I64) -> None:
    """Count the code points of each class, and single signs; ASCII ones by a histogram."""
    plain = np.zeros(128, dtype=np.int64)
    for i in range(n):
        if points[i] < 128:
            plain[points[i]] += 1
        else:
            _count_class(bits[i], 1, row)
            _count_wide(points, bits, i, n, row)
    for point in range(128):
        _count_class(table[point], plain[point], row)
    row[_HASHES] += plain[_HASH]
    row[_CURLIES] += plain[_CURLY]
    row[_COLONS] += plain[_COLON]
    if plain[_DOT] >= 3:
        dots = 0
        for i in range(n):
            dots = dots + 1 if points[i] == _DOT else 0
            if dots == 3:
                row[_ELLIPSES] += 1
                dots = 0
    row[_CHARS] = n


@jit
def _count_class(b: np.uint32, times: int, row: I64) -> None:
    row[_LETTERS] += times * ((b & ALPHA) != 0)
    row[_DIGITS] += times * ((b & DIGIT) != 0)
    row[_UPPERS] += times * ((b & UPPER) != 0)
    row[_SPACES] += times * ((b & SPACE) != 0)
    row[_PUNCTS] += times * ((b & PUNCT) != 0)
    row[_GARBLEDS] += times * ((b & _GARBLED) != 0)


@jit
def _count_wide(points: U32, bits: U32, i: int, n: int, row: I64) -> None:
    """Count what only a character beyond ASCII can be."""
    b = bits[i]
    row[_NON_ASCII] += 1
    row[_HANS] += (b & HAN) != 0
    row[_KANAS] += (b & _KANA) != 0
    row[_UNSPACED] += (b & UNSPACED) != 0
    row[_SIMPLES] += (b & _SIMPLIFIED) != 0
    row[_TRADS] += (b & _TRADITIONAL) != 0
    row[_COLONS] += points[i] == _WIDE_COLON
    row[_ELLIPSES] += points[i] == _ELLIPSIS
    if b & HAN and 0 < i < n - 1 and bits[i - 1] & SPACE and bits[i + 1] & SPACE:
        row[_SPACED_HAN] += 1


@jit
def count_runs(bits: U32, n: int, row: I64) -> None:
    """Count runs without white space, those that hold a letter, and ends of sentences.

    A sentence ends with a run of terminals and closers, then white space unless a terminal is wide.
    Without branches but for the rare terminal: word ends cannot be predicted.
    """
    tokens = alphas = sentences = 0
    inside = lettered = np.uint32(0)
    ending = wide = False
    for i in range(n):
        b = bits[i]
        full = np.uint32((b & SPACE) == 0)
        tokens += int(full & ~inside)
        inside = full
        letter = np.uint32((b & ALPHA) != 0)
        alphas += int(letter & ~lettered)
        lettered = (lettered | letter) & full
        if ending or b & (_SENTENCE | _WIDE):
            if b & (_SENTENCE | _WIDE | _CLOSER):
                wide = wide or (b & _WIDE) != 0
                ending = True
            else:
                sentences += wide or full == 0
                ending = wide = False
    row[_SENTENCES] += sentences + ending
    row[_TOKENS] += tokens
    row[_ALPHA_TOKENS] += alphas


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
def _line_key(points: U32) -> np.uint64:
    """Return a hash of a line, two code points a step."""
    key = _SEED
    for i in range(len(points) // 2):
        pair = np.uint64(points[2 * i]) << _HALF | np.uint64(points[2 * i + 1])
        key = (key ^ pair) * _FACTOR
        key ^= key >> _HALF
    if len(points) % 2:
        key = (key ^ np.uint64(points[len(points) - 1])) * _FACTOR
        key ^= key >> _HALF
    return key


@jit
def _line_end(points: U32) -> int:
    for i in range(len(points)):
        if points[i] == _LF or points[i] == _CR:
            return i
    return len(points)


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
        stop = _line_end(points[i:n]) + i
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
            keys[lines] = _line_key(points[start:end])
            lengths[lines] = end - start
            paragraph[lines] = blocks
            lines += 1
        blank = start == end
        row[_BREAKS] += stop < n
        i = stop + 1
        if stop + 1 < n and points[stop] == _CR and points[stop + 1] == _LF:
            i += 1
    return lines
