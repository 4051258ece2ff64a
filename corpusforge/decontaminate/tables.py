"""Hash tables from n-gram keys to numbers, and the hashes of all word windows of a text.

Method: Karp and Rabin (1987) over word hashes instead of characters, by prefix sums: the hash of
words i..i+n is P[i+n] - P[i]·B^n modulo 2^64, so each length costs one multiplication a word. A bit
filter small enough for the cache answers for nearly all windows. Limit: keys may collide; callers
compare the words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpusforge.text.arrays import I32, I64, U8, U64
from corpusforge.text.jit import jit

__all__ = [
    "BASE",
    "Table",
    "find_keys",
    "gram_keys",
    "make_table",
    "prefix_hashes",
]

BASE = np.uint64(0x9E3779B97F4A7C15)
_BITS_A_KEY = 16


@dataclass(frozen=True, slots=True)
class Table:
    """Open addressing from a 64-bit key to an int32 value; `filter` has one bit set a key."""

    keys: NDArray[np.uint64]
    values: NDArray[np.int32]
    filter: NDArray[np.uint8]


@jit
def prefix_hashes(hashes: U64, base: np.uint64) -> Any:
    """Return P with P[i + 1] = P[i]·base + hashes[i] modulo 2^64; uint64 [n + 1]."""
    out = np.zeros(len(hashes) + 1, dtype=np.uint64)
    for i in range(len(hashes)):
        out[i + 1] = out[i] * base + hashes[i]
    return out


@jit
def power(base: np.uint64, exponent: int) -> Any:
    """Return base to the exponent modulo 2^64."""
    out = np.uint64(1)
    for _ in range(exponent):
        out *= base
    return out


@jit
def mix_key(h: Any, size: int) -> Any:
    """Return the table key of a gram hash and its length."""
    h = (h ^ np.uint64(size)) * np.uint64(0xFF51AFD7ED558CCD)
    return h ^ (h >> np.uint64(32))


@jit
def _keys(prefix: U64, firsts: I64, lengths: I64, base: np.uint64, out: U64) -> None:
    for g in range(len(firsts)):
        i, n = firsts[g], lengths[g]
        out[g] = mix_key(prefix[i + n] - prefix[i] * power(base, n), n)


def gram_keys(prefix: Any, firsts: NDArray[Any], lengths: NDArray[Any]) -> NDArray[np.uint64]:
    """Return the key of each gram: `lengths[g]` words from word `firsts[g]`."""
    out = np.empty(len(firsts), dtype=np.uint64)
    _keys(prefix, firsts, lengths, BASE, out)
    return out


@jit
def _fill(keys: U64, values: I32, names: U64, table_values: I32, bits: U8) -> None:
    mask, bit_mask = np.uint64(len(names) - 1), np.uint64(len(bits) * 8 - 1)
    for k in range(len(keys)):
        slot = keys[k] & mask
        while table_values[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        names[slot], table_values[slot] = keys[k], values[k]
        bit = (keys[k] >> np.uint64(20)) & bit_mask
        bits[bit >> np.uint64(3)] |= np.uint8(1 << (bit & np.uint64(7)))


def make_table(keys: NDArray[np.uint64], values: NDArray[np.int32]) -> Table:
    """Return the table of the pairs; equal keys stand one after another on the probe path.

    `keys` and `values` (0 and more) are [pairs].
    """
    size = 1 << max(4, int(2 * len(keys)).bit_length())
    bits = 1 << max(10, int(_BITS_A_KEY * len(keys)).bit_length())
    table = Table(
        np.zeros(size, dtype=np.uint64),
        np.full(size, -1, dtype=np.int32),
        np.zeros(bits // 8, dtype=np.uint8),
    )
    _fill(keys, values, table.keys, table.values, table.filter)
    return table


@jit
def _find(
    prefix: U64, texts: I64, lengths: I64, base: np.uint64, keys: U64, values: I32, bits: U8, out: I64
) -> int:  # fmt: skip
    count = 0
    mask, bit_mask = np.uint64(len(keys) - 1), np.uint64(len(bits) * 8 - 1)
    for n in lengths:
        factor = power(base, n)
        for t in range(len(texts) - 1):
            for w in range(texts[t], texts[t + 1] - n + 1):
                h = mix_key(prefix[w + n] - prefix[w] * factor, n)
                bit = (h >> np.uint64(20)) & bit_mask
                if not bits[bit >> np.uint64(3)] >> (bit & np.uint64(7)) & np.uint64(1):
                    continue
                slot = h & mask
                while values[slot] >= 0:
                    if keys[slot] == h:
                        if count < out.shape[0]:
                            out[count, 0], out[count, 1], out[count, 2] = t, w, values[slot]
                        count += 1
                    slot = (slot + np.uint64(1)) & mask
    return count


def find_keys(
    prefix: NDArray[np.uint64], texts: NDArray[np.int64], lengths: NDArray[np.int64], table: Table
) -> NDArray[np.int64]:
    """Return rows (text, first word, value) of every window whose key is in the table.

    `texts` are the bounds of the texts' words; `lengths` the gram lengths to try.
    `prefix` is `prefix_hashes`' uint64 [words + 1], `texts` [texts + 1], `lengths` [lengths];
    the rows are int64 [found, 3].
    """
    out = np.empty((4096, 3), dtype=np.int64)
    while True:
        count = _find(prefix, texts, lengths, BASE, table.keys, table.values, table.filter, out)
        if count <= len(out):
            return out[:count]
        out = np.empty((count, 3), dtype=np.int64)
