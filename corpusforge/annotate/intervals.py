"""A figure with its interval: the percentile bootstrap over prompts (Efron 1979), drawn by hash.

Answers to one prompt hang together, so prompts are drawn, not answers. Every figure is a function
of sums over prompts; a draw is then one matrix product. Limit: above `BLOCKS` prompts whole blocks
of prompts are drawn, blocks being a hash of the prompt id; intervals stay, the work shrinks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge import hashing

__all__ = ["BLOCKS", "DRAWS", "Interval", "bootstrap"]

BLOCKS = 2000
DRAWS = 400

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, the ends of its 95 % interval (NaN where there is none), and how many it is from."""

    value: float
    low: float
    high: float
    n: int

    def row(self) -> dict[str, float | int | None]:
        """Return value, low, high, n with None for NaN: JSON has no NaN."""
        ends = {"value": self.value, "low": self.low, "high": self.high}
        shown = {name: None if np.isnan(x) else round(float(x), 6) for name, x in ends.items()}
        return {**shown, "n": self.n}


def _blocks(sums: F64, keys: NDArray[np.uint64]) -> tuple[F64, NDArray[np.uint64]]:
    if len(keys) <= BLOCKS:
        return sums, keys
    block = (hashing.mix64(keys) % np.uint64(BLOCKS)).astype(np.int64)
    order = np.argsort(block, kind="stable")
    names, starts = np.unique(block[order], return_index=True)
    return np.add.reduceat(sums[order], starts, axis=0), names.astype(np.uint64)


def bootstrap(
    figure: Callable[[F64], F64],
    sums: F64,
    keys: NDArray[np.uint64],
    n: int,
    *,
    seed: int = 0,
    purpose: str = "annotate.bootstrap",
) -> Interval:
    """Return `figure` of the sums over all prompts with its 95 % interval.

    `sums` is [prompts, S], `keys` the prompts' `hashing.id_keys` [prompts]; `figure` maps [B, S] to
    [B] and may give NaN. With fewer than two prompts there is no interval.
    """
    whole = figure(sums.sum(axis=0, keepdims=True))
    value = float(whole[0])
    if len(keys) < 2 or np.isnan(value):
        return Interval(value, np.nan, np.nan, n)
    sums, keys = _blocks(sums, keys)
    drawn = np.empty((DRAWS, sums.shape[1]))
    for copy in range(DRAWS):
        picked = (hashing.uniform(keys, seed, purpose, copy) * len(keys)).astype(np.int64)
        drawn[copy] = np.bincount(picked, minlength=len(keys)).astype(np.float64) @ sums
    found = figure(drawn)
    found = found[~np.isnan(found)]
    if not len(found):
        return Interval(value, np.nan, np.nan, n)
    low, high = np.quantile(found, [0.025, 0.975])
    return Interval(value, float(low), float(high), n)
