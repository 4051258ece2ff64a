"""A set of document numbers as bits: a fifth of a byte a document, and a member's place in a step.

The place of a member is how many members are smaller: the count of 64 numbers' words before it,
and a count of bits in its own word (rank over a bit vector, Jacobson 1989).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpusforge.text.jit import jit

__all__ = ["Marks"]


class Marks:
    """Which of `size` document numbers are in; first `add`, then `seal`, then ask for places."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._words = np.zeros(-(-size // 64), dtype=np.uint64)
        self._before = np.zeros(len(self._words) + 1, dtype=np.uint32)

    def add(self, numbers: NDArray[np.uint32]) -> None:
        """Put numbers in.

        `numbers` are uint32 [any], each below `size`, in any order.
        """
        _add(self._words, numbers)

    def add_all(self) -> None:
        """Put every number in."""
        self._words[:] = np.uint64((1 << 64) - 1)
        if self.size % 64:
            self._words[-1] = np.uint64((1 << (self.size % 64)) - 1)

    def seal(self) -> int:
        """Count the members, for `places`; return how many there are."""
        _count(self._words, self._before)
        return int(self._before[-1])

    def places(self, numbers: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Return the place of each member among all members in ascending order.

        `numbers` and the result are uint32 [members asked].
        """
        return _places(self._words, self._before, numbers)

    def rows(self, first: int, last: int) -> NDArray[np.int64]:
        """Return the members in [first, last), ascending, less `first`.

        The result is int64 [members there].
        """
        low, high = first // 64, -(-last // 64)
        words = self._words[low:high].astype("<u8", copy=False)
        bits = np.unpackbits(words.view(np.uint8), bitorder="little")
        return np.flatnonzero(bits[first - 64 * low : last - 64 * low])


@jit
def _add(words: NDArray[np.uint64], numbers: NDArray[np.uint32]) -> None:
    for number in numbers:
        words[number >> 6] |= np.uint64(1) << np.uint64(number & 63)


@jit
def _ones(word: np.uint64) -> np.uint64:
    w = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    w = (w & np.uint64(0x3333333333333333)) + ((w >> np.uint64(2)) & np.uint64(0x3333333333333333))
    w = (w + (w >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (w * np.uint64(0x0101010101010101)) >> np.uint64(56)


@jit
def _count(words: NDArray[np.uint64], before: NDArray[np.uint32]) -> None:
    total = np.uint32(0)
    for i in range(words.size):
        before[i] = total
        total += np.uint32(_ones(words[i]))
    before[words.size] = total


@jit
def _places(
    words: NDArray[np.uint64], before: NDArray[np.uint32], numbers: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    out = np.empty(numbers.size, np.uint32)
    for i in range(numbers.size):
        word = numbers[i] >> 6
        below = (np.uint64(1) << np.uint64(numbers[i] & 63)) - np.uint64(1)
        out[i] = before[word] + np.uint32(_ones(words[word] & below))
    return out
