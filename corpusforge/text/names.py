"""Names that must be distinct: one that comes again is numbered, `a`, `a~2`, `a~3`.

Held are 64-bit keys in an open table, 11 to 23 bytes a name, and a counter for each name that came again,
so a column of equal ids costs no more than one of distinct ones. Limit: of n names, two that differ share
a key with probability n^2 / 2^65; the second is then numbered although it need not be.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpusforge.hashing import id_key
from corpusforge.text.jit import jit

__all__ = ["REPEATED", "Names"]

REPEATED = "repeated_ids"
"""Note in an account: records whose id another one has, so that they were numbered."""
_FIRST = 1 << 10
_ROOM = 0.7  # of the table that may be taken


class Names:
    """The names given so far."""

    def __init__(self) -> None:
        self._table = np.zeros(_FIRST, dtype=np.uint64)
        self._held = 0
        self._last: dict[str, int] = {}

    def take(self, name: str) -> bool:
        """Whether nobody has the name yet; it is taken from now on."""
        if self._held > _ROOM * len(self._table):
            self._table = _grown(self._table)
        key = np.uint64(id_key(name) | 1)  # 0 is a free place
        new = bool(_insert(self._table, key))
        self._held += new
        return new

    def distinct(self, name: str) -> str:
        """Return the name, or where it is taken the first of `name~2`, `name~3`… that is free."""
        if self.take(name):
            return name
        number = self._last.get(name, 1) + 1
        while not self.take(f"{name}~{number}"):
            number += 1
        self._last[name] = number
        return f"{name}~{number}"


def _grown(table: NDArray[np.uint64]) -> NDArray[np.uint64]:
    larger = np.zeros(2 * len(table), dtype=np.uint64)
    _insert_all(larger, table[table != 0])
    return larger


@jit
def _insert(table: NDArray[np.uint64], key: np.uint64) -> bool:
    """Put a key into the table; return whether it was not there."""
    mask = np.uint64(table.size - 1)
    place = (key >> np.uint64(1)) & mask
    while table[place] != np.uint64(0):
        if table[place] == key:
            return False
        place = (place + np.uint64(1)) & mask
    table[place] = key
    return True


@jit
def _insert_all(table: NDArray[np.uint64], keys: NDArray[np.uint64]) -> None:
    for i in range(keys.size):
        _insert(table, keys[i])
