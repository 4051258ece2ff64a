"""Every statistic of a document, in one call a batch: measure once, decide as often as you like.

The kernels of `kernel_scan` and `kernel_words` run text by text over packed UTF-8 and write one
row of int64 counts each. Limits: scratch memory is about 20 bytes a byte of the longest text.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.filter import kernel_scan as scan
from corpusforge.filter import kernel_words as words
from corpusforge.filter.columns import COLUMNS
from corpusforge.filter.phrases import PHRASES
from corpusforge.filter.tables import Patterns, patterns, property_table
from corpusforge.text.classes import lower_table
from corpusforge.text.jit import jit
from corpusforge.text.packed import packed

__all__ = ["SCHEMA", "measure"]

SCHEMA = pa.schema([pa.field(name, pa.int64(), nullable=False) for name in COLUMNS])
"""Schema of the batch that `measure` returns: `COLUMNS`, all counts."""

_PHRASE = len(COLUMNS) - len(PHRASES)

_decode = scan.decode
_count_characters, _count_runs, _scan_lines = (
    scan.count_characters,
    scan.count_runs,
    scan.scan_lines,
)
_count_words, _count_phrases = words.count_words, words.count_phrases
_repeated_grams, _count_repeats = words.repeated_grams, words.count_repeats
_table_size = words.table_size


def measure(texts: pa.Array, lists: Patterns | None = None) -> pa.RecordBatch:
    """Return one row of `SCHEMA` a text, in order; nulls count as empty texts.

    `lists` are `tables.patterns` with the recipe's own phrases; by default only the built-in ones.
    `texts` are strings [documents].
    """
    data, offsets = packed(texts)
    out = np.zeros((len(offsets) - 1, len(COLUMNS)), dtype=np.int64)
    if len(out):
        p = patterns() if lists is None else lists
        stop = (p.stop_keys, p.stop_bits)
        phrases = (
            p.first_keys,
            p.first_start,
            p.first_end,
            p.phrase_words,
            p.phrase_start,
            p.phrase_group,
            p.phrase_limit,
        )
        _measure(data, offsets, property_table(), lower_table(), stop, phrases, out)
    columns = np.ascontiguousarray(out.T)
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=SCHEMA)


@jit
def _measure(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    table: NDArray[np.uint32],
    lower: NDArray[np.uint32],
    stop: tuple[NDArray[np.uint64], NDArray[np.uint32]],
    phrases: tuple[
        NDArray[np.uint64],
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.uint64],
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.int64],
    ],
    out: NDArray[np.int64],
) -> None:
    """Fill `out`, one row per text."""
    longest = 0
    for d in range(len(out)):
        longest = max(longest, offsets[d + 1] - offsets[d])
    points, bits = np.empty(longest, np.uint32), np.empty(longest, np.uint32)
    keys, grams = np.empty(longest, np.uint64), np.empty(longest, np.uint64)
    lengths, paragraph = np.empty(longest, np.int64), np.empty(longest, np.int64)
    sizes, where = np.empty(longest, np.int32), np.empty(longest, np.int32)
    slots = np.empty(longest, np.int32)
    size = _table_size(longest)
    entries, counts = np.empty(size, np.uint64), np.empty(size, np.int32)
    for d in range(len(out)):
        row = out[d]
        n = _decode(data[offsets[d] : offsets[d + 1]], table, points, bits)
        _count_characters(points, bits, n, table, row)
        _count_runs(bits, n, row)
        lines = _scan_lines(points, bits, n, keys, lengths, paragraph, row)
        _count_repeats(keys, lengths, paragraph, lines, grams, entries, counts, slots, row)
        found = _count_words(points, bits, n, lower, keys, sizes, row)
        _count_phrases(keys, found, *phrases, row[_PHRASE:])
        _repeated_grams(keys, sizes, found, *stop, grams, where, entries, counts, slots, row)
