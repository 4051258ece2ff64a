"""One part of token ids: `<prefix>.bin` and the index of its documents, `<prefix>.parquet`.

Each document's ids are followed by the end-of-document id. Both files are written batch by batch;
memory is bounded by `batch_megabytes` and the largest document. Limit: ids of one part lie in one
file, so a part is as large as its documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.io import files
from corpusforge.io.parquet import write_batches
from corpusforge.text.packed import packed
from corpusforge.tokenize.step import delimited
from corpusforge.tokenize.tokenizer import Tokenizer

__all__ = ["INDEX", "PartReceipt", "Tally", "open_part", "write_part"]

INDEX = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("lang", pa.string()),
        pa.field("category", pa.string()),
        pa.field("format", pa.string()),
        pa.field("tier", pa.string()),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("cluster", pa.string(), nullable=False),
        pa.field("alike", pa.int32()),
    ]
)
"""Where each document lies: `offset` and `tokens` count ids, delimiting ids included; `bytes` is
the size of its text. `cluster` names its group of near duplicates (its own id where none), `alike` says of
how many documents that is (1 where none; null where it is not known)."""


@dataclass(slots=True)
class Tally:
    """Documents, ids (delimiting ids included) and text of one source or language.

    `unknown` are the characters for which the tokenizer has no id of their own.
    """

    documents: int = 0
    tokens: int = 0
    bytes: int = 0
    characters: int = 0
    unknown: int = 0

    @property
    def tokens_per_byte(self) -> float:
        """Ids a byte of UTF-8 text."""
        return self.tokens / self.bytes if self.bytes else 0.0

    def merge(self, other: Tally) -> None:
        """Add another tally."""
        self.documents += other.documents
        self.tokens += other.tokens
        self.bytes += other.bytes
        self.characters += other.characters
        self.unknown += other.unknown


@dataclass(slots=True)
class PartReceipt:
    """What one part holds, by source and by language; `refused` accelerated batches."""

    sources: dict[str, Tally] = field(default_factory=dict)
    languages: dict[str, Tally] = field(default_factory=dict)
    refused: int = 0

    @property
    def total(self) -> Tally:
        """The sum over sources."""
        total = Tally()
        for tally in self.sources.values():
            total.merge(tally)
        return total

    def merge(self, other: PartReceipt) -> None:
        """Add another part's receipt."""
        for mine, theirs in ((self.sources, other.sources), (self.languages, other.languages)):
            for name, tally in theirs.items():
                mine.setdefault(name, Tally()).merge(tally)
        self.refused += other.refused


def write_part(batches: Iterable[pa.RecordBatch], tokenizer: Tokenizer, prefix: str) -> PartReceipt:
    """Encode batches of documents into `<prefix>.bin` and `<prefix>.parquet`; return the sums.

    A batch needs the columns id, source and text; lang, category, format, tier, cluster and alike are
    taken where they stand. An empty text is a document of delimiting ids only.
    """
    receipt = PartReceipt()
    with files.atomic_write(f"{prefix}.bin") as stream:
        rows = _write(batches, tokenizer, stream, receipt)
        write_batches(f"{prefix}.parquet", INDEX, rows)
    receipt.refused = tokenizer.refused
    return receipt


def open_part(prefix: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the ids of a part as a read-only memory map; an empty part is an empty array.

    The ids are of `dtype`, [tokens].
    """
    path = Path(f"{prefix}.bin")
    if not path.stat().st_size:
        return np.zeros(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r")


def _write(
    batches: Iterable[pa.RecordBatch], tokenizer: Tokenizer, stream: BinaryIO, receipt: PartReceipt
) -> Iterator[pa.RecordBatch]:
    offset = 0
    limit = int(tokenizer.settings.batch_megabytes * 1e6)
    for batch in batches:
        for piece in _bounded(batch, limit):
            written, lengths, unknown = delimited(piece.column("text"), tokenizer)
            stream.write(written.data)
            index = _index(piece, offset, lengths)
            _count(receipt, index, piece.column("text"), unknown)
            offset += len(written)
            yield index


def _bounded(batch: pa.RecordBatch, limit: int) -> Iterator[pa.RecordBatch]:
    """Yield slices of at most `limit` bytes of text, and at least one document."""
    _, bounds = packed(batch.column("text"))
    start = 0
    while start < batch.num_rows:
        end = int(np.searchsorted(bounds, bounds[start] + limit, side="right")) - 1
        end = min(max(end, start + 1), batch.num_rows)
        yield batch.slice(start, end - start)
        start = end


def _index(batch: pa.RecordBatch, offset: int, lengths: NDArray[np.int64]) -> pa.RecordBatch:
    _, bounds = packed(batch.column("text"))
    names = set(batch.schema.names)

    def column(name: str) -> pa.Array:
        if name not in names:
            return pa.nulls(batch.num_rows, pa.string())
        return batch.column(name).cast(pa.string())

    cluster = column("cluster")
    values = {
        **{name: column(name) for name in ("id", "source", "lang", "category", "format", "tier")},
        "offset": pa.array(offset + np.cumsum(lengths) - lengths, type=pa.int64()),
        "tokens": pa.array(lengths.astype(np.int32)),
        "bytes": pa.array(np.diff(bounds[: batch.num_rows + 1])),
        "cluster": pc.coalesce(cluster, column("id")),
        "alike": batch.column("alike")
        if "alike" in names
        else pa.nulls(batch.num_rows, pa.int32()),
    }
    return pa.RecordBatch.from_arrays([values[name] for name in INDEX.names], schema=INDEX)


def _count(
    receipt: PartReceipt, index: pa.RecordBatch, texts: pa.Array, unknown: NDArray[np.int64]
) -> None:
    characters = pc.utf8_length(texts).fill_null(0).cast(pa.int64())
    rows = pa.table(
        {
            "source": index.column("source"),
            "lang": index.column("lang").fill_null("und"),
            "tokens": index.column("tokens"),
            "bytes": index.column("bytes"),
            "characters": characters,
            "unknown": pa.array(unknown),
        }
    )
    for key, tallies in (("source", receipt.sources), ("lang", receipt.languages)):
        summed = ("tokens", "bytes", "characters", "unknown")
        sums = rows.group_by(key).aggregate([("tokens", "count"), *((n, "sum") for n in summed)])
        for row in sums.to_pylist():
            own = Tally(row["tokens_count"], *(row[f"{name}_sum"] for name in summed))
            tallies.setdefault(row[key], Tally()).merge(own)
