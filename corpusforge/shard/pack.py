"""Fixed sequences of whole documents: best-fit packing, or one document a sequence.

Method: best-fit decreasing (Ding et al. 2024, Fewer Truncations Improve Language Modeling) within
windows of the stream, so that the mixture stays even along it. A document longer than a sequence is
cut into whole sequences and a rest; nothing else is cut. Limit: sequences are padded, and the
padding is reported, not hidden.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.parquet import read_table, write_batches
from corpusforge.shard.formats import index_schema, packing_of, read_idx, write_idx
from corpusforge.shard.writer import ShardReceipt
from corpusforge.text.jit import jit

__all__ = ["PACKINGS", "pack_shard"]

PACKINGS = ("best_fit", "one")
"""Whole documents, as many as fit, or one document in each sequence."""
I64 = NDArray[np.int64]
WINDOW = 1 << 22
"""Ids of the stream that are packed together."""


def pack_shard(
    source: str, target: str, packing: Literal["best_fit", "one"], sequence: int, pad_id: int
) -> ShardReceipt:
    """Pack shard `source` (a prefix) into sequences of `sequence` ids at `target`.

    Writes the three files of a shard. The index has a row for each piece of a document, in order;
    `cut` is true where a piece does not end its document. Ids after the last piece of a sequence
    are `pad_id`. Raises InputError for a sequence of fewer than 2 ids, a `pad_id` that the shard's type of
    ids does not hold, and a source that is packed already or is the target.
    """
    dtype = read_idx(f"{source}.idx").dtype
    table = read_table(f"{source}.parquet")
    if sequence < 2:
        raise InputError(f"sequences of {sequence} ids; expected 2 or more.")
    if not 0 <= pad_id <= np.iinfo(dtype).max:
        raise InputError(f"pad id {pad_id}; the shard holds ids from 0 to {np.iinfo(dtype).max}.")
    if packing_of(table.schema)[1] or Path(source).resolve() == Path(target).resolve():
        raise InputError(f"{source}: packed already, or its own target. Pack the shards of a run.")
    ids = np.fromfile(f"{source}.bin", dtype=dtype)
    rows, starts, sizes = _pieces(table, sequence)
    place = _places(sizes, packing, sequence)
    order = np.argsort(place, kind="stable")
    rows, starts, sizes, place = rows[order], starts[order], sizes[order], place[order]
    with files.atomic_write(f"{target}.bin") as stream:
        for block in _blocks(ids, starts, sizes, place, sequence, pad_id):
            stream.write(block.data)
    ends = starts + sizes
    whole_ends = table.column("start").to_numpy()[rows] + table.column("tokens").to_numpy()[rows]
    cut = table.column("cut").to_numpy()[rows] | (ends < whole_ends)
    index = _index(table, rows, place, sizes, cut, index_schema(packing, sequence))
    write_batches(f"{target}.parquet", index.schema, index.to_batches(max_chunksize=1 << 17))
    write_idx(f"{target}.idx", dtype, place, sizes)
    total = (int(place[-1]) // sequence + 1) * sequence if len(place) else 0
    return ShardReceipt(target, total, table.num_rows, padding=total - int(sizes.sum()))


def _pieces(table: pa.Table, sequence: int) -> tuple[I64, I64, I64]:
    """Return (document row, first id, ids) of each piece of at most `sequence` ids."""
    starts = table.column("start").to_numpy()
    tokens = table.column("tokens").to_numpy().astype(np.int64)
    counts = -(-tokens // sequence)
    rows = np.repeat(np.arange(len(tokens)), counts)
    number = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    begins = starts[rows] + number * sequence
    return rows, begins, np.minimum(sequence, starts[rows] + tokens[rows] - begins)


def _places(sizes: I64, packing: str, sequence: int) -> I64:
    """Return the position in the packed shard of each piece."""
    if packing == "one":
        return np.arange(len(sizes), dtype=np.int64) * sequence
    places = np.zeros(len(sizes), dtype=np.int64)
    base = begin = 0
    ends = np.cumsum(sizes)
    while begin < len(sizes):
        before = int(ends[begin - 1]) if begin else 0
        stop = max(int(np.searchsorted(ends, before + WINDOW)), begin + 1)
        bins, inside = best_fit(sizes[begin:stop], sequence)
        # A sequence stands where its earliest piece stood in the stream.
        first = np.full(int(bins.max()) + 1, len(sizes), dtype=np.int64)
        np.minimum.at(first, bins, np.arange(len(bins)))
        rank = np.empty(len(first), dtype=np.int64)
        rank[np.argsort(first, kind="stable")] = np.arange(len(first))
        places[begin:stop] = (base + rank[bins]) * sequence + inside
        base += len(first)
        begin = stop
    return places


def best_fit(sizes: I64, sequence: int) -> tuple[I64, I64]:
    """Return (bin, offset in it) of each piece: longest first, each into the fullest bin it fits.

    `sizes` (tokens) and both results are int64 [pieces].
    """
    order = np.argsort(-sizes, kind="stable")
    return _best_fit(sizes, order, sequence)


@jit
def _best_fit(sizes: I64, order: I64, sequence: int) -> tuple[I64, I64]:
    bins = np.zeros(len(sizes), dtype=np.int64)
    inside = np.zeros(len(sizes), dtype=np.int64)
    # Open bins by room left, as stacks: head[room] is the last bin with that room, below[bin] the next.
    head = np.full(sequence + 1, -1, dtype=np.int64)
    below = np.full(len(sizes), -1, dtype=np.int64)
    count = 0
    for item in order:
        size = sizes[item]
        room = size
        while room <= sequence and head[room] < 0:
            room += 1
        if room > sequence:
            chosen = count
            count += 1
            room = sequence
        else:
            chosen = head[room]
            head[room] = below[chosen]
        bins[item] = chosen
        inside[item] = sequence - room
        left = room - size
        below[chosen] = head[left]
        head[left] = chosen
    return bins, inside


def _blocks(
    ids: NDArray[Any], starts: I64, sizes: I64, place: I64, sequence: int, pad_id: int
) -> Iterator[NDArray[Any]]:
    """Yield stretches of whole sequences, about 4 M ids each."""
    step = max(1, WINDOW // sequence) * sequence
    begin = 0
    while begin < len(place):
        base = int(place[begin]) // step * step
        stop = int(np.searchsorted(place, base + step))
        last = int(place[stop - 1]) // sequence + 1
        block = np.full(last * sequence - base, pad_id, dtype=ids.dtype)
        for at, start, size in zip(
            (place[begin:stop] - base).tolist(),
            starts[begin:stop].tolist(),
            sizes[begin:stop].tolist(),
            strict=True,
        ):
            block[at : at + size] = ids[start : start + size]
        yield block
        begin = stop


def _index(
    table: pa.Table, rows: I64, place: I64, sizes: I64, cut: NDArray[np.bool_], schema: pa.Schema
) -> pa.Table:
    take = pa.array(rows)
    kept: Sequence[str] = ("id", "source", "leaf", "copy", "phase")
    columns = [table.column(name).combine_chunks().take(take) for name in kept]
    return pa.table(
        [*columns, pa.array(place), pa.array(sizes.astype(np.int32)), pa.array(cut)], schema=schema
    )
