"""Exact Jaccard similarity of the pairs whose estimate lies in the uncertain zone.

Texts are fetched once a document, part by part, and reduced to their ascending distinct shingle
hashes in a scratch file (a third of the text's size); a pair is one merge of two such lists.
Limit: hashes of 32 bits; two sets of 10^4 shingles are wrong by under 0.001 in expectation.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.dedup.ranked import Corpus
from corpusforge.dedup.sign import shingle_sets
from corpusforge.text.jit import jit

__all__ = ["TextOf", "Verifier", "jaccard"]

TextOf = Callable[[int, NDArray[np.int64]], pa.Array | Sequence[str]]
"""Returns the texts of ascending rows of a part; parts are numbered as in the list of prefixes."""

_BATCH = 8192  # documents fetched at a time


class Verifier:
    """Computes exact similarities on demand; a context manager that owns a scratch file."""

    def __init__(
        self,
        corpus: Corpus,
        ranks: NDArray[np.uint32],
        text_of: TextOf,
        ngram: int,
        first_part: int,
    ) -> None:
        self._corpus, self._ranks, self._text_of = corpus, ranks, text_of
        self._ngram, self._first_part = ngram, first_part
        self._start = np.full(len(ranks), -1, dtype=np.int64)
        self._size = np.zeros(len(ranks), dtype=np.int64)
        self._directory = tempfile.TemporaryDirectory(prefix="corpusforge-dedup-")
        self._file = (Path(self._directory.name) / "shingles").open("w+b")
        self._used = 0

    def __enter__(self) -> Verifier:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
        self._directory.cleanup()

    def similarities(self, pairs: NDArray[np.uint64]) -> NDArray[np.float32]:
        """Return the exact Jaccard similarity of (document << 32 | document) pairs, float32.

        `pairs` are uint64 [pairs], and the result is [pairs], from 0 to 1.
        """
        left = (pairs >> np.uint64(32)).astype(np.int64)
        right = (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)
        wanted = np.unique(np.concatenate([left, right]))
        self._fetch(wanted[self._start[wanted] < 0])
        if self._used == 0:
            return np.ones(len(pairs), dtype=np.float32)
        flat = np.memmap(self._file.name, dtype=np.uint32, mode="r", shape=(self._used,))
        return _similarities(flat, self._start, self._size, left, right)

    def _fetch(self, documents: NDArray[np.int64]) -> None:
        parts, rows = self._corpus.locate(self._ranks[documents].astype(np.int64))
        order = np.lexsort((rows, parts))
        documents, parts, rows = documents[order], parts[order], rows[order]
        edges = np.flatnonzero(np.diff(parts)) + 1
        for block in np.split(np.arange(len(documents)), edges):
            for place in range(0, len(block), _BATCH):
                some = block[place : place + _BATCH]
                texts = self._text_of(int(parts[some[0]]) - self._first_part, rows[some])
                self._store(documents[some], texts)
        self._file.flush()

    def _store(self, documents: NDArray[np.int64], texts: pa.Array | Sequence[str]) -> None:
        flat, bounds = shingle_sets(texts, self._ngram)
        self._file.seek(4 * self._used)
        self._file.write(flat.tobytes())
        self._start[documents] = self._used + bounds[:-1]
        self._size[documents] = np.diff(bounds)
        self._used += len(flat)


@jit
def jaccard(left: NDArray[np.uint32], right: NDArray[np.uint32]) -> float:
    """Return |A and B| / |A or B| of two ascending lists of distinct values; 1 if both empty."""
    i, j, common = 0, 0, 0
    while i < left.size and j < right.size:
        if left[i] == right[j]:
            common += 1
            i += 1
            j += 1
        elif left[i] < right[j]:
            i += 1
        else:
            j += 1
    union = left.size + right.size - common
    return 1.0 if union == 0 else common / union


@jit
def _similarities(
    flat: NDArray[np.uint32],
    start: NDArray[np.int64],
    size: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
) -> NDArray[np.float32]:
    out = np.empty(left.size, np.float32)
    for p in range(left.size):
        a, b = left[p], right[p]
        out[p] = jaccard(flat[start[a] : start[a] + size[a]], flat[start[b] : start[b] + size[b]])
    return out
