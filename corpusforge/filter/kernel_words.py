"""Kernels over the words and lines of one text: stop words, phrases, repeated n-grams and lines.

Repetition is Gopher's (Rae et al. 2021, table A1). The n-grams are counted level by level: an
n-gram can only repeat where both its (n-1)-grams do, so the levels shrink fast and the ninth costs
nothing; the result is the same as counting each level in full. Limit: equality is that of 64-bit
hashes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpusforge.filter import tables
from corpusforge.filter.columns import CHARACTERS, GRAMS, LINES, WORDS
from corpusforge.text.classes import ALPHA, LIMIT, UNSPACED, WORD
from corpusforge.text.jit import jit

__all__ = ["count_phrases", "count_repeats", "count_words", "repeated_grams", "table_size"]

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]

_LIMIT = LIMIT
_MARK = tables.MARK
_SEED, _FACTOR, _HALF = np.uint64(0xCBF29CE484222325), np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
_CHAIN = np.uint64(0xD6E8FEB86659FD93)
_LONG = 64
_LINE = len(CHARACTERS)
_DUP_LINES, _DUP_LINE_CHARS, _PARAGRAPHS, _DUP_PARAGRAPHS, _DUP_PARAGRAPH_CHARS = range(
    _LINE + len(LINES) - 5, _LINE + len(LINES)
)
_WORD = _LINE + len(LINES)
_WORDS, _WORD_CHARS, _ALPHA_WORDS, _UNIQUE, _LONGEST, _LONG_CHARS = range(_WORD, _WORD + len(WORDS))
_TOP = _WORD + len(WORDS) - 2  # column of the top n-gram, less n
_DUP = _WORD + len(WORDS) + 3 - 5
_STOP = _WORD + len(WORDS) + len(GRAMS)


@jit
def table_size(entries: int) -> int:
    """Return the power of two that holds the entries at most half full."""
    size = 16
    while size < 2 * entries:
        size *= 2
    return size


@jit
def count_words(
    points: U32, bits: U32, n: int, lower: U32, keys: U64, lengths: I32, row: I64
) -> int:
    """Find the words; write their keys and lengths in code points; return their number."""
    words = 0
    i = 0
    while i < n:
        b = bits[i]
        if not b & WORD:
            i += 1
            continue
        start = i
        key = _SEED
        alpha = b
        single = b & UNSPACED
        while i < n:
            b = bits[i]
            if b & WORD:
                if i > start and (single or b & UNSPACED):
                    break
            elif not b & _MARK:
                break
            point = points[i]
            key = (key ^ np.uint64(lower[point] if point < _LIMIT else point)) * _FACTOR
            key ^= key >> _HALF
            alpha |= b
            i += 1
        keys[words] = key
        lengths[words] = i - start
        words += 1
        row[_WORD_CHARS] += i - start
        row[_ALPHA_WORDS] += (alpha & ALPHA) != 0
        row[_LONGEST] = max(row[_LONGEST], i - start)
        row[_LONG_CHARS] += i - start if i - start >= _LONG else 0
    row[_WORDS] = words
    return words


@jit
def _find(table: U64, key: np.uint64) -> np.int64:
    """Return the slot of the key in an open-addressing table, or -1."""
    mask = np.uint64(len(table) - 1)
    slot = key & mask
    while table[slot] != 0:
        if table[slot] == key:
            return np.int64(slot)
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1)


@jit
def count_phrases(
    keys: U64,
    words: int,
    first_keys: U64,
    first_start: I64,
    first_end: I64,
    phrase_words: U64,
    phrase_start: I64,
    phrase_group: I64,
    phrase_limit: I64,
    row: I64,
) -> None:
    """Count the places at which a phrase begins, by group, into `row`."""
    for i in range(words):
        slot = _find(first_keys, keys[i])
        if slot < 0:
            continue
        for p in range(first_start[slot], first_end[slot]):
            length = phrase_start[p + 1] - phrase_start[p]
            if i + length > words or i >= phrase_limit[p]:
                continue
            same = 1
            while same < length and keys[i + same] == phrase_words[phrase_start[p] + same]:
                same += 1
            row[phrase_group[p]] += same == length


@jit
def _count(grams: U64, n: int, keys: U64, counts: I32, slots: I32) -> int:
    """Count equal keys; write each one's slot in the table; return the number of different ones."""
    size = table_size(n)
    mask = np.uint64(size - 1)
    counts[:size] = 0
    different = 0
    for k in range(n):
        key = grams[k]
        slot = (key ^ (key >> _HALF)) & mask
        while counts[slot] != 0 and keys[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        if counts[slot] == 0:
            keys[slot] = key
            different += 1
        counts[slot] += 1
        slots[k] = slot
    return different


@jit
def _gram_chars(lengths: I32, position: int, n: int) -> int:
    total = 0
    for i in range(position, position + n):
        total += lengths[i]
    return total


@jit
def _top(where: I32, slots: I32, counts: I32, n: int, size: int, lengths: I32) -> int:
    """Return characters times count of the most frequent gram (the first such); 0 if once."""
    best = 1
    position = -1
    for k in range(n):
        if counts[slots[k]] > best:
            best = counts[slots[k]]
            position = where[k]
    return best * _gram_chars(lengths, position, size) if position >= 0 else 0


@jit
def _duplicates(where: I32, slots: I32, counts: I32, n: int, size: int, lengths: I32) -> int:
    """Return the characters in grams met before, going on behind each one (no character twice).

    Marks the seen entries by turning their counts negative, and turns them back.
    """
    total = 0
    free = 0
    for k in range(n):
        if where[k] < free:
            continue
        if counts[slots[k]] < 0:
            total += _gram_chars(lengths, where[k], size)
            free = where[k] + size
        else:
            counts[slots[k]] = -counts[slots[k]]
    for k in range(n):
        counts[slots[k]] = abs(counts[slots[k]])
    return total


@jit
def _next_level(
    grams: U64, where: I32, slots: I32, counts: I32, n: int, words: U64, total: int, size: int
) -> int:
    """Keep, in place, the grams that repeat and whose successor does, one word longer."""
    kept = 0
    for k in range(n - 1):
        position = where[k]
        if where[k + 1] == position + 1 and counts[slots[k]] > 1 and counts[slots[k + 1]] > 1:
            last = position + size
            if last < total:
                key = (grams[k] * _CHAIN) ^ words[last]
                key *= _FACTOR
                grams[kept] = key ^ (key >> _HALF)
                where[kept] = position
                kept += 1
    return kept


@jit
def repeated_grams(
    words: U64,
    lengths: I32,
    total: int,
    stop_keys: U64,
    stop_bits: U32,
    grams: U64,
    where: I32,
    keys: U64,
    counts: I32,
    slots: I32,
    row: I64,
) -> None:
    """Count different words and stop words, top 2..4-grams, duplicate 5..10-grams."""
    for i in range(total):
        grams[i] = words[i]
        where[i] = i
    n = total
    for size in range(1, 11):
        different = _count(grams, n, keys, counts, slots)
        if size == 1:
            row[_UNIQUE] = different
            _stop_words(words, slots, counts, n, stop_keys, stop_bits, row)
        elif size <= 4:
            row[_TOP + size] = _top(where, slots, counts, n, size, lengths)
        else:
            row[_DUP + size] = _duplicates(where, slots, counts, n, size, lengths)
        n = _next_level(grams, where, slots, counts, n, words, total, size)


@jit
def _stop_words(
    words: U64, slots: I32, counts: I32, n: int, stop_keys: U64, stop_bits: U32, row: I64
) -> None:
    """Count the different stop words of each language, each where it first stands.

    Marks the seen entries by turning their counts negative, and turns them back.
    """
    for k in range(n):
        if counts[slots[k]] > 0:
            counts[slots[k]] = -counts[slots[k]]
            found = _find(stop_keys, words[k])
            if found >= 0:
                for language in range(stop_bits.shape[1]):
                    row[_STOP + language] += stop_bits[found, language] != 0
    for k in range(n):
        counts[slots[k]] = abs(counts[slots[k]])


@jit
def count_repeats(
    line_keys: U64,
    lengths: I64,
    paragraph: I64,
    lines: int,
    blocks: U64,
    keys: U64,
    counts: I32,
    slots: I32,
    row: I64,
) -> None:
    """Count lines and paragraphs equal to an earlier one, and their characters."""
    _count(line_keys, lines, keys, counts, slots)
    for k in range(lines):
        if counts[slots[k]] < 0:
            row[_DUP_LINES] += 1
            row[_DUP_LINE_CHARS] += lengths[k]
        counts[slots[k]] = -abs(counts[slots[k]])
    total = paragraph[lines - 1] if lines else 0
    row[_PARAGRAPHS] = total
    chars = np.zeros(total, dtype=np.int64)
    for k in range(total):
        blocks[k] = _SEED
    for k in range(lines):
        block = paragraph[k] - 1
        key = ((blocks[block] * _CHAIN) ^ line_keys[k]) * _FACTOR
        blocks[block] = key ^ (key >> _HALF)
        chars[block] += lengths[k]
    _count(blocks, total, keys, counts, slots)
    for k in range(total):
        if counts[slots[k]] < 0:
            row[_DUP_PARAGRAPHS] += 1
            row[_DUP_PARAGRAPH_CHARS] += chars[k]
        counts[slots[k]] = -abs(counts[slots[k]])
