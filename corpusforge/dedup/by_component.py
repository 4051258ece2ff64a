"""Selection by component: a task takes whole components of the graph of shared keys, and no other document.

Nothing in one component is a candidate of anything in another, and selection goes by the order of documents,
so what a task decides about its own is what one process decides about all. Documents come as rows of
`neighbours`: what their part's `.ids.parquet` and `.sig` hold of them; band keys follow from signatures.
Which task has a component is a hash of its least number.

Memory of a task: about 1.5 kB per document of its components with 128 slots, 0.5 kB of which are signatures.
Limit: a component is never divided, so the largest one bounds a task from below.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.dedup.parts import IDS, read_signatures
from corpusforge.dedup.results import CLUSTERS, COMPONENTS, DUPLICATES, Duplicates
from corpusforge.dedup.select import find_duplicates
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import write_bands
from corpusforge.hashing import mix64
from corpusforge.io import files
from corpusforge.io.parquet import read_table, write_table
from corpusforge.io.slices import one_batch

__all__ = [
    "COPIES",
    "asked_for",
    "divided",
    "found_tables",
    "neighbours",
    "schema_of",
    "select",
    "with_rows",
]

I64 = NDArray[np.int64]

COPIES = {
    "copies": DUPLICATES.append(pa.field("removes", pa.bool_())),
    "clusters": CLUSTERS,
    "components": COMPONENTS,
}
"""What selection tells of the documents of a part."""


def schema_of(settings: Settings) -> pa.Schema:
    """Return the columns of a document with a neighbour."""
    signature = pa.field("signature", pa.binary(4 * settings.slots), nullable=False)
    return pa.schema([pa.field("number", pa.uint32(), nullable=False), *IDS, signature])


def neighbours(
    prefixes: Sequence[str], bases: I64, numbers: I64, settings: Settings
) -> pa.RecordBatch:
    """Return the documents of some parts that have a neighbour.

    `bases` are the parts' first numbers and the end, int64 [parts + 1], `numbers` those that have a
    neighbour, ascending, int64 [numbers].
    """
    signed = np.empty((len(numbers), settings.slots), dtype="<u4")
    tables = [IDS.empty_table()]
    for number, prefix in enumerate(prefixes):
        low, high = np.searchsorted(numbers, bases[number : number + 2])
        rows = numbers[low:high] - bases[number]
        tables.append(read_table(prefix + ".ids.parquet").take(pa.array(rows)))
        signed[low:high] = read_signatures(prefix, settings.slots)[rows]
    column = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(4 * settings.slots), len(numbers), [None, pa.py_buffer(signed)]
    )
    ids = one_batch(pa.concat_tables(tables))
    columns = [pa.array(numbers.astype(np.uint32)), *ids.columns, column]
    return pa.RecordBatch.from_arrays(columns, schema=schema_of(settings))


def divided(batch: pa.RecordBatch, least: I64, tasks: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of each task; `least` names each row's component, int64 [rows]."""
    task = (mix64(least.astype(np.uint64)) % np.uint64(tasks)).astype(np.int64)
    order = np.argsort(task, kind="stable")
    edges = np.searchsorted(task[order], np.arange(tasks + 1))
    for first, stop in pairwise(edges):
        yield batch.take(pa.array(order[first:stop]))


def select(
    table: pa.Table,
    settings: Settings,
    text_of: Callable[[I64], pa.Array] | None,
    *,
    components: bool,
) -> Duplicates:
    """Return the duplicates among whole components; `text_of` gives the texts of ascending rows of `table`.

    Those rows are int64 [rows]; `table` is in order of its numbers.
    """
    with tempfile.TemporaryDirectory(prefix="corpusforge-dedup-") as scratch:
        prefix = files.join(scratch, "part")
        with files.atomic_write(prefix + ".sig") as stream:
            for chunk in table.column("signature").chunks:
                start, size = 4 * settings.slots * chunk.offset, 4 * settings.slots * len(chunk)
                stream.write(chunk.buffers()[1][start : start + size])
        write_table(prefix + ".ids.parquet", table.select(IDS.names))
        write_bands(prefix, settings)
        return find_duplicates(
            [prefix],
            replace(settings, ranges=1),
            None if text_of is None else lambda _, rows: text_of(rows),
            components=components,
        )


def asked_for(table: pa.Table, settings: Settings, *, components: bool) -> I64:
    """Return the rows of which selection will compare texts, ascending: int64 [rows].

    It selects as if no such pair were alike; so more is kept, and a text that is wanted all the same is rare.
    """
    rows: list[I64] = [np.empty(0, dtype=np.int64)]

    def text_of(wanted: I64) -> pa.Array:
        rows.append(wanted)
        return pa.array([str(row) for row in wanted], pa.large_string())

    select(table, settings, text_of, components=components)
    return np.unique(np.concatenate(rows))


def found_tables(found: Duplicates, part: int) -> dict[str, pa.Table]:
    """Return a part's tables of `COPIES`, with rows of the part."""
    copies = found.table(part)
    gone = pa.array(np.isin(copies.column("row").to_numpy(), found.removed_rows(part)))
    return {
        "copies": copies.append_column(COPIES["copies"].field("removes"), gone),
        "clusters": found.clusters(part),
        "components": found.component_rows(part),
    }


def with_rows(table: pa.Table, rows: I64) -> pa.Table:
    """Replace the row numbers n of a table by rows[n]: int64 [rows named]."""
    place = table.schema.get_field_index("row")
    own = pa.array(rows[table.column("row").to_numpy()], type=pa.int64())
    return table.set_column(place, table.schema.field(place), own)
