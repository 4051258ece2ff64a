"""A proxy that takes seconds: an n-gram model of a stream's ids, by interpolated, modified Kneser-Ney.

Method: Chen and Goodman 1999, three discounts per order from the counts of counts; the lowest order
is interpolated with equal shares for every id. All in sorted arrays, an n-gram being one 64-bit number,
so the order is at most 64 over the bits of an id. The stream is one sequence: a document's first ids
stand behind the end of the one before. Limit: memory of some 16 bytes per different n-gram and order;
nothing is pruned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["NGrams", "train"]

U64 = NDArray[np.uint64]
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Order:
    """Sorted n-grams and what they count; sorted contexts, their totals and the share they leave."""

    grams: U64
    kept: F64
    """A gram's count less its discount."""
    contexts: U64
    totals: F64
    left: F64


@dataclass(frozen=True, slots=True, eq=False)
class NGrams:
    """The model: `orders[k]` has grams of k + 1 ids; ids have `bits` bits and are below `vocabulary`."""

    orders: tuple[_Order, ...]
    bits: int
    vocabulary: int

    def probabilities(self, ids: NDArray[np.int64]) -> F64:
        """Return the probability of each id after the first, given those before it: float64 [ids - 1]."""
        found = np.full(len(ids), 1.0 / self.vocabulary)
        for place, order in enumerate(self.orders):
            grams = _grams(ids, place + 1, self.bits)
            lower = found[place:]
            at, known = _find(order.contexts, grams >> np.uint64(self.bits))
            seat, there = _find(order.grams, grams)
            own = np.where(there, order.kept[seat], 0.0) / order.totals[at]
            found[place:] = np.where(known, own + order.left[at] * lower, lower)
        return found[1:]

    def bits_of(self, sequences: Sequence[NDArray[np.int64]]) -> list[F64]:
        """Return the bits of each sequence's ids after the first."""
        return [-np.log2(self.probabilities(ids)) for ids in sequences]


def _find(known: U64, wanted: U64) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return at, known[at] == wanted


def _grams(ids: NDArray[np.int64], order: int, bits: int) -> U64:
    """Return every run of `order` ids as one number, its last id in the lowest bits, [ids - order + 1]."""
    made = np.zeros(max(0, len(ids) - order + 1), dtype=np.uint64)
    for k in range(order):
        made = (made << np.uint64(bits)) | ids[k : k + len(made)].astype(np.uint64)
    return made


def _discounts(counts: NDArray[np.int64]) -> F64:
    """Return the discounts of counts 0, 1, 2 and more (Chen and Goodman 1999, equation 26).

    Where too few counts tell one, it is 0.5, 1 or 1.5, as in KenLM (Heafield et al. 2013).
    """
    n1, n2, n3, n4 = (float(max(1, (counts == k).sum())) for k in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    told = np.array([1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    sound = (told > 0) & (told < [1, 2, 3])
    return np.concatenate([[0.0], np.where(sound, told, [0.5, 1.0, 1.5])])


def _order(grams: U64, counts: NDArray[np.int64], bits: int) -> _Order:
    discount = _discounts(counts)[np.minimum(counts, 3)]
    contexts, starts = np.unique(grams >> np.uint64(bits), return_index=True)
    totals = np.add.reduceat(counts.astype(np.float64), starts)
    return _Order(
        grams, counts - discount, contexts, totals, np.add.reduceat(discount, starts) / totals
    )


def train(ids: NDArray[np.int64], order: int, vocabulary: int) -> NGrams:
    """Return the model of a stream, [ids] of two or more, of `order` at most what 64 bits hold."""
    bits = max(1, (vocabulary - 1).bit_length())
    order = max(1, min(order, 64 // bits, len(ids)))
    grams, counts = np.unique(_grams(ids, order, bits), return_counts=True)
    orders = [_order(grams, counts, bits)]
    for size in range(order - 1, 0, -1):  # below the highest, in how many contexts a gram stands
        shorter = grams & np.uint64((1 << size * bits) - 1)
        grams, counts = np.unique(shorter, return_counts=True)
        orders.append(_order(grams, counts, bits))
    return NGrams(tuple(reversed(orders)), bits, vocabulary)
