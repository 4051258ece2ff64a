"""The draw: which documents stand in the stream, how often, and in which order.

Every choice is a hash of (seed, copy, document). Copy c of a document has u = (c + h)/e; a source
gives the shortest prefix by u that reaches the tokens asked; the last document is cut there, and its
last id becomes the end-of-document id when the shard is written. Copies of number c all lie before
those of number c + 1, so e itself is not needed and each epoch ends before the next begins. The
streams of the sources are merged by v = (tokens before + half the document's) / asked, ties by
(source, id), which keeps the mixture the same along the whole stream. Limit: two documents with
equal 64-bit keys would tie (probability n^2 / 2^65). How much is in memory at a time is the business
of `buckets`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.hashing import uniform

__all__ = ["Draws", "Supply", "held_out", "in_order"]

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Supply:
    """Tokenized documents of one leaf: arrays of one length.

    `keys` are id keys, `lengths` tokens with delimiting ids, `parts` the number of the token part,
    `rows` the row in that part's index, `offsets` the first token in that part, `ids` (strings)
    where they were read. `complete` is False where only documents that an estimate can draw were
    tokenized: the supply is then the head of the first epoch, and may not be repeated.
    """

    keys: NDArray[np.uint64]
    lengths: I64
    parts: NDArray[np.int32]
    rows: I64
    offsets: I64
    complete: bool = True
    ids: pa.Array | None = None

    @property
    def tokens(self) -> int:
        """All tokens."""
        return int(self.lengths.sum())

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, at: Any) -> Supply:
        """Return the documents at `at`: numbers, a mask or a slice."""
        chosen = {name: getattr(self, name)[at] for name in SUPPLY}
        if self.ids is not None and isinstance(at, slice):
            chosen["ids"] = self.ids[at]
        elif self.ids is not None:
            numbers = np.flatnonzero(at) if at.dtype == bool else at
            chosen["ids"] = self.ids.take(pa.array(numbers))
        return replace(self, **chosen)


SUPPLY = ("keys", "lengths", "parts", "rows", "offsets")


@dataclass(frozen=True, slots=True)
class Draws:
    """The stream or a stretch of it, document by document, in stream order.

    `names[leaf[i]]` is draw i's leaf; `ids` stand there where they were read with the documents.
    """

    names: tuple[str, ...]
    leaf: NDArray[np.int32]
    part: NDArray[np.int32]
    row: I64
    offset: I64
    length: I64
    copy: NDArray[np.int32]
    cut: NDArray[np.bool_]
    phase: NDArray[np.int32]
    ids: pa.Array | None = None

    def __len__(self) -> int:
        return len(self.leaf)

    @property
    def tokens(self) -> int:
        """Tokens of the stream."""
        return int(self.length.sum())

    def slice(self, start: int, stop: int) -> Draws:
        """Return draws `start` to `stop` as views, without their ids."""
        columns = {name: getattr(self, name)[start:stop] for name in COLUMNS}
        return Draws(names=self.names, **columns)

    def table(self) -> pa.Table:
        """Return the draws as a table, the leaf by name."""
        leaf = pa.DictionaryArray.from_arrays(
            pa.array(self.leaf), pa.array(self.names, pa.string())
        )
        columns = {name: pa.array(getattr(self, name)) for name in COLUMNS if name != "leaf"}
        return pa.table({"leaf": leaf.cast(pa.string()), **columns})

    @classmethod
    def from_table(cls, table: pa.Table) -> Draws:
        """Return the draws that `table` came from."""
        leaf = table.column("leaf").combine_chunks().dictionary_encode()
        columns = {name: table.column(name).to_numpy() for name in COLUMNS if name != "leaf"}
        return cls(
            names=tuple(leaf.dictionary.to_pylist()),
            leaf=leaf.indices.to_numpy(zero_copy_only=False).astype(np.int32),
            **columns,
        )

    @classmethod
    def joined(cls, stretches: Sequence[Draws]) -> Draws:
        """Return stretches of one stream, at least one, one after another."""
        columns = {
            name: np.concatenate([getattr(piece, name) for piece in stretches]) for name in COLUMNS
        }
        return cls(names=stretches[0].names, **columns)


COLUMNS = ("leaf", "part", "row", "offset", "length", "copy", "cut", "phase")


def held_out(cluster_keys: NDArray[np.uint64], seed: int, share: float) -> NDArray[np.bool_]:
    """Return which documents are for validation: whole clusters, about `share` of them.

    `cluster_keys` are uint64 [documents], the result bool [documents].
    """
    return uniform(cluster_keys, seed, "validation") < share


def in_order(keys: NDArray[np.uint64], seed: int, copy: int) -> I64:
    """Return the numbers of the documents in the order of their copy `copy`: by u, then by key.

    `keys` are uint64 [documents], the result int64 [documents].
    """
    return np.lexsort((keys, uniform(keys, seed, "mix", copy)))
