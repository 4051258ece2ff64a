"""Epochs of a leaf in order of u, cut in ranges of u: what a task needs of them, in memory or on disk.

A section is one epoch (copy) of one leaf; its buckets are equal ranges of u. Sums by bucket tell
where a token of the epoch lies, so a cut reads one bucket, and a stretch of the stream a few. On disk
a group of token parts is one Arrow file, a record batch a bucket, sections one after another, next
to a Parquet file with the sums. Limit: what is asked for is in memory, and sorted there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.hashing import uniform
from corpusforge.io import files
from corpusforge.io.parquet import read_table
from corpusforge.mix.sample import I64, Supply, in_order

__all__ = ["Filed", "Held", "Section", "Sections", "file_sections", "read_sums"]

ROWS = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("part", pa.int32(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("id", pa.string()),
    ]
)
"""A document of a section; `id` is null where nothing needs it."""


@dataclass(frozen=True, slots=True)
class Section:
    """Epoch `copy` of a leaf on one side (`train` or `val`), in `buckets` equal ranges of u."""

    side: str
    leaf: str
    copy: int
    buckets: int = 1


class Sections(Protocol):
    """Where the epochs of one side lie."""

    def section(self, leaf: str, copy: int) -> Section:
        """Return the section of an epoch."""
        ...

    def sums(self, section: Section) -> tuple[I64, I64]:
        """Return the documents and the tokens of each bucket. Both are int64 [buckets]."""
        ...

    def rows(self, section: Section, first: int, last: int) -> Supply:
        """Return the documents of buckets [first, last), by (u, key)."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """Supplies in memory, by leaf: every section is one bucket."""

    supplies: Mapping[str, Supply]
    seed: int
    side: str = "train"
    _orders: dict[tuple[str, int], I64] = field(default_factory=dict)

    def section(self, leaf: str, copy: int) -> Section:
        """Return the section of an epoch."""
        return Section(self.side, leaf, copy)

    def sums(self, section: Section) -> tuple[I64, I64]:
        """Return the documents and the tokens of the one bucket. Both are int64 [buckets]."""
        own = self.supplies[section.leaf]
        return np.array([len(own)]), np.array([own.tokens])

    def rows(self, section: Section, first: int, last: int) -> Supply:
        """Return the documents of the leaf by (u, key); a sorted epoch stays sorted."""
        own, place = self.supplies[section.leaf], (section.leaf, section.copy)
        if place not in self._orders:
            self._orders[place] = in_order(own.keys, self.seed, section.copy)
        return own.take(self._orders[place] if last > first else slice(0, 0))


@dataclass(frozen=True, slots=True)
class Filed:
    """Sections that `file_sections` wrote: `layout` in their order, sums over all groups.

    `paths` are the files of all groups; `documents` and `tokens` have one figure a bucket.
    """

    layout: Sequence[Section]
    paths: Sequence[str]
    documents: I64
    tokens: I64
    seed: int
    side: str

    def section(self, leaf: str, copy: int) -> Section:
        """Return the section of an epoch."""
        told = (self.side, leaf, copy)
        return next(own for own in self.layout if (own.side, own.leaf, own.copy) == told)

    def _first(self, section: Section) -> int:
        return sum(own.buckets for own in self.layout[: self.layout.index(section)])

    def sums(self, section: Section) -> tuple[I64, I64]:
        """Return the documents and the tokens of each bucket. Both are int64 [buckets]."""
        start = self._first(section)
        own = slice(start, start + section.buckets)
        return self.documents[own], self.tokens[own]

    def rows(self, section: Section, first: int, last: int) -> Supply:
        """Return the documents of buckets [first, last), by (u, key)."""
        start = self._first(section)
        batches = [
            batch
            for path in self.paths
            for batch in _read_batches(path, range(start + first, start + last))
        ]
        table = pa.Table.from_batches(batches, schema=ROWS).combine_chunks()
        supply = Supply(
            keys=table.column("key").to_numpy(),
            lengths=table.column("length").to_numpy(),
            parts=table.column("part").to_numpy(),
            rows=table.column("row").to_numpy(),
            offsets=table.column("offset").to_numpy(),
            ids=pa.concat_arrays([pa.array([], pa.string()), *table.column("id").chunks]),
        )
        return supply.take(in_order(supply.keys, self.seed, section.copy))


def _read_batches(path: str, numbers: Sequence[int]) -> list[pa.RecordBatch]:
    with files.open_raw(path) as stream:
        reader = pa.ipc.open_file(stream)
        return [reader.get_batch(number) for number in numbers]


def file_sections(
    path: str, layout: Sequence[Section], sides: Mapping[str, Mapping[str, Supply]], seed: int
) -> tuple[I64, I64]:
    """Write a group's sections; return the documents and the tokens of each bucket.

    `sides` are its supplies, with ids, by side and leaf.
    Both are int64 [buckets of all sections].
    """
    documents: list[I64] = [np.zeros(0, np.int64)]
    tokens: list[I64] = [np.zeros(0, np.int64)]
    with files.atomic_write(path) as stream, pa.ipc.new_file(stream, ROWS) as writer:
        for section in layout:
            own = sides[section.side][section.leaf]
            bucket = buckets(own.keys, section, seed)
            order = np.argsort(bucket, kind="stable")
            counts = np.bincount(bucket, minlength=section.buckets)
            documents.append(counts)
            tokens.append(_sums(bucket, own.lengths, section.buckets))
            batch = _batch(own.take(order))
            start = 0
            for count in counts.tolist():
                writer.write_batch(batch.slice(start, count))
                start += count
    return np.concatenate(documents), np.concatenate(tokens)


def buckets(keys: NDArray[np.uint64], section: Section, seed: int) -> I64:
    """Return the bucket of each document in an epoch.

    `keys` are uint64 [documents], the result int64 [documents], below `section.buckets`.
    """
    u = uniform(keys, seed, "mix", section.copy)
    return (u * section.buckets).astype(np.int64)


def _sums(bucket: I64, values: I64, count: int) -> I64:
    total = np.zeros(count, dtype=np.int64)
    np.add.at(total, bucket, values)  # bincount's weights are floats
    return total


def _batch(own: Supply) -> pa.RecordBatch:
    arrays = [own.keys, own.lengths, own.parts, own.rows, own.offsets]
    ids = pa.nulls(len(own), pa.string()) if own.ids is None else own.ids
    columns = [*(pa.array(values) for values in arrays), ids]
    return pa.RecordBatch.from_arrays(columns, schema=ROWS)


def read_sums(paths: Sequence[str], count: int) -> tuple[I64, I64]:
    """Return the sums over groups of the documents and tokens of `count` buckets.

    Both are int64 [count].
    """
    documents, tokens = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for path in paths:
        table = read_table(path, ["documents", "tokens"])
        documents += table.column("documents").to_numpy()
        tokens += table.column("tokens").to_numpy()
    return documents, tokens
