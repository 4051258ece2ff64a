"""The draw: which documents stand in the stream, how often, and in which order.

Every choice is a hash of (seed, copy, document). Copy c of a document has u = (c + h)/e; a source
gives the shortest prefix by u that reaches the tokens asked, the last document cut there without
an end-of-document id. Copies of number c all lie before those of number c + 1, so e itself is not
needed and each epoch ends before the next begins. The streams of the sources are merged by
v = (tokens before + half the document's) / asked, ties by (source, id), which keeps the mixture the
same along the whole stream. Limits: two documents with equal 64-bit keys would tie (probability
n^2 / 2^65); the draw of a run is in memory at about 40 bytes a document drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.draw import uniform
from corpusforge.errors import InputError
from corpusforge.mix.plan import PhasePlan

__all__ = ["Draws", "Supply", "held_out", "stream"]

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Supply:
    """The tokenized documents of one leaf: arrays of one length.

    `keys` are id keys, `lengths` tokens with delimiting ids, `parts` the number of the token part,
    `rows` the row in that part's index, `offsets` the first token in that part. `complete` is False
    where only documents that an estimate can draw were tokenized: the supply is then the head of
    the first epoch, and may not be repeated.
    """

    keys: NDArray[np.uint64]
    lengths: I64
    parts: NDArray[np.int32]
    rows: I64
    offsets: I64
    complete: bool = True

    @property
    def tokens(self) -> int:
        """All tokens."""
        return int(self.lengths.sum())

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Draws:
    """The stream, document by document, in stream order. `names[leaf[i]]` is draw i's leaf."""

    names: tuple[str, ...]
    leaf: NDArray[np.int32]
    part: NDArray[np.int32]
    row: I64
    offset: I64
    length: I64
    copy: NDArray[np.int32]
    cut: NDArray[np.bool_]
    phase: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.leaf)

    @property
    def tokens(self) -> int:
        """Tokens of the stream."""
        return int(self.length.sum())

    def slice(self, start: int, stop: int) -> Draws:
        """Return draws `start` to `stop` as views."""
        columns = {name: getattr(self, name)[start:stop] for name in _COLUMNS}
        return Draws(names=self.names, **columns)

    def table(self) -> pa.Table:
        """Return the draws as a table, the leaf by name."""
        leaf = pa.DictionaryArray.from_arrays(
            pa.array(self.leaf), pa.array(self.names, pa.string())
        )
        columns = {name: pa.array(getattr(self, name)) for name in _COLUMNS if name != "leaf"}
        return pa.table({"leaf": leaf.cast(pa.string()), **columns})

    @classmethod
    def from_table(cls, table: pa.Table) -> Draws:
        """Return the draws that `table` came from."""
        leaf = table.column("leaf").combine_chunks().dictionary_encode()
        columns = {name: table.column(name).to_numpy() for name in _COLUMNS if name != "leaf"}
        return cls(
            names=tuple(leaf.dictionary.to_pylist()),
            leaf=leaf.indices.to_numpy(zero_copy_only=False).astype(np.int32),
            **columns,
        )


_COLUMNS = ("leaf", "part", "row", "offset", "length", "copy", "cut", "phase")


def held_out(cluster_keys: NDArray[np.uint64], seed: int, share: float) -> NDArray[np.bool_]:
    """Return which documents are for validation: whole clusters, about `share` of them."""
    return uniform(cluster_keys, seed, "validation") < share


def _order(keys: NDArray[np.uint64], seed: int, copy: int) -> I64:
    return np.lexsort((keys, uniform(keys, seed, "mix", copy)))


def draw(
    supply: Supply, asked: int, seed: int, first: int = 0
) -> tuple[I64, NDArray[np.int32], I64]:
    """Return (documents, copies, lengths) that give exactly `asked` tokens, in epoch order.

    `first` is the number of documents that earlier phases have drawn; drawing goes on after them.
    Raises InputError where a supply that is not complete does not reach.
    """
    if asked and not supply.tokens:
        raise InputError(f"mix: {asked:,} tokens are asked of a source that has none.")
    documents, copies, left = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)], asked
    copy, skip = divmod(first, len(supply)) if len(supply) else (0, 0)
    while left > 0:
        if copy and not supply.complete:
            raise InputError(
                f"mix: {asked:,} tokens are asked, and the documents chosen for tokenizing gave "
                f"{supply.tokens:,}. Lower mix.bytes_per_token or raise mix.margin."
            )
        order = _order(supply.keys, seed, copy)[skip:]
        ends = np.cumsum(supply.lengths[order])
        count = min(int(np.searchsorted(ends, left)) + 1, len(order))
        documents.append(order[:count])
        copies.append(np.full(count, copy, dtype=np.int32))
        left -= int(ends[count - 1]) if count else 0
        copy, skip = copy + 1, 0
    drawn = np.concatenate(documents)
    lengths = supply.lengths[drawn]
    if left < 0:
        lengths[-1] += left
    return drawn, np.concatenate(copies), lengths


def stream(supplies: Mapping[str, Supply], phases: Sequence[PhasePlan], seed: int) -> Draws:
    """Return the whole stream: each phase's leaves drawn and merged, phases one after another."""
    names = tuple(sorted({path for phase in phases for path, n in phase.asked.items() if n}))
    used = dict.fromkeys(names, 0)
    stretches: list[dict[str, NDArray[Any]]] = []
    for number, phase in enumerate(phases):
        columns: list[dict[str, NDArray[Any]]] = []
        for leaf, name in enumerate(names):
            asked = phase.asked.get(name, 0)
            if asked:
                drawn, copies, lengths = draw(supplies[name], asked, seed, used[name])
                used[name] += len(drawn)
                columns.append(_columns(supplies[name], drawn, copies, lengths, asked, leaf))
        stretches.append(_merge(columns, number))
    joined = {name: np.concatenate([stretch[name] for stretch in stretches]) for name in _COLUMNS}
    return Draws(names=names, **joined)


def _columns(
    supply: Supply, drawn: I64, copies: NDArray[np.int32], lengths: I64, asked: int, leaf: int
) -> dict[str, NDArray[Any]]:
    before = np.cumsum(lengths) - lengths
    return {
        "leaf": np.full(len(drawn), leaf, dtype=np.int32),
        "part": supply.parts[drawn],
        "row": supply.rows[drawn],
        "offset": supply.offsets[drawn],
        "length": lengths,
        "copy": copies,
        "cut": lengths < supply.lengths[drawn],
        "key": supply.keys[drawn],
        "v": (2 * before + lengths) / np.float64(2 * asked),
    }


def _merge(columns: Sequence[dict[str, NDArray[Any]]], phase: int) -> dict[str, NDArray[Any]]:
    kinds: dict[str, Any] = {
        "leaf": np.int32,
        "part": np.int32,
        "copy": np.int32,
        "cut": np.bool_,
        "key": np.uint64,
        "v": np.float64,
    }
    joined = {
        name: np.concatenate(
            [np.zeros(0, dtype=kinds.get(name, np.int64)), *(column[name] for column in columns)]
        )
        for name in ("leaf", "part", "row", "offset", "length", "copy", "cut", "key", "v")
    }
    order = np.lexsort((joined["key"], joined["leaf"], joined["v"]))
    merged = {name: values[order] for name, values in joined.items() if name not in ("key", "v")}
    return {**merged, "phase": np.full(len(order), phase, dtype=np.int32)}
