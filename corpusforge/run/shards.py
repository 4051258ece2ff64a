"""The shards stage: each shard is gathered from the token parts in stream order, and proved."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from corpusforge.io import files
from corpusforge.io.parquet import read_rows, read_table, row_count
from corpusforge.manifest import Receipt, part_name
from corpusforge.run.context import Context
from corpusforge.run.mix import STREAMS, stream_files
from corpusforge.run.stage import Part, PartResult, Stage
from corpusforge.run.tokens import load_tokenizer
from corpusforge.shard.writer import shard_name, shard_stretches, write_pieces, write_shard
from corpusforge.tokenize.part import open_part

__all__ = ["make_shards", "stage"]


MAPPED = 256
"""Token parts that are mapped at a time: each map holds a file open, of which a process may have 1,024."""


@dataclass(frozen=True, slots=True)
class ShardsTask:
    """What a worker is told: a stretch of one stream, and the files and rows that it is in."""

    stream: str
    number: int
    places: tuple[tuple[str, int, int], ...]
    dtype: str
    end_id: int


def stage(context: Context) -> Stage:
    """Return the shards stage."""
    settings = context.recipe.shard
    tokenizer = load_tokenizer(context.run, context.recipe.tokenize)
    dtype = tokenizer.dtype
    parts: list[Part] = []
    for name in STREAMS:
        paths = stream_files(context.run, name)
        rows = [row_count(path) for path in paths]
        lengths = (read_table(path, ["length"]).column("length").to_numpy() for path in paths)
        for number, stretch in enumerate(shard_stretches(lengths, settings, dtype)):
            start, stop, tokens = stretch
            places = _places(paths, rows, start, stop)
            work = ShardsTask(name, number, places, dtype.str, tokenizer.end_id)
            inputs = (name, number, start, stop)
            size = tokens * dtype.itemsize
            parts.append(Part("shards", len(parts), context.run, work, inputs, size))
    return Stage(
        name="shards",
        run=context.run,
        work=make_shards,
        parts=tuple(parts),
        settings={"shard": settings},
        reads=context.reads("tokens", "mix"),
        pace=10.0,
        finish=_finish,
    )


def _places(
    paths: list[str], rows: list[int], start: int, stop: int
) -> tuple[tuple[str, int, int], ...]:
    """Where draws [start, stop) of a stream lie: files, and rows in them."""
    found, before = [], 0
    for path, count in zip(paths, rows, strict=True):
        first, last = max(start, before), min(stop, before + count)
        if first < last:
            found.append((path, first - before, last - before))
        before += count
    return tuple(found)


def make_shards(part: Part) -> PartResult:
    """Write one shard and count, for the ledger, the documents that first stand in it."""
    work: ShardsTask = part.settings
    own = pa.concat_tables([read_rows(*place) for place in work.places])
    dtype = np.dtype(work.dtype)
    prefix = f"shards/{work.stream}/{shard_name(work.number)}"
    target = files.join(part.run, prefix)
    numbers = np.unique(own.column("part").to_numpy()).tolist()
    if files.is_remote(part.run) or len(numbers) > MAPPED:
        receipt = write_pieces(own, [_collected(part.run, own, dtype)], target, dtype, work.end_id)
    else:
        tokens = {number: _ids(part.run, number, dtype) for number in numbers}
        receipt = write_shard(own, tokens, target, dtype, work.end_id)
    made = PartResult(documents=receipt.documents)
    made.outputs = {f"{prefix}.{ending}": receipt.documents for ending in ("bin", "idx", "parquet")}
    made.extra = {"stream": work.stream, "tokens": receipt.tokens}
    for source, count in _first_seen(own).items():
        account = made.ledger.of("shard", source)
        account.seen += count
        account.kept += count
    return made


def _collected(run: str, own: pa.Table, dtype: np.dtype[Any]) -> np.ndarray:
    """The shard's ids, part by part, each opened once and let go; a remote part is read whole.

    Memory: the shard and, where parts cannot be mapped, one part.
    """
    lengths = own.column("length").to_numpy()
    starts = np.cumsum(lengths) - lengths
    offsets, numbers = own.column("offset").to_numpy(), own.column("part").to_numpy()
    out = np.empty(int(lengths.sum()), dtype=dtype)
    order = np.argsort(numbers, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1) if len(order) else ():
        ids = _ids(run, int(numbers[rows[0]]), dtype)
        for row in rows.tolist():
            piece = ids[offsets[row] : offsets[row] + lengths[row]]
            out[starts[row] : starts[row] + lengths[row]] = piece
    return out


def _ids(run: str, number: int, dtype: np.dtype[Any]) -> np.ndarray:
    prefix = files.join(run, "tokens", part_name(number))
    if files.is_remote(run):
        return np.frombuffer(files.read_bytes(f"{prefix}.bin"), dtype=dtype)
    return np.asarray(open_part(prefix, dtype))


def _first_seen(own: pa.Table) -> Counter[str]:
    """Documents by source whose first draw of the stream lies in this stretch.

    A source is drawn in whole epochs, so a document's first draw is its draw of epoch 0.
    """
    first = own.filter(pa.array(own.column("copy").to_numpy() == 0))
    return Counter(first.column("source").to_pylist())


def _finish(receipts: Any) -> tuple[dict[str, Any], dict[str, int]]:
    tokens: Counter[str] = Counter()
    count: Counter[str] = Counter()
    shards: list[Receipt] = list(receipts)
    for receipt in shards:
        tokens[receipt.extra["stream"]] += receipt.extra["tokens"]
        count[receipt.extra["stream"]] += 1
    return {"tokens": dict(tokens), "shards": dict(count)}, {}
