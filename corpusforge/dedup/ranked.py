"""The documents that have a neighbour as columns, in policy order: number 0 survives against everyone.

Everything after this module speaks of a document by its *rank* in policy order, so no result can
depend on the order of parts or rows. Documents that share no key with any other (`collisions.py`)
are copies of nothing; they may be left out, and ranks are then those among the rest. Memory is
about 150 bytes a document that is in, with ids of 32 characters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.dedup.bitset import Marks
from corpusforge.dedup.parts import IDS
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import content_keys
from corpusforge.errors import InputError
from corpusforge.hashing import id_keys, mix64
from corpusforge.io import parquet
from corpusforge.text.jit import jit
from corpusforge.text.packed import packed

__all__ = ["Corpus", "load_corpus"]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents by rank: arrays of length n, indexed by rank, unless they say otherwise.

    A document's place is where it stands among those that are in, in order of their numbers.
    """

    prefixes: tuple[str, ...]
    bases: NDArray[np.int64]
    """First document number of each part, and the total: [parts + 1]."""
    numbers: NDArray[np.uint32]
    """Document number (part base + row) by place, ascending."""
    edges: NDArray[np.int64]
    """First place of each part, and the total: [parts + 1]."""
    places: NDArray[np.uint32]
    """Place of each rank."""
    ranks: NDArray[np.uint32]
    """Rank by place."""
    ids: pa.Array
    """Ids by place."""
    sources: pa.DictionaryArray
    """Sources by place."""
    seen: Mapping[str, int]
    """Documents a source, also those that are not in, without the index."""
    shingles: NDArray[np.uint32]
    exact: NDArray[np.uint64]
    """Content key within the scope."""
    urls: NDArray[np.uint64]
    """URL key within the scope; 0 where URLs do not name documents."""
    scope: NDArray[np.uint64]
    """Scope key, 0 for the global scope."""
    frozen: int
    """Ranks below this belong to an earlier run's index and stay kept."""

    @property
    def size(self) -> int:
        """Number of documents that are in."""
        return len(self.places)

    @property
    def documents(self) -> int:
        """Number of all documents."""
        return int(self.bases[-1])

    def locate(self, ranks: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (part, row) of each rank."""
        numbers = self.numbers[self.places[ranks]].astype(np.int64)
        parts = np.searchsorted(self.bases, numbers, side="right") - 1
        return parts, numbers - self.bases[parts]


def load_corpus(
    prefixes: Sequence[str],
    settings: Settings,
    index: Sequence[str] = (),
    marks: Marks | None = None,
) -> Corpus:
    """Read the narrow columns of all parts and rank their documents, of `marks` if given.

    `index` names parts of earlier runs whose documents are all kept and outrank every new one.
    """
    every = (*index, *prefixes)
    tables, numbers, counts, seen = [], [], [0], Counter[str]()
    for part, prefix in enumerate(every):
        table = _read_part(prefix, settings)
        base = counts[-1]
        counts.append(base + table.num_rows)
        if part >= len(index):
            seen.update(_tally(table))
        rows = np.arange(table.num_rows) if marks is None else marks.rows(base, counts[-1])
        tables.append(_encoded(table if marks is None else table.take(pa.array(rows))))
        numbers.append((rows + base).astype(np.uint32))
    bases = np.array(counts, dtype=np.int64)
    edges = np.concatenate([[0], np.cumsum([table.num_rows for table in tables])]).astype(np.int64)
    table = pa.concat_tables(tables).unify_dictionaries()
    del tables
    frozen = int(edges[len(index)])
    order = _policy_order(table, settings, frozen)
    ranks = np.empty(len(order), dtype=np.uint32)
    ranks[order] = np.arange(len(order), dtype=np.uint32)
    scope = _scope_keys(table, settings.scope)
    shingles = _numbers(table, "n_shingles")
    exact = content_keys(_numbers(table, "exact_hash"), shingles, scope)
    urls = _url_keys(table, settings.url_sources, scope)
    ids, sources = table["id"].combine_chunks(), table["source"].combine_chunks()
    return Corpus(
        every,
        bases,
        np.concatenate(numbers),
        edges,
        order,
        ranks,
        ids,
        sources,
        seen,
        shingles[order],
        exact[order],
        urls[order],
        scope[order],
        frozen,
    )


def _read_part(prefix: str, settings: Settings) -> pa.Table:
    table = parquet.read_table(prefix + ".ids.parquet")
    if table.schema.names != IDS.names:
        raise InputError(
            f"{prefix}.ids.parquet: columns {table.schema.names}, expected {IDS.names}. "
            "Sign the part again."
        )
    if settings.scope == "snapshot" and table["snapshot"].null_count:
        raise InputError(
            "dedup.scope: 'snapshot' needs the column snapshot for every document. "
            "Give it, or use scope 'source'."
        )
    return table.drop_columns(["lang"])


def _tally(table: pa.Table) -> dict[str, int]:
    counts = pc.value_counts(table["source"])
    return {item["values"]: item["counts"] for item in counts.to_pylist()}


def _encoded(table: pa.Table) -> pa.Table:
    for name in ("source", "date", "snapshot"):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].dictionary_encode())
    place = table.schema.get_field_index("id")
    return table.set_column(place, "id", table["id"].cast(pa.large_string()))


def _numbers(table: pa.Table, name: str) -> NDArray[Any]:
    return np.asarray(table[name].combine_chunks())


def _codes(table: pa.Table, name: str) -> tuple[NDArray[np.int64], list[str]]:
    column = table[name].combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # a table without rows
        column = pa.concat_arrays(column.chunks)
    codes = np.asarray(column.indices.fill_null(-1)).astype(np.int64)
    return codes, column.dictionary.to_pylist()


def _ordinal(table: pa.Table, name: str) -> NDArray[np.int64]:
    """Return where each value stands among the sorted distinct values; -1 for an unknown one."""
    codes, values = _codes(table, name)
    place = {value: number for number, value in enumerate(sorted(v for v in values if v))}
    lookup = np.array([place.get(value, -1) for value in values] + [-1], dtype=np.int64)
    return lookup[codes]


def _order_key(table: pa.Table, key: str, settings: Settings) -> NDArray[np.int64 | np.float64]:
    """Return numbers of which the smaller survives."""
    if key == "source":
        codes, values = _codes(table, "source")
        place = {name: number for number, name in enumerate(settings.sources)}
        lookup = [place.get(value, len(place)) for value in values]
        return np.array([*lookup, len(place)], dtype=np.int64)[codes]
    if key == "score":
        scores = np.asarray(table["score"].combine_chunks().fill_null(float("nan")))
        return np.where(np.isnan(scores), np.inf, -scores.astype(np.float64))
    if key in ("newest", "oldest"):
        dates = _ordinal(table, "date")
        last = dates.max() + 1
        return np.where(dates < 0, last, dates if key == "oldest" else -dates)
    lengths = _numbers(table, "text_bytes").astype(np.int64)
    return lengths if key == "shortest" else -lengths


def _policy_order(table: pa.Table, settings: Settings, frozen: int) -> NDArray[np.uint32]:
    """Return places, the best first; documents equal in everything stand in order of their place.

    One sort of 64-bit keys that hold as much of the policy as fits; equal keys are then sorted by
    the whole policy, which is slow and rare.
    """
    if table.num_rows == 0:
        return np.empty(0, dtype=np.uint32)
    columns: dict[str, NDArray[Any]] = {
        "frozen": (np.arange(table.num_rows) >= frozen).astype("i8")
    }
    for key in settings.order:
        columns[key] = _order_key(table, key, settings)
    columns = {name: column for name, column in columns.items() if column.min() != column.max()}
    short = _packed_keys(list(columns.values()), _id_starts(table))
    order = np.argsort(short)
    short = short[order]
    equal = short[1:] == short[:-1]
    places = np.flatnonzero(np.append(equal, False) | np.append(False, equal))
    rows = np.sort(order[places])
    keys: dict[str, Any] = {name: pa.array(column[rows]) for name, column in columns.items()}
    for name in ("id", "exact_hash", "text_bytes"):
        keys[name] = table[name].take(pa.array(rows))
    names = [(name, "ascending") for name in keys]
    order[places] = rows[np.asarray(pc.sort_indices(pa.table(keys), sort_keys=names))]
    return order.astype(np.uint32)


def _packed_keys(columns: list[NDArray[Any]], starts: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return uint64 keys that never contradict the order of (columns..., id)."""
    keys, free = np.zeros(len(starts), dtype=np.uint64), 64
    for column in [*columns, starts]:
        values = _unsigned(column)
        values = values - values.min()
        bits = int(values.max()).bit_length()
        taken = min(bits, free)
        if taken == 64:
            return values
        keys = (keys << np.uint64(taken)) | (values >> np.uint64(min(bits - taken, 63)))
        free -= taken
        if free == 0 or taken < bits:
            break
    return keys


def _unsigned(column: NDArray[Any]) -> NDArray[np.uint64]:
    """Return uint64 in the same order as the signed integers or floats given."""
    if column.dtype == np.uint64:
        return column
    top = np.uint64(1 << 63)
    if column.dtype.kind == "f":
        bits = column.astype(np.float64).view(np.uint64)
        return np.where(bits & top, ~bits, bits | top)
    return column.astype(np.int64).view(np.uint64) ^ top


def _id_starts(table: pa.Table) -> NDArray[np.uint64]:
    """Return the first eight bytes of each id as a big-endian number: in the order of the ids."""
    data, offsets = packed(table["id"].combine_chunks())
    return _starts(data, offsets)


@jit
def _starts(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.uint64]:
    out = np.zeros(offsets.size - 1, np.uint64)
    for d in range(out.size):
        value = np.uint64(0)
        for k in range(8):
            byte = data[offsets[d] + k] if offsets[d] + k < offsets[d + 1] else np.uint8(0)
            value = (value << np.uint64(8)) | np.uint64(byte)
        out[d] = value
    return out


def _scope_keys(table: pa.Table, scope: str) -> NDArray[np.uint64]:
    if scope == "global":
        return np.zeros(table.num_rows, dtype=np.uint64)
    codes, values = _codes(table, "source")
    keys = id_keys(values)[codes]
    if scope == "source":
        return keys
    codes, values = _codes(table, "snapshot")
    return mix64(keys + id_keys(values)[codes])


def _url_keys(
    table: pa.Table, url_sources: tuple[str, ...], scope: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    urls = _numbers(table, "url_hash")
    if not url_sources:
        return np.zeros_like(urls)
    codes, values = _codes(table, "source")
    named = np.array(["*" in url_sources or value in url_sources for value in values], dtype=bool)
    return np.where((urls != 0) & named[codes], mix64(urls ^ mix64(scope)), np.uint64(0))
