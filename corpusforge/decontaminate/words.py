"""Normalised words of packed texts: what n-grams are made of.

A word is the project's word (`text.classes`: runs of word characters, unspaced scripts one
character a word), lower-cased, full-width forms narrowed, with apostrophes and digit marks inside a
word left out, so that don't = dont and 1,000 = 1000 (Brown et al. 2020 strip punctuation; so must
a copy whose punctuation was stripped still match). Limit: a hyphen parts two words.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.text.classes import DIGIT, LIMIT, UNSPACED, WORD, class_table, lower_table
from corpusforge.text.jit import jit
from corpusforge.text.packed import packed

__all__ = ["Words", "code_point", "fold_tables", "folded_words", "split_words"]

NUMERIC = 1  # flag: the word begins with a digit
LONE = 2  # flag: the word is one character of an unspaced script


@dataclass(frozen=True, slots=True)
class Words:
    """The words of n texts, one after another.

    hashes uint64 [w]; starts, ends int64 [w], bytes in `data`; flags uint8 [w] (NUMERIC, LONE);
    texts int64 [n + 1], the words of text i are texts[i]:texts[i + 1]; data and offsets as packed.
    """

    hashes: NDArray[np.uint64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    flags: NDArray[np.uint8]
    texts: NDArray[np.int64]
    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]


@functools.cache
def fold_tables() -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return (folded code point, class bits of it) of each code point below `LIMIT`."""
    fold = lower_table().copy()
    wide = np.arange(0xFF01, 0xFF5F)
    fold[wide] = lower_table()[wide - 0xFEE0]
    classes = class_table()[np.minimum(fold, LIMIT - 1)]
    fold.flags.writeable = False
    classes.flags.writeable = False
    return fold, classes


@jit
def code_point(data: Any, i: int, end: int) -> Any:
    """Return (code point, bytes) of the character at `i`; the input is valid UTF-8."""
    c = np.int64(data[i])
    if c < 0x80:
        return c, 1
    if c < 0xE0 and i + 1 < end:
        return (c & 31) << 6 | np.int64(data[i + 1]) & 63, 2
    if c < 0xF0 and i + 2 < end:
        return (c & 15) << 12 | (np.int64(data[i + 1]) & 63) << 6 | np.int64(data[i + 2]) & 63, 3
    if i + 3 < end:
        high = (c & 7) << 18 | (np.int64(data[i + 1]) & 63) << 12
        return high | (np.int64(data[i + 2]) & 63) << 6 | np.int64(data[i + 3]) & 63, 4
    return c, 1


@jit
def _digits_follow(data: Any, i: int, end: int) -> int:
    count = 0
    while i + count < end and count < 4 and 48 <= data[i + count] <= 57:
        count += 1
    return count


@jit
def _joins(data: Any, i: int, end: int, cp: int, last: int, classes: Any) -> bool:
    """Whether the mark `cp` between the word character `last` and what follows is inside a word."""
    if cp in (0x27, 0x2019):
        if i >= end:
            return False
        follows = code_point(data, i, end)[0]
        return follows < LIMIT and classes[follows] & (WORD | UNSPACED) == WORD
    if cp not in (0x2C, 0x2E) or not 48 <= last <= 57:
        return False
    digits = _digits_follow(data, i, end)
    return digits == 3 or (cp == 0x2E and digits > 0)


@jit
def _finish(h: Any) -> Any:
    h ^= h >> np.uint64(29)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    return h ^ (h >> np.uint64(32))


@jit
def _split(
    data: Any, offsets: Any, fold: Any, classes: Any,
    hashes: Any, starts: Any, ends: Any, flags: Any, texts: Any,
) -> int:  # fmt: skip
    seed, prime = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
    count = 0
    for t in range(len(offsets) - 1):
        texts[t] = count
        i: Any = offsets[t]
        end = offsets[t + 1]
        begin: Any = -1
        last: Any = 0
        h, flag = seed, 0
        while i < end:
            cp, size = code_point(data, i, end)
            folded = np.int64(fold[cp]) if cp < LIMIT else cp
            bits = classes[cp] if cp < LIMIT else 0
            lone = bits & UNSPACED
            if begin >= 0 and (
                lone or not (bits & WORD or _joins(data, i + size, end, cp, last, classes))
            ):
                hashes[count], starts[count], ends[count] = _finish(h), begin, i
                flags[count] = flag
                count += 1
                h, begin = seed, -1
            if lone:
                hashes[count] = _finish((seed ^ np.uint64(folded)) * prime)
                starts[count], ends[count], flags[count] = i, i + size, LONE
                count += 1
            elif bits & WORD:
                if begin < 0:
                    begin = i
                    flag = NUMERIC if bits & DIGIT else 0
                h = (h ^ np.uint64(folded)) * prime
                last = folded
            i += size
        if begin >= 0:
            hashes[count], starts[count], ends[count], flags[count] = _finish(h), begin, end, flag
            count += 1
    texts[len(offsets) - 1] = count
    return count


def split_words(texts: pa.Array | Sequence[str]) -> Words:
    """Return the words of the texts."""
    data, offsets = packed(texts)
    bound = int(offsets[-1] - offsets[0]) // 2 + len(offsets)
    hashes = np.empty(bound, dtype=np.uint64)
    starts, ends = np.empty(bound, dtype=np.int64), np.empty(bound, dtype=np.int64)
    flags, bounds = np.empty(bound, dtype=np.uint8), np.empty(len(offsets), dtype=np.int64)
    count = _split(data, offsets, *fold_tables(), hashes, starts, ends, flags, bounds)
    return Words(hashes[:count], starts[:count], ends[:count], flags[:count], bounds, data, offsets)


def folded_words(words: Words) -> list[str]:
    """Return each word's normalised characters, as the kernels compare them."""
    fold, classes = fold_tables()
    out: list[str] = []
    for start, end in zip(words.starts.tolist(), words.ends.tolist(), strict=True):
        points = [ord(c) for c in words.data[start:end].tobytes().decode("utf-8", "surrogatepass")]
        inside = [p for p in points if p >= LIMIT or classes[p] & WORD]
        out.append("".join(chr(fold[p]) if p < LIMIT else chr(p) for p in inside))
    return out
