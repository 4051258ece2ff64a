"""The two-pass shuffle: shards without memory-mapping every part in every worker.

Pass one writes, for each token part, one file sorted by (shard, place in the shard) with the offset
of each shard's stretch: one file per part, not parts x shards fragments. Pass two reads, for each
shard, its stretch of every file, and puts the pieces in order. `pieces` is the same first pass for a
GroupByKey, whose groups `write_pieces` takes after sorting. All ways give the bytes of
`write_shard`. Limit: one shard's ids are in memory in pass two.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.io import files
from corpusforge.io.parquet import read_table, write_table
from corpusforge.shard.writer import ShardReceipt, write_pieces

__all__ = ["Piece", "gather", "pieces", "scatter"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One document's ids on their way: to which shard, and to which place (draw) in it."""

    shard: int
    place: int
    ids: bytes


def _rows(
    draws: pa.Table, part: int, bounds: Sequence[tuple[int, int]]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (draw, shard, place) of the draws of one part, in stream order."""
    rows = np.flatnonzero(draws.column("part").to_numpy() == part)
    starts = np.array([start for start, _ in bounds], dtype=np.int64)
    shard = np.searchsorted(starts, rows, side="right") - 1
    return rows, shard, rows - starts[shard]


def pieces(
    draws: pa.Table, part: int, ids: NDArray[Any], bounds: Sequence[tuple[int, int]]
) -> Iterator[Piece]:
    """Yield every drawn document of one part, for a shuffle by `shard`.

    `ids` are the part's tokens, [tokens].
    """
    rows, shard, place = _rows(draws, part, bounds)
    offset = draws.column("offset").to_numpy()[rows]
    length = draws.column("length").to_numpy()[rows]
    for row in range(len(rows)):
        stretch = ids[offset[row] : offset[row] + length[row]]
        yield Piece(int(shard[row]), int(place[row]), stretch.tobytes())


def scatter(
    draws: pa.Table, part: int, ids: NDArray[Any], bounds: Sequence[tuple[int, int]], prefix: str
) -> None:
    """Pass one: write the drawn ids of one part to `<prefix>.bin`, sorted by shard and place.

    `<prefix>.parquet` holds, in the same order, the columns shard, place, offset and tokens.
    `ids` are the part's tokens, [tokens].
    """
    rows, shard, place = _rows(draws, part, bounds)
    lengths = draws.column("length").to_numpy()[rows]
    with files.atomic_write(f"{prefix}.bin") as stream:
        for piece in pieces(draws, part, ids, bounds):
            stream.write(piece.ids)
    columns = {
        "shard": shard,
        "place": place,
        "offset": np.cumsum(lengths) - lengths,
        "tokens": lengths,
    }
    write_table(f"{prefix}.parquet", pa.table(columns))


def gather(
    draws: pa.Table,
    shard: int,
    prefixes: Sequence[str],
    prefix: str,
    dtype: np.dtype[Any],
    end_id: int | None = None,
) -> ShardReceipt:
    """Pass two: write shard number `shard`; `draws` are its own draws, `prefixes` pass one's files.

    `end_id` as in `write_shard`.
    """
    places: list[NDArray[np.int64]] = []
    stretches: list[NDArray[Any]] = []
    for source in prefixes:
        table = read_table(f"{source}.parquet")
        numbers = table.column("shard").to_numpy()
        first, last = np.searchsorted(numbers, [shard, shard + 1])
        own = table.slice(first, last - first)
        if not own.num_rows:
            continue
        begin, tokens = own.column("offset")[0].as_py(), own.column("tokens").to_numpy()
        with files.open_raw(f"{source}.bin") as stream:
            stream.seek(begin * dtype.itemsize)
            data = np.frombuffer(stream.read(int(tokens.sum()) * dtype.itemsize), dtype=dtype)
        places.append(own.column("place").to_numpy())
        edges = np.concatenate([[0], np.cumsum(tokens)]).tolist()
        stretches += [data[a:b] for a, b in itertools.pairwise(edges)]
    order = np.argsort(np.concatenate(places)) if places else np.zeros(0, dtype=np.int64)
    return write_pieces(draws, [stretches[n] for n in order.tolist()], prefix, dtype, end_id)
