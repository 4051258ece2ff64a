"""Find grams of the index in texts: polynomial hashes of word windows, a bit filter, a hash table.

Every hit is compared with the item letter by letter, so a hash collision never makes a hit.
Method: Karp and Rabin (1987) over word hashes instead of characters, by prefix sums: the hash of
words i..i+n is P[i+n] - P[i]·B^n modulo 2^64, so each gram length costs one multiplication a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.decontaminate.index import RULE_BITS, EvalIndex
from corpusforge.decontaminate.words import Words, code_point, fold_tables, split_words
from corpusforge.text.classes import LIMIT, WORD
from corpusforge.text.jit import jit

__all__ = ["HITS", "Scanner", "Table", "character_offsets", "make_table", "prefix_hashes"]

HITS = pa.schema(
    [
        pa.field("document", pa.int64(), nullable=False),  # place in the scanned array
        pa.field("start", pa.int64(), nullable=False),  # characters
        pa.field("end", pa.int64(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("gram", pa.int64(), nullable=False),  # -1 for fuzzy.v1
        pa.field("item", pa.int64(), nullable=False),  # number in the index
        pa.field("share", pa.float32(), nullable=False),  # of the item's words found; 1 if exact
    ]
)

_BASE = np.uint64(0x9E3779B97F4A7C15)
_BITS_A_KEY = 16


@dataclass(frozen=True, slots=True)
class Table:
    """Open addressing from a 64-bit key to an int32 value; `filter` has one bit set a key."""

    keys: NDArray[np.uint64]
    values: NDArray[np.int32]
    filter: NDArray[np.uint8]


@jit
def prefix_hashes(hashes: Any, base: Any) -> Any:
    """Return P with P[i + 1] = P[i]·base + hashes[i] modulo 2^64; uint64 [n + 1]."""
    out = np.zeros(len(hashes) + 1, dtype=np.uint64)
    for i in range(len(hashes)):
        out[i + 1] = out[i] * base + hashes[i]
    return out


@jit
def _power(base: Any, exponent: int) -> Any:
    out = np.uint64(1)
    for _ in range(exponent):
        out *= base
    return out


@jit
def _mix(h: Any, size: int) -> Any:
    h = (h ^ np.uint64(size)) * np.uint64(0xFF51AFD7ED558CCD)
    return h ^ (h >> np.uint64(32))


@jit
def _gram_keys(prefix: Any, firsts: Any, lengths: Any, base: Any, out: Any) -> None:
    for g in range(len(firsts)):
        i, n = firsts[g], lengths[g]
        out[g] = _mix(prefix[i + n] - prefix[i] * _power(base, n), n)


@jit
def _fill(keys: Any, values: Any, names: Any, table_values: Any, bits: Any) -> None:
    mask, bit_mask = np.uint64(len(names) - 1), np.uint64(len(bits) * 8 - 1)
    for k in range(len(keys)):
        slot = keys[k] & mask
        while table_values[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        names[slot], table_values[slot] = keys[k], values[k]
        bit = (keys[k] >> np.uint64(20)) & bit_mask
        bits[bit >> np.uint64(3)] |= np.uint8(1 << (bit & np.uint64(7)))


def make_table(keys: NDArray[np.uint64], values: NDArray[np.int32]) -> Table:
    """Return the table of the pairs; equal keys stand one after another on the probe path."""
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
def _same(
    data: Any, starts: Any, ends: Any, word: int, size: int,
    chars: Any, word_chars: Any, first: int, fold: Any, classes: Any,
) -> bool:  # fmt: skip
    """Whether `size` words of the text from `word` equal the index's words from `first`."""
    for k in range(size):
        at, stop = word_chars[first + k], word_chars[first + k + 1]
        i, end = starts[word + k], ends[word + k]
        while i < end:
            cp, width = code_point(data, i, end)
            i += width
            if cp < LIMIT and classes[cp] & WORD:
                if at >= stop or chars[at] != fold[cp]:
                    return False
                at += 1
        if at != stop:
            return False
    return True


