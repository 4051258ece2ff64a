"""The tables of several evaluation indexes as those of one, as if it had been built of all items at once.

Words, passages and items are numbered on from index to index; an n-gram that stands in several is
one, numbered by where it first stands. Limit: the n-grams of all are in one dictionary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["merged_arrays"]

Arrays = dict[str, NDArray[Any]]


def merged_arrays(parts: Sequence[Arrays], items: Sequence[int]) -> Arrays:
    """Return the arrays of an index of all items; `items` are the numbers of items of the parts.

    Arrays are as `EvalIndex` describes them.
    """
    whole = {
        name: np.concatenate([part[name] for part in parts])
        for name in ("chars", "word_hashes", "word_flags", "passage_form")
    }
    for name in ("word_chars", "passage_words"):
        whole[name] = _joined_bounds([part[name] for part in parts])
    item_starts = np.cumsum([0, *items])[:-1]
    numbered = [
        part["passage_item"] + start for part, start in zip(parts, item_starts, strict=True)
    ]
    whole["passage_item"] = np.concatenate(numbered).astype(np.int32)
    return whole | _grams(parts)


def _joined_bounds(bounds: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    ends = np.cumsum([0, *(int(own[-1]) for own in bounds)])
    moved = [own[1:] + start for own, start in zip(bounds, ends, strict=False)]
    return np.concatenate([np.zeros(1, np.int64), *moved])


def _grams(parts: Sequence[Arrays]) -> Arrays:
    numbers = _numbers(parts)
    first = np.unique(np.concatenate(numbers), return_index=True)[1]
    words, passages = (
        np.cumsum([0, *(len(part[name]) - less for part in parts)])
        for name, less in (("word_hashes", 0), ("passage_words", 1))
    )
    begins = [part["gram_words"] + start for part, start in zip(parts, words, strict=False)]
    rules = np.zeros(len(first), dtype=np.uint8)
    np.bitwise_or.at(
        rules, np.concatenate(numbers), np.concatenate([part["gram_rules"] for part in parts])
    )
    sizes = [np.diff(part["posting_start"]) for part in parts]
    of = np.concatenate([np.repeat(n, size) for n, size in zip(numbers, sizes, strict=True)])
    order = np.argsort(of, kind="stable")
    held = [part["posting_passage"] + n for part, n in zip(parts, passages, strict=False)]
    counts = np.bincount(of, minlength=len(first))
    return {
        "gram_words": np.concatenate(begins)[first],
        "gram_length": np.concatenate([part["gram_length"] for part in parts])[first],
        "gram_rules": rules,
        "posting_start": np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
        "posting_passage": np.concatenate(held).astype(np.int32)[order],
        "posting_offset": np.concatenate([part["posting_offset"] for part in parts])[order],
    }


def _numbers(parts: Sequence[Arrays]) -> list[NDArray[np.int64]]:
    """The number in the whole of each part's n-grams: equal words have equal numbers."""
    known: dict[tuple[int, bytes], int] = {}
    numbers = []
    for part in parts:
        hashes = part["word_hashes"]
        told = zip(part["gram_words"].tolist(), part["gram_length"].tolist(), strict=True)
        keys = ((size, hashes[at : at + size].tobytes()) for at, size in told)
        own = [known.setdefault(key, len(known)) for key in keys]
        numbers.append(np.array(own, dtype=np.int64))
    return numbers
