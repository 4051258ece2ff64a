"""Rows sorted by who reads them: a file with a record batch per reader, each read by itself.

This is how rows go from many tasks to many others: each of the first writes one file, each of the second
reads one batch of every file, and nobody holds more than a part of either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from corpusforge.io import files

__all__ = ["count_slices", "one_batch", "read_slice", "write_slices"]


def write_slices(path: str, schema: pa.Schema, slices: Iterable[pa.RecordBatch]) -> int:
    """Write a batch per reader, in the readers' order; return the rows of all."""
    rows = 0
    with files.atomic_write(path) as stream, pa.ipc.new_file(stream, schema) as writer:
        for batch in slices:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def read_slice(paths: Sequence[str], reader: int) -> pa.Table:
    """Return the rows for one reader in all files, file by file."""
    batches = []
    for path in paths:
        with files.open_raw(path) as stream:
            batches.append(pa.ipc.open_file(stream).get_batch(reader))
    return pa.Table.from_batches(batches)


def count_slices(path: str) -> int:
    """Return for how many readers a file has batches."""
    with files.open_raw(path) as stream:
        return int(pa.ipc.open_file(stream).num_record_batches)


def one_batch(table: pa.Table) -> pa.RecordBatch:
    """Return the rows of a table as one batch."""
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)
