"""Text to hashed shingles to signatures to band keys, compiled.

Words are those of `corpusforge.text.classes` after `corpusforge.text.fold`, lower-cased code point by
code point; a text that the fold calls rough is left to the caller, to be folded first. A shingle of n
words hashes the polynomial of its word hashes, so no string is ever built. Signatures follow
datasketch 2's "affine32": murmur3's finisher, then a*h + b mod 2^32 with odd a, the minimum kept
(Broder 1997). Eight shingles pass over the slots at a time, so a slot is loaded and stored once
for eight. Limits: shingle hashes are 32 bits wide, as affine32 takes them; a set of 10^5 shingles
has about one colliding pair.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from corpusforge.text.classes import LIMIT, SPACE, UNSPACED, WORD
from corpusforge.text.fold import GONE, ROUGH, SPECIAL, FoldTable, fold_point, point_at, special
from corpusforge.text.jit import jit

__all__ = [
    "ascii_words",
    "band_keys",
    "content_and_words",
    "finish64",
    "minhash",
    "permutations",
    "shingle_hashes",
    "shingle_sets",
    "sign_texts",
]

U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

# FNV-1a's 64-bit offset and prime (Fowler, Noll, Vo), splitmix64's multipliers (Steele et al. 2014)
_OFFSET = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_GRAM = np.uint64(0x9E3779B97F4A7C15)
_EMPTY = np.uint32(0xFFFFFFFF)
_SPACE_CODE = np.uint64(32)
_S30, _S27, _S31, _S32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
_S16, _S13 = np.uint32(16), np.uint32(13)
_F1, _F2 = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)


@functools.cache
def permutations(slots: int, seed: int) -> tuple[U32, U32]:
    """Return affine32's multipliers (odd) and addends for a seed, uint32 [slots] each."""
    generator = np.random.RandomState(seed)  # the peer's generator: its stream is frozen by numpy
    half = generator.randint(0, 1 << 31, slots, dtype=np.uint32)
    addends = generator.randint(0, 1 << 32, slots, dtype=np.uint32)
    return half * np.uint32(2) + np.uint32(1), addends


@jit
def finish64(value: np.uint64) -> np.uint64:
    """Return splitmix64's finisher of a uint64."""
    value = (value ^ (value >> _S30)) * _MIX1
    value = (value ^ (value >> _S27)) * _MIX2
    return value ^ (value >> _S31)


@jit
def ascii_words(fold: FoldTable) -> U8:
    """Return the lower case of each byte that is an ASCII word character, 0 for all others."""
    table = np.zeros(256, np.uint8)
    for point in range(128):
        if fold.classes[point] & WORD:
            table[point] = fold.points[point]
    return table


@jit
def content_and_words(  # noqa: PLR0912  (one loop, its state in registers)
    data: U8, start: int, end: int, fold: FoldTable, folded: bool, ascii_words: U8, words: U64
) -> tuple[np.uint64, int]:
    """Hash the words of data[start:end] into `words`; return (content hash, number of words).

    The content hash covers, in order, each word, each other visible character (lower-cased) and
    one space for each run of white space between them. `words` needs room for
    (end - start) // 2 + 1 values. The number is `ROUGH` where the text must be folded first, by
    `fold_text`; then `folded` says so.
    """
    content, word = _OFFSET, _OFFSET
    count, inside, gap, begun = 0, False, False, False
    kinds = fold.classes
    i = start
    while i < end:
        byte = ascii_words[data[i]]
        if byte:
            inside = True
            while byte:
                word, i = (word ^ np.uint64(byte)) * _PRIME, i + 1
                byte = ascii_words[data[i]] if i < end else np.uint8(0)
            continue
        place = i
        if data[i] < 0x80:  # no word character, and none that folds
            kind, low, i = kinds[data[i]], np.uint64(data[i]), i + 1
        else:
            point, i = point_at(data, i)
            value = fold_point(point, fold.points)
            if value >= SPECIAL:
                value = special(data, start, place, value, fold, folded)
                if value == GONE:
                    continue
                if value == ROUGH:
                    return np.uint64(0), ROUGH
            kind = fold.classes[point] if point < LIMIT else np.uint8(0)
            low = np.uint64(value)
        if (kind & WORD) and not (kind & UNSPACED):
            word, inside = (word ^ low) * _PRIME, True
            continue
        if inside:
            words[count] = finish64(word)
            content = _append(content, words[count], gap and begun)
            count, word, inside, gap, begun = count + 1, _OFFSET, False, False, True
        if kind & SPACE:
            gap = True
            continue
        if kind & UNSPACED:
            low = words[count] = finish64((_OFFSET ^ low) * _PRIME)
            count += 1
        content = _append(content, low, gap and begun)
        gap, begun = False, True
    if inside:
        words[count] = finish64(word)
        content = _append(content, words[count], gap and begun)
        count += 1
    return finish64(content), count


@jit
def _append(content: np.uint64, value: np.uint64, spaced: bool) -> np.uint64:
    if spaced:
        content = (content ^ _SPACE_CODE) * _PRIME
    return (content ^ value) * _PRIME


