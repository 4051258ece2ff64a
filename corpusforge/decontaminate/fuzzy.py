"""fuzzy.v1: evaluation items that were edited after copying.

Ours. Words that begin with a digit are left out on both sides, so changed numbers change nothing.
Seeds of 4 words (6 in unspaced scripts) that few passages share name candidates; where enough
seeds of a passage stand close together, the passage is aligned with the words there (longest
common subsequence), and a share of at least `share` of its words in order, at least half of the
stretch they span, is a hit. Short passages need a larger share, since few words agree by chance
more often. Limits: paraphrases, translations, and passages of fewer than 10 words (16 in unspaced
scripts) are not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpusforge.decontaminate.index import EvalIndex
from corpusforge.decontaminate.tables import (
    BASE,
    Table,
    find_keys,
    gram_keys,
    make_table,
    prefix_hashes,
)
from corpusforge.decontaminate.words import LONE, NUMERIC, Words
from corpusforge.text.jit import jit

__all__ = ["Fuzzy", "content"]

_SEED, _LONE_SEED = 4, 6
_LEAST, _LONE_LEAST = 10, 16  # content words of a passage
_SEED_POSTINGS = 24  # a seed that more passages share says little about which one is copied
_SHORT, _SHORT_EXTRA = 20, 0.1  # passages below 20 content words need this much more

I64 = NDArray[np.int64]


def content(
    hashes: NDArray[np.uint64], flags: NDArray[np.uint8], bounds: I64
) -> tuple[NDArray[np.uint64], I64, I64]:
    """Return (hashes, place among all words, bounds) of the words that are no numbers."""
    stays = (flags & NUMERIC) == 0
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(stays, dtype=np.int64)])
    return hashes[stays], np.flatnonzero(stays), before[bounds]


@jit
def _lcs(passage: Any, text: Any, length: Any, first: Any) -> tuple[int, int, int]:
    """Return (words in common in order, place of the first in `text`, place of the last).

    `length` and `first` are scratch of len(text) + 1. Of equal alignments the tightest start wins.
    """
    n = len(text)
    for j in range(n + 1):
        length[j], first[j] = 0, -1
    for word in passage:
        diagonal, diagonal_first = 0, -1
        for j in range(n):
            above, above_first = length[j + 1], first[j + 1]
            if text[j] == word:
                best = diagonal + 1
                best_first = diagonal_first if diagonal else j
            else:
                best, best_first = above, above_first
            if above > best or (above == best and above_first > best_first):
                best, best_first = above, above_first
            if length[j] > best or (length[j] == best and first[j] > best_first):
                best, best_first = length[j], first[j]
            length[j + 1], first[j + 1] = best, best_first
            diagonal, diagonal_first = above, above_first
    last = 0
    while last < n and length[last + 1] < length[n]:
        last += 1
    return length[n], first[last + 1] if n else -1, last


@jit
def _align(
    hits: Any, needs: Any, passages: Any, bounds: Any, hashes: Any, texts: Any, shares: Any,
    out: Any, out_share: Any,
) -> int:  # fmt: skip
    """Align every stretch with enough seeds; hits rows (text, passage, place, offset), sorted.

    Writes rows (text, passage, first word, last word) to `out`; returns how many there are.
    """
    count, i, n = 0, 0, len(hits)
    while i < n:
        text, passage, place, offset = hits[i, 0], hits[i, 1], hits[i, 2], hits[i, 3]
        start, stop = bounds[passage], bounds[passage + 1]
        size = stop - start
        reach = size + size // 4 + 8
        j = i + 1
        while (
            j < n and hits[j, 0] == text and hits[j, 1] == passage and hits[j, 2] - place <= reach
        ):
            j += 1
        if j - i < needs[passage]:
            i += 1
            continue
        low = max(texts[text], place - offset - size // 8 - 4)
        high = min(texts[text + 1], low + reach + size // 8 + 4)
        scratch = np.empty((2, high - low + 1), dtype=np.int64)
        common, first, last = _lcs(passages[start:stop], hashes[low:high], scratch[0], scratch[1])
        if common >= shares[passage] * size and 2 * common >= last - first + 1:
            if count < len(out):
                out[count, 0], out[count, 1] = text, passage
                out[count, 2], out[count, 3] = low + first, low + last
                out_share[count] = common / size
            count += 1
            while i < j and hits[i, 2] <= low + last:
                i += 1
        else:
            diagonal = place - offset
            while i < j and abs(hits[i, 2] - hits[i, 3] - diagonal) <= size // 16 + 1:
                i += 1
    return count


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """Seeds and content words of an index's passages, ready to search with.

    seed s stands in passages at postings[starts[s]:starts[s + 1]] = (passage, offset in words);
    `needs` seeds together make a candidate; `shares` of a passage's words make a hit; a passage
    that is too short, or has too few seeds of its own, is not `searchable`.
    """

    table: Table
    lengths: I64
    starts: I64
    postings: I64
    needs: I64
    shares: NDArray[np.float64]
    words: NDArray[np.uint64]
    bounds: I64
    searchable: NDArray[np.bool_]

    @classmethod
    def of(cls, index: EvalIndex, share: float) -> Fuzzy:
        """Return the search tables of an index."""
        a = index.arrays
        words, _, bounds = content(a["word_hashes"], a["word_flags"], a["passage_words"])
        sizes = np.diff(bounds)
        lone = _lone(a["word_flags"], a["passage_words"])
        seed = np.where(lone, _LONE_SEED, _SEED)
        long = sizes >= np.where(lone, _LONE_LEAST, _LEAST)
        counts = np.where(long & (a["passage_form"] == 0), sizes - seed + 1, 0)
        passage = np.repeat(np.arange(len(sizes)), counts)
        offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        keys = gram_keys(prefix_hashes(words, BASE), bounds[passage] + offset, seed[passage])
        distinct, group, held = np.unique(keys, return_inverse=True, return_counts=True)
        rare = held[group] <= _SEED_POSTINGS
        order = np.lexsort((offset, passage, group))
        order = order[rare[order]]
        starts = np.concatenate([[0], np.cumsum(np.where(held <= _SEED_POSTINGS, held, 0))])
        kept = np.bincount(passage[rare], minlength=len(sizes))
        seeds = np.flatnonzero(held <= _SEED_POSTINGS).astype(np.int32)
        return cls(
            make_table(distinct[seeds], seeds),
            np.unique(seed[counts > 0]).astype(np.int64),
            starts.astype(np.int64),
            np.stack([passage[order], offset[order]], axis=1).astype(np.int64),
            np.maximum(2, kept // 8),
            np.where(sizes < _SHORT, np.minimum(1.0, share + _SHORT_EXTRA), share),
            words,
            bounds,
            kept >= 2,
        )

    def find(self, words: Words) -> tuple[I64, NDArray[np.float32]]:
        """Return rows (text, passage, first word, last word) of the hits, and the share of each."""
        hashes, place, texts = content(words.hashes, words.flags, words.texts)
        found = find_keys(prefix_hashes(hashes, BASE), texts, self.lengths, self.table)
        sizes = np.diff(self.starts)[found[:, 2]]
        row = np.repeat(np.arange(len(found)), sizes)
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        posting = self.postings[self.starts[found[row, 2]] + within]
        hits = np.stack([found[row, 0], posting[:, 0], found[row, 1], posting[:, 1]], axis=1)
        hits = hits[np.lexsort((hits[:, 3], hits[:, 2], hits[:, 1], hits[:, 0]))]
        out = np.empty((len(hits), 4), dtype=np.int64)
        share = np.empty(len(hits), dtype=np.float32)
        count = _align(
            hits, self.needs, self.words, self.bounds, hashes, texts, self.shares, out, share
        )
        out[:count, 2:] = place[out[:count, 2:]]
        return out[:count], share[:count]


def _lone(flags: NDArray[np.uint8], bounds: I64) -> NDArray[np.bool_]:
    """Return, for each passage, whether at least half of its words are of an unspaced script."""
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum((flags & LONE) != 0)])
    return 2 * np.diff(before[bounds]) >= np.maximum(np.diff(bounds), 1)
