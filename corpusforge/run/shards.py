"""The shards stage: each shard is gathered from the token parts in stream order, and proved."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from corpusforge.io import files
from corpusforge.io.parquet import read_rows, read_table, row_count
from corpusforge.manifest import Receipt
from corpusforge.run.context import Context
from corpusforge.run.mix import STREAMS, stream_files
from corpusforge.run.stage import Made, Part, Stage, part_name
from corpusforge.run.tokens import load_tokenizer
from corpusforge.shard.writer import shard_bounds, shard_name, write_pieces, write_shard
from corpusforge.tokenize.part import open_part

__all__ = ["make_shards", "stage"]


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker is told: a stretch of one stream."""

    stream: str
    number: int
    start: int
    stop: int
    parts: int
    dtype: str


def stage(context: Context) -> Stage:
    """Return the shards stage."""
    settings = context.recipe.shard
    tokenizer = load_tokenizer(context.run, context.recipe.tokenize)
    parts: list[Part] = []
    for name in STREAMS:
        lengths = _lengths(context.run, name)
        for number, (start, stop) in enumerate(shard_bounds(lengths, settings, tokenizer.dtype)):
            work = Work(name, number, start, stop, context.part_count, tokenizer.dtype.str)
            size = int(lengths[start:stop].sum()) * tokenizer.dtype.itemsize
            told = (name, number, start, stop)
            parts.append(Part("shards", len(parts), context.run, work, told, size))
    return Stage(
        name="shards",
        run=context.run,
        work=make_shards,
        parts=tuple(parts),
        settings={"shard": settings},
        reads=context.reads("tokens", "mix"),
        finish=_finish,
    )


def _lengths(run: str, name: str) -> np.ndarray:
    tables = [read_table(path, ["length"]) for path in stream_files(run, name)]
    return pa.concat_tables(tables).column("length").to_numpy()


def _draws(run: str, name: str, start: int, stop: int) -> pa.Table:
    """Draws [start, stop) of a stream, from the files that hold them."""
    tables, before = [], 0
    for path in stream_files(run, name):
        after = before + row_count(path)
        if after > start and before < stop:
            tables.append(read_rows(path, max(0, start - before), min(after, stop) - before))
        before = after
    return pa.concat_tables(tables)


def make_shards(part: Part) -> Made:
    """Write one shard and count, for the ledger, the documents that first stand in it."""
    work: Work = part.settings
    own = _draws(part.run, work.stream, work.start, work.stop)
    dtype = np.dtype(work.dtype)
    prefix = f"shards/{work.stream}/{shard_name(work.number)}"
    target = files.join(part.run, prefix)
    if files.is_remote(part.run):
        receipt = write_pieces(own, [_fetched(part.run, own, dtype)], target, dtype)
    else:
        tokens = [
            open_part(files.join(part.run, "tokens", part_name(number)), dtype)
            for number in range(work.parts)
        ]
        receipt = write_shard(own, tokens, target, dtype)
    made = Made(documents=receipt.documents)
    made.outputs = {f"{prefix}.{ending}": receipt.documents for ending in ("bin", "idx", "parquet")}
    made.extra = {"stream": work.stream, "tokens": receipt.tokens}
    for source, count in _first_seen(own).items():
        account = made.ledger.of("shard", source)
        account.seen += count
        account.kept += count
    return made


def _fetched(run: str, own: pa.Table, dtype: np.dtype[Any]) -> np.ndarray:
    """The shard's ids from parts that cannot be mapped: each is read once, whole, and let go.

    Memory: the shard and one part.
    """
    lengths = own.column("length").to_numpy()
    starts = np.cumsum(lengths) - lengths
    offsets, numbers = own.column("offset").to_numpy(), own.column("part").to_numpy()
    out = np.empty(int(lengths.sum()), dtype=dtype)
    for number in np.unique(numbers).tolist():
        name = files.join(run, "tokens", f"{part_name(number)}.bin")
        ids = np.frombuffer(files.read_bytes(name), dtype=dtype)
        for row in np.flatnonzero(numbers == number).tolist():
            piece = ids[offsets[row] : offsets[row] + lengths[row]]
            out[starts[row] : starts[row] + lengths[row]] = piece
    return out


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
