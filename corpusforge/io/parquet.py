"""Parquet parts: written batch by batch, read batch by batch, never whole.

zstd level 3; statistics off and a fixed writer version, so equal rows give equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from corpusforge.io import files

__all__ = ["read_batches", "read_table", "row_count", "write_table", "write_batches"]

_OPTIONS = {
    "compression": "zstd",
    "compression_level": 3,
    "write_statistics": False,
    "store_schema": True,
}


def write_batches(path: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write batches as one Parquet file, a row group each, atomically; return the number of rows."""
    rows = 0
    with files.atomic_write(path) as stream, pq.ParquetWriter(stream, schema, **_OPTIONS) as writer:
        for batch in batches:
            if batch.num_rows:
                writer.write_batch(batch)
                rows += batch.num_rows
    return rows


def write_table(path: str, table: pa.Table) -> int:
    """Write a table as one Parquet file atomically; return the number of rows."""
    return write_batches(path, table.schema, table.combine_chunks().to_batches(max_chunksize=65536))


def read_batches(
    path: str, columns: Sequence[str] | None = None, batch_rows: int = 1024
) -> Iterator[pa.RecordBatch]:
    """Yield a Parquet file's rows as batches of at most `batch_rows`, in order."""
    with files.open_raw(path) as stream:
        reader = pq.ParquetFile(stream, pre_buffer=False)
        yield from reader.iter_batches(
            batch_size=batch_rows, columns=list(columns) if columns is not None else None
        )


def read_table(path: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Return a whole (narrow) Parquet file as a table."""
    with files.open_raw(path) as stream:
        return pq.ParquetFile(stream).read(columns=list(columns) if columns is not None else None)


def row_count(path: str) -> int:
    """Return the number of rows of a Parquet file from its footer."""
    with files.open_raw(path) as stream:
        return int(pq.ParquetFile(stream).metadata.num_rows)
