"""Which documents to tokenize: those that the draw can reach, by an estimate with a margin.

A source of which less than one epoch is drawn needs only the head of its first epoch's order, and
that order is known before anything is tokenized, because it hashes ids. Tokens are estimated from
bytes. The draw is the same as if everything had been tokenized. Limit: an estimate that is off by
more than the margin ends the run with a message that says which figure to change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge.mix.buckets import Section, Sections
from corpusforge.mix.repetition import Reach
from corpusforge.mix.sample import I64
from corpusforge.mix.settings import Settings

__all__ = ["Head", "head", "scaled_tokens"]


@dataclass(frozen=True, slots=True)
class Head:
    """The first documents of an epoch: how many, their bytes of text, and where they end."""

    documents: int
    bytes: int
    reach: Reach


def head(sections: Sections, section: Section, asked: int, settings: Settings) -> Head:
    """Return the documents of one leaf to tokenize so that `asked` tokens can be drawn.

    The lengths that `sections` hold are bytes of text. A document's tokens are estimated as its
    bytes over `settings.bytes_per_token`, and its end-of-document id.
    """
    documents, sizes = sections.sums(section)
    ends, stops = np.cumsum(sizes), np.cumsum(documents)
    limit = asked * (1.0 + settings.margin)
    over = np.flatnonzero(_tokens(ends, stops, settings) > limit)
    if not len(over):
        return Head(int(stops[-1]), int(ends[-1]), Reach(1))
    bucket = int(over[0])
    own = sections.rows(section, bucket, bucket + 1)
    begins = int(ends[bucket] - sizes[bucket]) + np.cumsum(own.lengths) - own.lengths
    first = int(stops[bucket] - documents[bucket])
    before = _tokens(begins, first + np.arange(len(own)), settings)
    count = int(np.searchsorted(before, limit))
    stop = first + count
    size = int(begins[count]) if count < len(own) else int(ends[bucket])
    if stop == stops[-1]:
        return Head(stop, size, Reach(1))
    key = _key(sections, section, stop - 1) if stop else None
    return Head(stop, size, Reach(0, key))


def _tokens(sizes: I64, documents: I64, settings: Settings) -> NDArray[np.float64]:
    """The estimated tokens of so many documents of so many bytes: sums are exact, then scaled."""
    return sizes / settings.bytes_per_token + documents


def _key(sections: Sections, section: Section, number: int) -> int:
    documents, _ = sections.sums(section)
    stops = np.cumsum(documents)
    bucket = int(np.searchsorted(stops, number, side="right"))
    own = sections.rows(section, bucket, bucket + 1)
    return int(own.keys[number - int(stops[bucket] - documents[bucket])])


def scaled_tokens(tokens: int, tokenized_bytes: int, all_bytes: int) -> int:
    """Return the tokens a leaf holds in all, scaled from its tokenized documents by bytes."""
    if not tokenized_bytes:
        return 0
    return tokens if tokenized_bytes == all_bytes else round(tokens / tokenized_bytes * all_bytes)
