"""Which of several answers to one prompt say the same: equal, or nearly equal in word 3-grams.

Method: exact Jaccard similarity over the shingles of `corpusforge.dedup`; the first of two stays.
Answers of three words or fewer ("-7.", one emoji) are compared by their exact content. Limits: signs
are no words, so long answers that differ in a minus are the same; a paraphrase is another answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from corpusforge.dedup.sign import exact_hashes, shingle_sets
from corpusforge.dedup.verify import jaccard
from corpusforge.text.jit import jit

__all__ = ["NGRAM", "distinct"]

NGRAM = 3


def distinct(groups: Sequence[Sequence[str]], threshold: float) -> list[list[bool]]:
    """Return, for each group of texts, which are unlike (< threshold) every earlier one kept.

    Empty and blank texts are never kept.
    """
    flat = [text for group in groups for text in group]
    if not flat:
        return [[] for _ in groups]
    sizes = np.fromiter((len(group) for group in groups), np.int64, len(groups))
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    shingles, offsets = shingle_sets(flat, NGRAM)
    blank = np.fromiter((not text.strip() for text in flat), np.bool_, len(flat))
    content = exact_hashes(flat)
    keep = _distinct(shingles, offsets, content, starts, threshold, ~blank).tolist()
    return [keep[a:b] for a, b in itertools.pairwise(starts.tolist())]


@jit
def _distinct(
    shingles: NDArray[np.uint32],
    offsets: NDArray[np.int64],
    content: NDArray[np.uint64],
    starts: NDArray[np.int64],
    threshold: float,
    keep: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    for group in range(starts.size - 1):
        for i in range(starts[group], starts[group + 1]):
            own = shingles[offsets[i] : offsets[i + 1]]
            for j in range(starts[group], i):
                if not keep[i] or not keep[j]:
                    continue
                other = shingles[offsets[j] : offsets[j + 1]]
                if content[i] == content[j] or (
                    own.size > 1 and other.size > 1 and jaccard(own, other) >= threshold
                ):
                    keep[i] = False
    return keep
