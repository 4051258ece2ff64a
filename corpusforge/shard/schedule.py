"""Which sequences a training step reads: a growing batch size, and ranges that are never read.

Method: the order is fixed when the data are built, so a step's sequences follow from its number
(Chowdhery et al. 2022, PaLM, section 5.1: on a loss spike, restart about 100 steps earlier and skip
200 to 500 batches). Limit: skipped sequences are gone for later steps too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge.errors import InputError

__all__ = ["Schedule", "Skipped"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Batch sizes in sequences: `steps` holds (first step, size), by step, beginning at step 0."""

    steps: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        firsts = [first for first, _ in self.steps]
        sizes = [size for _, size in self.steps]
        if not firsts or firsts[0] != 0 or firsts != sorted(set(firsts)) or min(sizes) < 1:
            raise InputError(
                f"batch_size {self.steps!r}: expected (first step, sequences) pairs that begin at "
                "step 0 and rise, each with at least 1 sequence."
            )

    @classmethod
    def of(cls, batch_size: int | Sequence[tuple[int, int]]) -> Schedule:
        """Return the schedule of a constant size, or of (first step, size) pairs."""
        if isinstance(batch_size, int):
            return cls(((0, batch_size),))
        return cls(tuple((int(first), int(size)) for first, size in batch_size))

    def before(self, step: int) -> int:
        """Return how many sequences the steps before `step` read."""
        total = 0
        for number, (first, size) in enumerate(self.steps):
            last = self.steps[number + 1][0] if number + 1 < len(self.steps) else step
            total += max(0, min(step, last) - first) * size
        return total


@dataclass(frozen=True, slots=True)
class Skipped:
    """Ranges [start, stop) of sequence numbers that are never read: disjoint, rising."""

    ranges: tuple[tuple[int, int], ...] = ()

    def number(self, rank: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sequence number of the `rank`-th sequence that is read, counted from 0.

        `rank` and the result are int64 [ranks], or one number.
        """
        numbers = np.array(rank, dtype=np.int64)
        for start, stop in self.ranges:
            numbers = np.where(numbers >= start, numbers + (stop - start), numbers)
        return numbers

    def add(self, start: int, stop: int) -> Skipped:
        """Return these ranges and one more, merged where they touch."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted([*self.ranges, (start, stop)]):
            if merged and first <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            elif first < last:
                merged.append((first, last))
        return Skipped(tuple(merged))
