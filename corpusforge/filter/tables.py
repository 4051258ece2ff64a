"""Lookup tables of the statistics kernel: code point properties, stop words and phrases as hashes.

Which Han characters are simplified or traditional only is read off the two national standards that
Python ships as codecs: GB 2312 level 1 without Big5, Big5 level 1 without GB 2312. Limit: a
character that both standards hold (后, 里, 面) tells nothing and is counted as neither.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge.filter.phrases import (
    HEAD_GROUPS,
    HEAD_WORDS,
    LISTED,
    PHRASES,
    STOP_WORDS,
)
from corpusforge.text.classes import are, class_table
from corpusforge.text.words import mark_table, words

__all__ = [
    "BULLET",
    "BULLETS",
    "CLOSER",
    "COMMENT",
    "COMMENTS",
    "GARBLED",
    "KANA",
    "MARK",
    "SENTENCE",
    "SENTENCE_WIDE",
    "SIMPLIFIED",
    "TERMINALS",
    "TERMINALS_WIDE",
    "TRADITIONAL",
    "Patterns",
    "patterns",
    "property_table",
    "word_key",
]

MARK = 1 << 8  # combining mark: goes on a word
SENTENCE = 1 << 9  # ends a sentence before white space
SENTENCE_WIDE = 1 << 10  # ends a sentence anywhere
CLOSER = 1 << 11  # may stand between the end of a sentence and that of its line
BULLET = 1 << 12
KANA = 1 << 13
SIMPLIFIED = 1 << 14
TRADITIONAL = 1 << 15
GARBLED = 1 << 16
COMMENT = 1 << 17

TERMINALS = ".!?…‥\u037e؟۔।॥։።፧፨‼⁇⁈⁉‽⸮။៕܀܁܂"
TERMINALS_WIDE = "。！？｡．"
BULLETS = "-*•‣▶►◀◦■□▪▫●○·⁃–"
COMMENTS = "#;%"
_CLOSERS = "\"'*_`»›"
_WIDE_KANA = ((0x3040, 0x30FF), (0x31F0, 0x31FF))
_CONTROLS = (*range(9), *range(14, 28), 127, *range(0x80, 0x85), *range(0x86, 0xA0))

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
_MASK = (1 << 64) - 1


@functools.cache
def property_table() -> NDArray[np.uint32]:
    """Return the property bits of each code point below `LIMIT`: `classes`' and this module's.

    The table is uint32 [LIMIT].
    """
    table = class_table().astype(np.uint32)
    table[mark_table()] |= MARK
    table[are("Pe", "Pf", "Pi")] |= CLOSER
    for bit, characters in (
        (SENTENCE, TERMINALS),
        (SENTENCE_WIDE, TERMINALS_WIDE),
        (BULLET, BULLETS),
        (CLOSER, _CLOSERS),
        (COMMENT, COMMENTS),
    ):
        table[[ord(c) for c in characters]] |= bit
    for low, high in _WIDE_KANA:
        table[low : high + 1] |= KANA
    table[list(_CONTROLS)] |= GARBLED
    table[0xE000:0xF900] |= GARBLED  # private use
    table[0xFFFD] |= GARBLED
    simplified, traditional = _variants()
    table[simplified] |= SIMPLIFIED
    table[traditional] |= TRADITIONAL
    table.flags.writeable = False
    return table


def _variants() -> tuple[list[int], list[int]]:
    """Return (simplified-only, traditional-only) code points."""
    gb_first = _decoded("gb2312", range(0xB0, 0xD8), range(0xA1, 0xFF))
    gb_all = _decoded("gb2312", range(0xB0, 0xF8), range(0xA1, 0xFF))
    big_first = _decoded("big5", range(0xA4, 0xC7), (*range(0x40, 0x7F), *range(0xA1, 0xFF)))
    big_all = _decoded("big5", range(0xA4, 0xFA), (*range(0x40, 0x7F), *range(0xA1, 0xFF)))
    return sorted(gb_first - big_all), sorted(big_first - gb_all)


def _decoded(codec: str, leads: range, trails: range | tuple[int, ...]) -> set[int]:
    pairs = (bytes((lead, trail)) for lead in leads for trail in trails)
    return {ord(c) for c in b" ".join(pairs).decode(codec, "ignore") if 0x4E00 <= ord(c) < 0xA000}


def word_key(word: str) -> int:
    """Return the kernel's 64-bit hash of a word (lower case expected)."""
    key = 0xCBF29CE484222325
    for character in word:
        key = ((key ^ ord(character)) * 0x9E3779B97F4A7C15) & _MASK
        key ^= key >> 32
    return key


@dataclass(frozen=True, slots=True)
class Patterns:
    """Stop words and phrases as the kernel reads them.

    `stop_keys` is an open-addressing table (0 = empty) whose entry i means bit b of
    `stop_bits[i, l]`: the b-th stop word of language l. Phrases lie sorted by their first word:
    `first_keys` is another such table, entry i naming phrases `first_start[i]:first_end[i]`;
    phrase p is `phrase_words[phrase_start[p]:phrase_start[p + 1]]`, belongs to group
    `phrase_group[p]` and counts only where it begins before word `phrase_limit[p]`.
    """

    stop_keys: U64
    stop_bits: NDArray[np.uint32]
    first_keys: U64
    first_start: I64
    first_end: I64
    phrase_words: U64
    phrase_start: I64
    phrase_group: I64
    phrase_limit: I64


def _slots(keys: list[int]) -> tuple[U64, dict[int, int]]:
    """Return an open-addressing table at most a quarter full, and each key's slot."""
    size = 1 << (4 * max(1, len(keys)) - 1).bit_length()
    table = np.zeros(size, dtype=np.uint64)
    where: dict[int, int] = {}
    for key in sorted(keys):
        slot = key & (size - 1)
        while table[slot]:
            slot = (slot + 1) & (size - 1)
        table[slot] = key
        where[key] = slot
    return table, where


@functools.cache
def patterns(listed: tuple[str, ...] = ()) -> Patterns:
    """Return the tables of `STOP_WORDS` and `PHRASES`, the phrases of group "listed" added."""
    stops = [[word_key(word) for word in text.split()] for text in STOP_WORDS.values()]
    stop_keys, where = _slots(sorted({key for keys in stops for key in keys}))
    stop_bits = np.zeros((len(stop_keys), len(stops)), dtype=np.uint32)
    for language, keys in enumerate(stops):
        for bit, key in enumerate(keys):
            stop_bits[where[key], language] |= np.uint32(1 << bit)
    phrases = sorted(
        (tuple(word_key(word) for word in words(phrase)), group, name in HEAD_GROUPS)
        for group, (name, members) in enumerate(PHRASES.items())
        for phrase in (members if name != LISTED else sorted(set(listed)))
        if words(phrase)
    )
    firsts = [keys[0] for keys, _, _ in phrases]
    first_keys, where = _slots(sorted(set(firsts)))
    start, end = np.zeros((2, len(first_keys)), dtype=np.int64)
    for key, slot in where.items():
        start[slot] = firsts.index(key)
        end[slot] = start[slot] + firsts.count(key)
    return Patterns(
        stop_keys,
        stop_bits,
        first_keys,
        start,
        end,
        np.array([key for keys, _, _ in phrases for key in keys], dtype=np.uint64),
        np.cumsum([0] + [len(keys) for keys, _, _ in phrases]).astype(np.int64),
        np.array([group for _, group, _ in phrases], dtype=np.int64),
        np.array([HEAD_WORDS if head else 1 << 62 for _, _, head in phrases], dtype=np.int64),
    )
