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
from corpusforge.text.arrays import F32, F64, U64
from corpusforge.text.jit import jit

__all__ = ["Found", "Fuzzy", "content"]

_SEED, _LONE_SEED = 4, 6
_LEAST, _LONE_LEAST = 10, 16  # content words of a passage
_SEED_POSTINGS = 24  # a seed that more passages share says little about which one is copied
_SHORT, _SHORT_EXTRA = 20, 0.1  # passages below 20 content words need this much more
_ROW_STEPS = 256  # a seed in a passage costs as much as so many cells of an alignment
_BLOCK = 1 << 20  # rows of seeds in memory at once, but for those of one text

I64 = NDArray[np.int64]


def content(
    hashes: NDArray[np.uint64], flags: NDArray[np.uint8], bounds: I64
) -> tuple[NDArray[np.uint64], I64, I64]:
    """Return (hashes, place among all words, bounds) of the words that are no numbers.

    `hashes` and `flags` are [words], `bounds` [texts + 1]; returned are uint64
    [content words], int64 [content words] and int64 [texts + 1].
    """
    stays = (flags & NUMERIC) == 0
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(stays, dtype=np.int64)])
    return hashes[stays], np.flatnonzero(stays), before[bounds]


@jit
def _lcs(passage: U64, text: U64, length: I64, first: I64) -> tuple[int, int, int]:
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
def _again(passage: U64, hashes: U64, begin: int, stop: int, cut: int) -> tuple[int, int, int, int]:
    """Align a passage with words begin:stop, which were chosen by one of its seeds.

    Returns (words in common, first and last word of them in the text, cells computed). Where the
    first comes so late that `stop` may cut the copy off, as many words from there on are aligned
    again, up to `cut`.
    """
    size, width = len(passage), stop - begin
    scratch = np.empty((2, width + 1), dtype=np.int64)
    common, first, last = _lcs(passage, hashes[begin:stop], scratch[0], scratch[1])
    cells = size * width
    if common and first > size // 8 + 4 and stop < cut:
        begin += first
        stop = min(cut, begin + width)
        common, first, last = _lcs(passage, hashes[begin:stop], scratch[0], scratch[1])
        cells += size * (stop - begin)
    return common, begin + first, begin + last, cells


@jit
def _beyond(hits: I64, i: int, last: int) -> int:
    """Return the first row behind i that is of another text or passage, or stands behind `last`."""
    text, passage = hits[i, 0], hits[i, 1]
    i += 1
    while i < len(hits) and hits[i, 0] == text and hits[i, 1] == passage and hits[i, 2] <= last:
        i += 1
    return i


@jit
def _off(hits: I64, i: int, end: int, slack: int) -> int:
    """Return the first row behind i whose copy would begin elsewhere, by more than `slack` words."""
    diagonal = hits[i, 2] - hits[i, 3]
    i += 1
    while i < end and abs(hits[i, 2] - hits[i, 3] - diagonal) <= slack:
        i += 1
    return i


