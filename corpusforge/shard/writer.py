"""From the draw and the token parts to shards: a gather, document by document, in stream order.

A shard is a stretch of the draw, so its bytes depend on the draw and on nothing else: not on
workers, on other shards or on how tokens lie in parts. A document that the draw cuts ends in the
end-of-document id as every other does, in place of the last id drawn of it: whoever finds documents
by that id finds those of the index. Parts are memory-mapped and never read whole. Limit:
memory-mapping needs local files; remote parts are fetched before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.io import files
from corpusforge.io.parquet import write_batches
from corpusforge.shard.formats import index_schema, write_idx
from corpusforge.shard.settings import Settings

__all__ = [
    "ShardReceipt",
    "shard_bounds",
    "shard_name",
    "shard_stretches",
    "write_pieces",
    "write_shard",
]

Parts = Sequence[NDArray[Any]] | Mapping[int, NDArray[Any]]
"""The ids of token parts by their numbers, of those at least that are drawn from."""
GATHERED = 1 << 22
"""Tokens put together before a write, about 8 to 16 MB."""


@dataclass(frozen=True, slots=True)
class ShardReceipt:
    """What one shard holds. `padding` is 0 unless sequences are packed."""

    prefix: str
    tokens: int
    documents: int
    padding: int = 0


def shard_name(number: int) -> str:
    """Return the file name, without ending, of shard `number`."""
    return f"part-{number:05d}"


def shard_bounds(
    lengths: NDArray[np.int64], settings: Settings, dtype: np.dtype[Any]
) -> list[tuple[int, int]]:
    """Return the draws [start, stop) of each shard: each ends at the first document end at or after
    its size, so that no document lies in two shards.

    `lengths` are int64 [draws], in tokens.
    """
    return [(start, stop) for start, stop, _ in shard_stretches([lengths], settings, dtype)]


def shard_stretches(
    lengths: Iterable[NDArray[np.int64]], settings: Settings, dtype: np.dtype[Any]
) -> Iterator[tuple[int, int, int]]:
    """Yield the draws [start, stop) of each shard and its ids, from the draws' lengths in pieces.

    A piece of `lengths` is int64 [draws of it], in tokens.
    """
    size = max(1, int(settings.shard_megabytes * 1e6) // dtype.itemsize)
    start = place = filled = 0
    for piece in lengths:
        ends = np.cumsum(piece)
        before, last = 0, int(ends[-1]) if len(ends) else 0
        while before + size - filled <= last:
            at = int(np.searchsorted(ends, before + size - filled))
            stop = place + at + 1
            yield start, stop, filled + int(ends[at]) - before
            start, before, filled = stop, int(ends[at]), 0
        filled += last - before
        place += len(piece)
    if place > start:
        yield start, place, filled


def write_shard(
    draws: pa.Table, parts: Parts, prefix: str, dtype: np.dtype[Any], end_id: int | None = None
) -> ShardReceipt:
    """Write `<prefix>.bin`, `.idx` and `.parquet` of a stretch of the draw.

    `draws` has the columns id, source, leaf, part, offset, length, copy, cut, phase (as
    `Supplies.named` gives them); `parts[n]` are the ids of part n. `end_id` becomes the last id of
    each document that is cut, which then is not `cut` in the index; with None its ids stay as they
    are in the part.
    """
    lengths = draws.column("length").to_numpy()
    return write_pieces(draws, _gathered(draws, parts, lengths), prefix, dtype, end_id)


def write_pieces(
    draws: pa.Table,
    pieces: Iterable[NDArray[Any]],
    prefix: str,
    dtype: np.dtype[Any],
    end_id: int | None = None,
) -> ShardReceipt:
    """Write the three files of a shard whose ids come as `pieces`, in the order of `draws`.

    A piece is [tokens of it], of any integer type that `dtype` can hold.
    """
    lengths = draws.column("length").to_numpy()
    starts = np.cumsum(lengths) - lengths
    cut = draws.column("cut").to_numpy(zero_copy_only=False)
    if end_id is not None:
        pieces = _ended(pieces, (starts + lengths - 1)[cut], end_id)
        cut = np.zeros_like(cut)
    with files.atomic_write(f"{prefix}.bin") as stream:
        for piece in pieces:
            stream.write(piece.astype(dtype, copy=False).data)
    write_batches(f"{prefix}.parquet", index_schema(), _index(draws, starts, lengths, cut))
    write_idx(f"{prefix}.idx", dtype, starts, lengths)
    return ShardReceipt(prefix, int(lengths.sum()), len(lengths))


def _ended(
    pieces: Iterable[NDArray[Any]], places: NDArray[np.int64], end_id: int
) -> Iterator[NDArray[Any]]:
    """Yield the pieces with `end_id` at ascending places of the shard; what is given is not changed."""
    begin = 0
    for piece in pieces:
        first, last = np.searchsorted(places, (begin, begin + len(piece)))
        own = piece
        if last > first:
            own = piece.copy()
            own[places[first:last] - begin] = end_id
        yield own
        begin += len(piece)


def _gathered(draws: pa.Table, parts: Parts, lengths: NDArray[np.int64]) -> Iterator[NDArray[Any]]:
    part = draws.column("part").to_numpy()
    # Plain arrays: slicing numpy's memmap class costs three times as much.
    plain = {number: np.asarray(parts[number]) for number in np.unique(part).tolist()}
    offset = draws.column("offset").to_numpy()
    ends = np.cumsum(lengths)
    begin = 0
    while begin < len(lengths):
        before = int(ends[begin - 1]) if begin else 0
        stop = max(int(np.searchsorted(ends, before + GATHERED)), begin + 1)
        chosen = zip(
            part[begin:stop].tolist(),
            offset[begin:stop].tolist(),
            (offset[begin:stop] + lengths[begin:stop]).tolist(),
            strict=True,
        )
        yield np.concatenate([plain[number][first:last] for number, first, last in chosen])
        begin = stop


def _index(
    draws: pa.Table,
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    cut: NDArray[np.bool_],
) -> Iterator[pa.RecordBatch]:
    table = pa.table(
        [
            *(draws.column(name) for name in ("id", "source", "leaf", "copy", "phase")),
            pa.array(starts),
            pa.array(lengths.astype(np.int32)),
            pa.array(cut),
        ],
        schema=index_schema(),
    )
    yield from table.combine_chunks().to_batches(max_chunksize=1 << 17)