@jit
def _find(
    prefix: Any, texts: Any, lengths: Any, base: Any, keys: Any, values: Any, bits: Any,
    gram_words: Any, gram_length: Any, data: Any, starts: Any, ends: Any,
    chars: Any, word_chars: Any, fold: Any, classes: Any, out: Any,
) -> int:  # fmt: skip
    count = 0
    mask, bit_mask = np.uint64(len(keys) - 1), np.uint64(len(bits) * 8 - 1)
    for n in lengths:
        power = _power(base, n)
        for t in range(len(texts) - 1):
            for w in range(texts[t], texts[t + 1] - n + 1):
                h = _mix(prefix[w + n] - prefix[w] * power, n)
                bit = (h >> np.uint64(20)) & bit_mask
                if not bits[bit >> np.uint64(3)] >> (bit & np.uint64(7)) & np.uint64(1):
                    continue
                slot = h & mask
                while values[slot] >= 0:
                    g = values[slot]
                    if (
                        keys[slot] == h
                        and gram_length[g] == n
                        and _same(
                            data,
                            starts,
                            ends,
                            w,
                            n,
                            chars,
                            word_chars,
                            gram_words[g],
                            fold,
                            classes,
                        )
                    ):
                        if count < out.shape[0]:
                            out[count, 0], out[count, 1], out[count, 2] = t, w, g
                        count += 1
                        break
                    slot = (slot + np.uint64(1)) & mask
    return count


@jit
def _characters(data: Any, offsets: Any, texts: Any, places: Any, out: Any) -> None:
    """out[k] = characters before byte places[k] of text texts[k]; sorted by text, then place."""
    text, i, count = -1, np.int64(0), 0
    for k in range(len(places)):
        if texts[k] != text:
            text, i, count = texts[k], offsets[texts[k]], 0
        while i < places[k]:
            count += (data[i] & 0xC0) != 0x80
            i += 1
        out[k] = count


def character_offsets(
    words: Words, texts: NDArray[np.int64], places: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the characters before each byte place of its text; any order, int64."""
    order = np.lexsort((places, texts))
    sorted_out = np.empty(len(places), dtype=np.int64)
    _characters(words.data, words.offsets, texts[order], places[order], sorted_out)
    out = np.empty(len(places), dtype=np.int64)
    out[order] = sorted_out
    return out


class Scanner:
    """Looks for the items of an index by the named rules; made once a process, then `scan`."""

    def __init__(self, index: EvalIndex, rules: Sequence[str]) -> None:
        self.index = index
        self.rules = tuple(rules)
        wanted = sum(RULE_BITS[name] for name in set(rules))
        a = index.arrays
        grams = np.flatnonzero(a["gram_rules"] & wanted).astype(np.int32)
        keys = np.empty(len(grams), dtype=np.uint64)
        prefix = prefix_hashes(a["word_hashes"], _BASE)
        _gram_keys(prefix, a["gram_words"][grams], a["gram_length"][grams], _BASE, keys)
        self.table = make_table(keys, grams)
        self.lengths = np.unique(a["gram_length"][grams]).astype(np.int64)

    def scan(self, texts: pa.Array | Sequence[str]) -> pa.Table:
        """Return the hits as a table of `HITS`, by document, start, end, rule."""
        words = split_words(texts)
        tables = [self._exact(words)]
        keys = ("document", "start", "end", "rule", "item", "gram")
        return pa.concat_tables(tables).sort_by([(key, "ascending") for key in keys])

    def _exact(self, words: Words) -> pa.Table:
        a, table = self.index.arrays, self.table
        prefix = prefix_hashes(words.hashes, _BASE)
        out = np.empty((4096, 3), dtype=np.int64)
        while True:
            count = _find(
                prefix, words.texts, self.lengths, _BASE, table.keys, table.values, table.filter,
                a["gram_words"], a["gram_length"], words.data, words.starts, words.ends,
                a["chars"], a["word_chars"], *fold_tables(), out,
            )  # fmt: skip
            if count <= len(out):
                break
            out = np.empty((count, 3), dtype=np.int64)
        return self._rows(words, out[:count])

    def _rows(self, words: Words, found: NDArray[np.int64]) -> pa.Table:
        a = self.index.arrays
        document, word, gram = found.T
        last = word + a["gram_length"][gram] - 1
        start = character_offsets(words, document, words.starts[word])
        end = character_offsets(words, document, words.ends[last])
        item = a["passage_item"][a["posting_passage"][a["posting_start"][gram]]]
        tables = []
        for rule in self.rules:
            mine = np.flatnonzero(a["gram_rules"][gram] & RULE_BITS[rule])
            columns = [
                document[mine], start[mine], end[mine], pa.repeat(rule, len(mine)),
                gram[mine], item[mine].astype(np.int64), np.ones(len(mine), np.float32),
            ]  # fmt: skip
            arrays = [pa.array(c) if isinstance(c, np.ndarray) else c for c in columns]
            tables.append(pa.Table.from_arrays(arrays, schema=HITS))
        return pa.concat_tables(tables) if tables else HITS.empty_table()
