"""A finished shard as rows, for exports: one per document, in stream order, with its ids.

Packed shards give one row per sequence, with the bounds of the documents in it. The ids are read from the
memory-mapped file, batch by batch. `prefix` is a shard's path without ending.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.io.parquet import read_table
from corpusforge.shard.formats import packing_of, read_idx

__all__ = ["batches", "samples", "schema_of"]

ROWS = 1 << 20
"""Ids of one record batch, about 2 to 4 MB."""


def schema_of(prefix: str) -> pa.Schema:
    """Return the columns of a shard's rows: of documents, or of packed sequences."""
    packed = packing_of(read_table(f"{prefix}.parquet", []).schema)[1]
    ids = pa.list_(pa.from_numpy_dtype(read_idx(f"{prefix}.idx").dtype))
    if packed:
        bounds = pa.list_(pa.int32())
        return pa.schema([("input_ids", ids), ("starts", bounds), ("lengths", bounds)])
    text = pa.string()
    return pa.schema(
        [
            ("id", text),
            ("source", text),
            ("leaf", text),
            ("copy", pa.int32()),
            ("cut", pa.bool_()),
            ("input_ids", ids),
        ]
    )


def batches(prefix: str) -> Iterator[pa.RecordBatch]:
    """Yield a shard's rows in stream order, about 1 M ids a batch."""
    table = read_table(f"{prefix}.parquet").combine_chunks()
    dtype = read_idx(f"{prefix}.idx").dtype
    empty = not Path(f"{prefix}.bin").stat().st_size
    ids = np.zeros(0, dtype) if empty else np.asarray(np.memmap(f"{prefix}.bin", dtype, "r"))
    packed = packing_of(table.schema)[1]
    schema = schema_of(prefix)
    if packed:
        yield from _packed_batches(table, ids, packed, schema)
        return
    ends = table.column("start").to_numpy() + table.column("tokens").to_numpy()
    begin = 0
    while begin < len(ends):
        base = int(ends[begin - 1]) if begin else 0
        stop = max(int(np.searchsorted(ends, base + ROWS)), begin + 1)
        rows = table.slice(begin, stop - begin).combine_chunks()
        offsets = np.concatenate([[base], ends[begin:stop]]) - base
        lists = _lists(ids[base : int(ends[stop - 1])], offsets)
        named = [rows.column(name).combine_chunks() for name in schema.names[:-1]]
        yield pa.RecordBatch.from_arrays([*named, lists], schema=schema)
        begin = stop


def _packed_batches(
    table: pa.Table, ids: NDArray[Any], sequence: int, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    starts = table.column("start").to_numpy()
    lengths = table.column("tokens").to_numpy()
    count = len(ids) // sequence
    step = max(1, ROWS // sequence)
    for first in range(0, count, step):
        last = min(count, first + step)
        edges = np.searchsorted(starts, np.arange(first, last + 1) * sequence)
        inside = slice(int(edges[0]), int(edges[-1]))
        offsets = edges - edges[0]
        yield pa.RecordBatch.from_arrays(
            [
                _lists(
                    ids[first * sequence : last * sequence], np.arange(last - first + 1) * sequence
                ),
                _lists((starts[inside] % sequence).astype(np.int32), offsets),
                _lists(lengths[inside].astype(np.int32), offsets),
            ],
            schema=schema,
        )


def _lists(values: NDArray[Any], offsets: NDArray[np.int64]) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values))


def samples(prefix: str) -> Iterator[tuple[dict[str, Any], NDArray[Any]]]:
    """Yield each row of a shard as its columns by name without `input_ids`, and its ids [tokens]."""
    for batch in batches(prefix):
        lists = batch.column("input_ids")
        ids = lists.values.to_numpy()
        offsets = lists.offsets.to_pylist()
        for number, row in enumerate(batch.drop_columns(["input_ids"]).to_pylist()):
            yield row, ids[offsets[number] : offsets[number + 1]]
