"""Parquet parts: written batch by batch, read batch by batch, never whole.

zstd level 3; statistics off and a fixed writer version, so equal rows give equal bytes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, nullcontext, suppress
from types import TracebackType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpusforge.cputime import earn
from corpusforge.io import files

__all__ = [
    "Writer",
    "read_batches",
    "read_between",
    "read_rows",
    "read_table",
    "row_count",
    "write_batches",
    "write_table",
]

_OPTIONS = {
    "compression": "zstd",
    "compression_level": 3,
    "write_statistics": False,
    "store_schema": True,
}


class Writer:
    """A Parquet file written batch by batch; it appears when the `with` block ends without an error.

    Each batch becomes a row group. `schema` may be left out where the first batch tells it.
    """

    def __init__(self, path: str, schema: pa.Schema | None = None) -> None:
        self.path = path
        self.rows = 0
        self._schema = schema
        self._stack = ExitStack()
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Writer:
        self._stream = self._stack.enter_context(files.atomic_write(self.path))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._writer is None and self._schema is not None:
            self._open(self._schema)
        if self._writer is not None:
            # After an error too: an open writer would write to the closed file when collected.
            with nullcontext() if kind is None else suppress(Exception):
                self._writer.close()
        self._stack.__exit__(kind, error, trace)

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        self._writer = pq.ParquetWriter(self._stream, schema, **_OPTIONS)
        return self._writer

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch; an empty one only tells the schema."""
        writer = self._writer or self._open(batch.schema)
        if batch.num_rows:
            writer.write_batch(batch)
            self.rows += batch.num_rows


def write_batches(path: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write batches as one Parquet file, a row group each, atomically; return the number of rows."""
    with Writer(path, schema) as writer:
        for batch in batches:
            writer.write(batch)
    return writer.rows


def write_table(path: str, table: pa.Table) -> int:
    """Write a table as one Parquet file atomically; return the number of rows."""
    return write_batches(path, table.schema, table.combine_chunks().to_batches(max_chunksize=65536))


def read_batches(
    path: str,
    columns: Sequence[str] | None = None,
    batch_rows: int = 1024,
    groups: Sequence[int] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a Parquet file, or of some of its row groups, in order, in small batches."""
    with files.open_raw(path) as stream:
        reader = pq.ParquetFile(stream, pre_buffer=False)
        for batch in reader.iter_batches(
            batch_size=batch_rows,
            columns=list(columns) if columns is not None else None,
            row_groups=list(groups) if groups is not None else None,
        ):
            earn(batch.nbytes)
            yield batch


def read_table(path: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Return a whole (narrow) Parquet file as a table."""
    with files.open_raw(path) as stream:
        return pq.ParquetFile(stream).read(columns=list(columns) if columns is not None else None)


def read_rows(path: str, start: int, stop: int) -> pa.Table:
    """Return rows [start, stop) of a Parquet file; only the row groups that hold them are read."""
    with files.open_raw(path) as stream:
        reader = pq.ParquetFile(stream)
        groups: list[int] = []
        first = before = 0
        for number in range(reader.metadata.num_row_groups):
            after = before + reader.metadata.row_group(number).num_rows
            if after > start and before < stop:
                first = first if groups else before
                groups.append(number)
            before = after
        return reader.read_row_groups(groups).slice(start - first, stop - start)


def read_between(path: str, column: str, low: str, high: str = "") -> pa.Table:
    """Return the rows of a file sorted by a string column that have low <= value < high.

    Without `high` up to the end. The row groups that can hold them are found by bisection.
    """
    with files.open_raw(path) as stream:
        reader = pq.ParquetFile(stream)

        def first(group: int) -> str:
            return str(reader.read_row_group(group, columns=[column]).column(0)[0])

        groups = range(reader.metadata.num_row_groups)
        start = max(0, bisect_left(groups, low, key=first) - 1) if low else 0
        stop = bisect_left(groups, high, key=first) if high else len(groups)
        table = reader.read_row_groups(groups[start:stop])
    values = table.column(column)
    inside = pc.greater_equal(values, low)
    return table.filter(pc.and_(inside, pc.less(values, high)) if high else inside)


def row_count(path: str, groups: Sequence[int] | None = None) -> int:
    """Return the number of rows of a Parquet file, or of some of its row groups, from its footer."""
    with files.open_raw(path) as stream:
        metadata = pq.ParquetFile(stream).metadata
    if groups is None:
        return int(metadata.num_rows)
    return sum(metadata.row_group(number).num_rows for number in groups)