@jit
def _align(
    hits: I64, needs: I64, passages: U64, bounds: I64, hashes: U64, texts: I64, shares: F64,
    limit: int, steps: I64, out: I64, out_share: F32,
) -> int:  # fmt: skip
    """Align every stretch with enough seeds; hits rows (text, passage, place, offset), sorted.

    Writes rows (text, passage, first word, last word) to `out`; returns how many there are. Adds
    the cells to `steps` [text]; of a text that would need more than `limit`, the rest is left.
    """
    count, i, j, n = 0, 0, 0, len(hits)
    free = 0  # first word of the text behind the last hit of this passage
    # Progress: i grows in every turn, whatever the words are, for each branch ends with i + 1 or more
    # (_beyond and _off pass row i before they look at any). So there are at most n turns and n hits.
    # The words aligned may reach back over a copy found before (an item's last words behind the
    # item); what ends no later than that copy is that copy, and no other hit.
    while i < n:
        text, passage, place, offset = hits[i, 0], hits[i, 1], hits[i, 2], hits[i, 3]
        if i == 0 or hits[i - 1, 0] != text or hits[i - 1, 1] != passage:
            free = texts[text]
        own = passages[bounds[passage] : bounds[passage + 1]]
        size = len(own)
        reach, slack = size + size // 4 + 8, size // 8 + 4
        j = max(j, i)
        while (
            j < n and hits[j, 0] == text and hits[j, 1] == passage and hits[j, 2] - place <= reach
        ):
            j += 1
        if j - i < needs[passage]:
            i += 1
            continue
        begin = max(texts[text], place - offset - slack)
        stop = min(texts[text + 1], begin + reach + slack)
        if steps[text] + size * (stop - begin) > limit:
            steps[text] = limit + 1
            while i < n and hits[i, 0] == text:
                i += 1
            continue
        common, first, last, cells = _again(own, hashes, begin, stop, texts[text + 1])
        steps[text] += cells
        enough = common >= shares[passage] * size and 2 * common >= last - first + 1
        if not enough or last < free:
            i = _off(hits, i, j, size // 16 + 1)
            continue
        out[count, 0], out[count, 1], out[count, 2], out[count, 3] = text, passage, first, last
        out_share[count] = common / size
        count += 1
        free = last + 1
        i = _beyond(hits, i, last)
    return count


@dataclass(frozen=True, slots=True)
class Found:
    """Rows (text, passage, first word, last word) of the hits, int64; the share of each, float32;
    and the steps that each text took. A text of more than the bound was not searched to its end."""

    spans: I64
    shares: NDArray[np.float32]
    steps: I64


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

    def find(self, words: Words, max_steps: int) -> Found:
        """Return the hits in the texts; none in a text that takes more than `max_steps`."""
        hashes, place, texts = content(words.hashes, words.flags, words.texts)
        seeds = find_keys(prefix_hashes(hashes, BASE), texts, self.lengths, self.table)
        held = np.diff(self.starts)[seeds[:, 2]]
        steps = np.bincount(seeds[:, 0], held * _ROW_STEPS, len(texts) - 1).astype(np.int64)
        steps = np.minimum(steps, max_steps + 1)
        searched = steps[seeds[:, 0]] <= max_steps
        seeds, held = seeds[searched], held[searched]
        order = np.argsort(seeds[:, 0], kind="stable")
        found = [(np.empty((0, 4), dtype=np.int64), np.empty(0, dtype=np.float32))]
        for block in np.split(order, _edges(seeds[order, 0], held[order])):
            hits = self._postings(seeds[block], held[block])
            out, share = np.empty((len(hits), 4), np.int64), np.empty(len(hits), np.float32)
            n = _align(
                hits, self.needs, self.words, self.bounds, hashes, texts, self.shares,
                max_steps, steps, out, share,
            )  # fmt: skip
            found.append((out[:n], share[:n]))
        spans = np.concatenate([out for out, _ in found])
        spans[:, 2:] = place[spans[:, 2:]]
        kept = steps[spans[:, 0]] <= max_steps
        return Found(spans[kept], np.concatenate([share for _, share in found])[kept], steps)

    def _postings(self, seeds: I64, held: I64) -> I64:
        """Return sorted rows (text, passage, place, offset): every passage that holds each seed."""
        row = np.repeat(np.arange(len(seeds)), held)
        within = np.arange(held.sum()) - np.repeat(np.cumsum(held) - held, held)
        posting = self.postings[self.starts[seeds[row, 2]] + within]
        hits = np.stack([seeds[row, 0], posting[:, 0], seeds[row, 1], posting[:, 1]], axis=1)
        return hits[np.lexsort((hits[:, 3], hits[:, 2], hits[:, 1], hits[:, 0]))]


def _edges(texts: I64, held: I64) -> I64:
    """Return where to cut seeds that are sorted by text: after whole texts, about `_BLOCK` rows."""
    new = np.flatnonzero(np.diff(texts)) + 1
    number = (np.cumsum(held) - held)[new] // _BLOCK
    return new[np.diff(number, prepend=0) > 0]


def _lone(flags: NDArray[np.uint8], bounds: I64) -> NDArray[np.bool_]:
    """Return, for each passage, whether at least half of its words are of an unspaced script."""
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum((flags & LONE) != 0)])
    return 2 * np.diff(before[bounds]) >= np.maximum(np.diff(bounds), 1)
