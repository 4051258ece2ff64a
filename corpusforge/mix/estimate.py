"""Which documents to tokenize: those that the draw can reach, by an estimate with a margin.

A source of which less than one epoch is drawn needs only the head of its first epoch's order, and
that order is known before anything is tokenized, because it hashes ids. Tokens are estimated from
bytes. The draw is the same as if everything had been tokenized. Limit: an estimate that is off by
more than the margin ends the run with a message that says which figure to change.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpusforge.draw import uniform
from corpusforge.mix.settings import Settings

__all__ = ["choose", "estimated_tokens", "scaled_tokens"]


def estimated_tokens(text_bytes: NDArray[np.int64], settings: Settings) -> NDArray[np.float64]:
    """Return the estimated tokens of each document, its end-of-document id included."""
    return text_bytes / settings.bytes_per_token + 1.0


def choose(
    keys: NDArray[np.uint64],
    text_bytes: NDArray[np.int64],
    asked: int,
    settings: Settings,
    seed: int,
) -> NDArray[np.bool_]:
    """Return which documents of one leaf to tokenize so that `asked` tokens can be drawn."""
    tokens = estimated_tokens(text_bytes, settings)
    order = np.lexsort((keys, uniform(keys, seed, "mix")))
    before = np.cumsum(tokens[order]) - tokens[order]
    chosen = np.zeros(len(keys), dtype=bool)
    chosen[order[before < asked * (1.0 + settings.margin)]] = True
    return chosen


def scaled_tokens(tokens: int, tokenized_bytes: int, all_bytes: int) -> int:
    """Return the tokens a leaf holds in all, scaled from its tokenized documents by bytes."""
    if not tokenized_bytes:
        return 0
    return tokens if tokenized_bytes == all_bytes else round(tokens / tokenized_bytes * all_bytes)
