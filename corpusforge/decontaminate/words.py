"""Normalised words of packed texts: what n-grams are made of.

A word is the project's word (`text.classes`: runs of word characters, unspaced scripts one
character a word) of the folded text (`text.fold`), lower-cased, with apostrophes and digit marks
inside a word left out, so that don't = dont and 1,000 = 1000 (Brown et al. 2020 strip punctuation; so
must a copy whose punctuation was stripped still match). Limit: a hyphen parts two words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.text.arrays import I64, U8, U32, U64, Bools
from corpusforge.text.classes import DIGIT, LIMIT, UNSPACED, WORD
from corpusforge.text.fold import (
    GONE,
    ROUGH,
    SPECIAL,
    FoldTable,
    fold_places,
    fold_point,
    fold_table,
    point_at,
    special,
)
from corpusforge.text.jit import jit
from corpusforge.text.packed import packed, unpacked

__all__ = ["Words", "folded_words", "split_words", "word_character"]

NUMERIC = 1  # flag: the word begins with a digit
LONE = 2  # flag: the word is one character of an unspaced script


@dataclass(frozen=True, slots=True)
class Words:
    """The words of n texts, one after another.

    hashes uint64 [w]; starts, ends int64 [w], bytes in `data`; flags uint8 [w] (NUMERIC, LONE);
    texts int64 [n + 1], the words of text i are texts[i]:texts[i + 1]; data and offsets as packed.
    Texts that had to be folded first stand folded in `data`; `places` says of each of them where its
    characters (and its end) stood in the text as given.
    """

    hashes: NDArray[np.uint64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    flags: NDArray[np.uint8]
    texts: NDArray[np.int64]
    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    places: dict[int, NDArray[np.int64]] = field(default_factory=dict)


@jit
def _next(data: U8, start: int, i: int, end: int, fold: FoldTable, folded: bool) -> tuple[int, int]:
    """Return (folded code point, place behind it) of the first character from byte i on that stays.

    (ROUGH, i) where the text must be folded first, (GONE, end) where no character is left.
    """
    while i < end:
        point, behind = point_at(data, i)
        value = fold_point(point, fold.points)
        if value >= SPECIAL:
            value = special(data, start, i, value, fold, folded)
        if value != GONE:
            return value, behind
        i = behind
    return GONE, end


@jit
def _joins(
    data: U8, start: int, i: int, end: int, mark: int, last: int, fold: FoldTable, folded: bool
) -> bool:
    """Whether a mark between the word character `last` and what follows from byte i is inside a word."""
    apostrophe = mark in (0x27, 0x2019)
    if not apostrophe and (mark not in (0x2C, 0x2E) or not 48 <= last <= 57):
        return False
    value, i = _next(data, start, i, end, fold, folded)
    if apostrophe:
        return 0 <= value < LIMIT and fold.classes[value] & (WORD | UNSPACED) == WORD
    digits = 0
    while digits < 4 and 48 <= value <= 57:
        digits += 1
        value, i = _next(data, start, i, end, fold, folded)
    return digits == 3 or (mark == 0x2E and digits > 0)


@jit
def _finish(h: Any) -> Any:
    h ^= h >> np.uint64(29)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    return h ^ (h >> np.uint64(32))


@jit
def _split(
    data: U8, offsets: I64, fold: FoldTable, folded: Bools,
    hashes: U64, starts: I64, ends: I64, flags: U8, texts: I64, rough: Bools,
) -> int:  # fmt: skip
    seed, prime = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
    count = 0
    for t in range(len(offsets) - 1):
        texts[t] = count
        start, end = offsets[t], offsets[t + 1]
        behind: Any = start
        begin: Any = -1
        last: Any = 0
        h, flag = seed, 0
        while behind < end:
            i = behind
            point, behind = point_at(data, i)
            value = fold_point(point, fold.points)
            if value >= SPECIAL:
                value = special(data, start, i, value, fold, folded[t])
                if value == GONE:
                    continue
                if value == ROUGH:
                    rough[t] = True
                    break
            bits = fold.classes[point] if point < LIMIT else 0
            lone = bits & UNSPACED
            if begin >= 0 and (
                lone
                or not (
                    bits & WORD or _joins(data, start, behind, end, value, last, fold, folded[t])
                )
            ):
                hashes[count], starts[count], ends[count] = _finish(h), begin, i
                flags[count] = flag
                count += 1
                h, begin = seed, -1
            if lone:
                hashes[count] = _finish((seed ^ np.uint64(value)) * prime)
                starts[count], ends[count], flags[count] = i, behind, LONE
                count += 1
            elif bits & WORD:
                if begin < 0:
                    begin = i
                    flag = NUMERIC if bits & DIGIT else 0
                h = (h ^ np.uint64(value)) * prime
                last = value
        if begin >= 0:
            hashes[count], starts[count], ends[count], flags[count] = _finish(h), begin, end, flag
            count += 1
    texts[len(offsets) - 1] = count
    return count


def split_words(texts: pa.Array | Sequence[str]) -> Words:
    """Return the words of the texts.

    `texts` are strings [texts]; nulls count as empty.
    """
    data, offsets = packed(texts)
    rough = np.zeros(len(offsets) - 1, dtype=bool)
    words = _words(data, offsets, np.zeros_like(rough), rough)
    if not rough.any():
        return words
    made = dict(zip(np.flatnonzero(rough).tolist(), map(fold_places, unpacked(data, offsets, rough)),
                    strict=True))  # fmt: skip
    plain = unpacked(data, offsets, np.ones_like(rough))
    data, offsets = packed([made[n][0] if n in made else text for n, text in enumerate(plain)])
    places = {n: own for n, (_, own) in made.items()}
    return replace(_words(data, offsets, rough, np.zeros_like(rough)), places=places)


def _words(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    folded: NDArray[np.bool_],
    rough: NDArray[np.bool_],
) -> Words:
    """Return the words of packed texts, and in `rough` which of them must be folded first."""
    bound = int(offsets[-1] - offsets[0]) // 2 + len(offsets)
    hashes = np.empty(bound, dtype=np.uint64)
    starts, ends = np.empty(bound, dtype=np.int64), np.empty(bound, dtype=np.int64)
    flags, bounds = np.empty(bound, dtype=np.uint8), np.empty(len(offsets), dtype=np.int64)
    table = fold_table()
    count = _split(data, offsets, table, folded, hashes, starts, ends, flags, bounds, rough)
    return Words(hashes[:count], starts[:count], ends[:count], flags[:count], bounds, data, offsets)


@jit
def word_character(point: int, points: U32, classes: U8) -> int:
    """Return the folded form of a character that words are compared by; -1 of all others."""
    if point < LIMIT and classes[point] & WORD:
        return np.int64(points[point] & (SPECIAL - 1))  # type: ignore[return-value]
    return -1


def folded_words(words: Words) -> list[str]:
    """Return each word's normalised characters, as the kernels compare them."""
    table = fold_table()
    out: list[str] = []
    for start, end in zip(words.starts.tolist(), words.ends.tolist(), strict=True):
        raw = words.data[start:end].tobytes().decode("utf-8", "surrogatepass")
        own = (word_character(ord(c), table.points, table.classes) for c in raw)
        out.append("".join(chr(point) for point in own if point >= 0))
    return out