@jit
def shingle_hashes(words: U64, count: int, n: int, out: U32) -> int:
    """Hash each run of n words into `out`; fewer words than n make one shingle. Return how many."""
    if count == 0:
        return 0
    width = min(n, count)
    shingles = count - width + 1
    for i in range(shingles):
        gram = words[i]
        for k in range(1, width):
            gram = gram * _GRAM + words[i + k]
        out[i] = np.uint32(finish64(gram) >> _S32)
    return shingles


@jit
def _mix32(value: np.uint32) -> np.uint32:
    value = np.uint32(value ^ (value >> _S16))
    value = np.uint32(value * _F1)
    value = np.uint32(value ^ (value >> _S13))
    value = np.uint32(value * _F2)
    return np.uint32(value ^ (value >> _S16))


@jit
def minhash(hashes: U32, count: int, a: U32, b: U32, row: U32) -> None:
    """Write the signature of hashes[:count] to `row` (uint32 [slots]); all ones if empty."""
    slots = row.size
    for s in range(slots):
        row[s] = _EMPTY
    last = count - 1
    for i in range(0, count, 8):
        h0, h1 = _mix32(hashes[i]), _mix32(hashes[min(i + 1, last)])
        h2, h3 = _mix32(hashes[min(i + 2, last)]), _mix32(hashes[min(i + 3, last)])
        h4, h5 = _mix32(hashes[min(i + 4, last)]), _mix32(hashes[min(i + 5, last)])
        h6, h7 = _mix32(hashes[min(i + 6, last)]), _mix32(hashes[min(i + 7, last)])
        for s in range(slots):
            x, y = a[s], b[s]
            left = min(np.uint32(x * h0 + y), np.uint32(x * h1 + y))
            left = min(left, np.uint32(x * h2 + y), np.uint32(x * h3 + y))
            right = min(np.uint32(x * h4 + y), np.uint32(x * h5 + y))
            right = min(right, np.uint32(x * h6 + y), np.uint32(x * h7 + y))
            row[s] = min(row[s], left, right)


@jit
def sign_texts(
    data: U8, offsets: I64, fold: FoldTable, folded: bool, n: int, a: U32, b: U32
) -> tuple[NDArray[np.uint32], U32, U64, NDArray[np.bool_]]:
    """Return (signatures uint32 [texts, slots], shingles uint32 [texts], content hashes uint64,
    bool [texts]: the text must be folded first, what is said of it means nothing)."""
    texts = offsets.size - 1
    longest = 0
    for d in range(texts):
        longest = max(longest, offsets[d + 1] - offsets[d])
    table = ascii_words(fold)
    words = np.empty(longest // 2 + 1, np.uint64)
    hashes = np.empty(longest // 2 + 1, np.uint32)
    signatures = np.empty((texts, a.size), np.uint32)
    shingles = np.empty(texts, np.uint32)
    content = np.empty(texts, np.uint64)
    rough = np.zeros(texts, np.bool_)
    for d in range(texts):
        content[d], count = content_and_words(
            data, offsets[d], offsets[d + 1], fold, folded, table, words
        )
        rough[d] = count == ROUGH
        if rough[d]:
            continue
        total = shingle_hashes(words, count, n, hashes)
        shingles[d] = total
        minhash(hashes, total, a, b, signatures[d])
    return signatures, shingles, content, rough


@jit
def shingle_sets(
    data: U8, offsets: I64, fold: FoldTable, folded: NDArray[np.bool_], n: int
) -> tuple[U32, I64, NDArray[np.bool_]]:
    """Return each text's distinct shingle hashes, ascending, as (flat uint32, offsets int64), and
    which texts must be folded first: they are left empty. `folded` says of which that was done."""
    texts = offsets.size - 1
    room = 0
    for d in range(texts):
        room += (offsets[d + 1] - offsets[d]) // 2 + 1
    table = ascii_words(fold)
    flat = np.empty(room, np.uint32)
    words = np.empty(room, np.uint64)
    bounds = np.zeros(texts + 1, np.int64)
    rough = np.zeros(texts, np.bool_)
    used = 0
    for d in range(texts):
        _, count = content_and_words(
            data, offsets[d], offsets[d + 1], fold, folded[d], table, words
        )
        rough[d] = count == ROUGH
        count = max(count, 0)
        count = shingle_hashes(words, count, n, flat[used:])
        part = np.sort(flat[used : used + count])
        for i in range(count):
            if i == 0 or part[i] != part[i - 1]:
                flat[used] = part[i]
                used += 1
        bounds[d + 1] = used
    return flat[:used].copy(), bounds, rough


@jit
def band_keys(signatures: NDArray[np.uint32], rows_used: I64, band: int, rows: int) -> U64:
    """Return the 64-bit key of one band of signatures[rows_used], uint64 [len(rows_used)]."""
    keys = np.empty(rows_used.size, np.uint64)
    for i in range(rows_used.size):
        key = _OFFSET
        for k in range(band * rows, band * rows + rows):
            key = (key ^ np.uint64(signatures[rows_used[i], k])) * _PRIME
        keys[i] = finish64(key)
    return keys
