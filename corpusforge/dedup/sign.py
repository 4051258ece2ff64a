"""Signatures of one document part, streamed: batches in, three files out.

Texts are signed in groups bounded by bytes, so memory is that of one batch (a document's own size
where it is larger). Method and file layout: `kernels.py`, `parts.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.dedup import kernels
from corpusforge.dedup.parts import IDS, PartSignatures, read_signatures, write_keys
from corpusforge.dedup.plan import make_plan
from corpusforge.dedup.settings import Settings, is_byte_exact
from corpusforge.errors import InputError
from corpusforge.hashing import id_keys, mix64
from corpusforge.io import files, parquet
from corpusforge.text.fold import fold_table, fold_text, refolded
from corpusforge.text.packed import packed, unpacked
from corpusforge.text.urls import url_hashes

__all__ = [
    "content_keys",
    "exact_hashes",
    "shingle_sets",
    "sign",
    "sign_documents",
    "sign_part",
    "to_datasketch",
    "write_bands",
]


def sign(
    texts: pa.Array | Sequence[str], settings: Settings
) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint64]]:
    """Return (signatures uint32 [n, slots], shingles uint32 [n], content hashes uint64 [n])."""
    a, b = kernels.permutations(settings.slots, settings.seed)
    return _signed(texts, settings.ngram, a, b)


def sign_documents(
    batch: pa.RecordBatch, settings: Settings
) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint64]]:
    """Return what `sign` does of a batch with text and, where it has one, source.

    A document of a `byte_exact` source has no shingles, so no band finds it, and the hash of its bytes.
    Signatures are uint32 [documents, slots], shingles uint32 [documents], content hashes uint64 [documents].
    """
    signatures, shingles, content = sign(batch["text"], settings)
    if settings.byte_exact:
        nameless = pa.array([""] * batch.num_rows, type=pa.string())
        sources = batch["source"] if "source" in batch.schema.names else nameless
        own = np.asarray(is_byte_exact(sources, settings))
        texts = batch["text"].filter(pa.array(own)).to_pylist()
        shingles[own], content[own] = 0, id_keys("\0bytes\0" + (text or "") for text in texts)
    return signatures, shingles, content


def exact_hashes(texts: pa.Array | Sequence[str]) -> NDArray[np.uint64]:
    """Return the content hash of each text (folded, lower-cased, white space as one space), uint64.

    `texts` are strings [texts]; the hashes are [texts].
    """
    one = np.ones(1, dtype=np.uint32)
    return _signed(texts, 1, one, one)[2]


def _signed(
    texts: pa.Array | Sequence[str], ngram: int, a: NDArray[np.uint32], b: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint64]]:
    data, offsets = packed(texts)
    table = fold_table()
    signatures, shingles, content, rough = kernels.sign_texts(
        data, offsets, table, False, ngram, a, b
    )
    if rough.any():
        again = packed([fold_text(text) for text in unpacked(data, offsets, rough)])
        own = kernels.sign_texts(*again, table, True, ngram, a, b)
        signatures[rough], shingles[rough], content[rough] = own[:3]
    return signatures, shingles, content


def shingle_sets(
    texts: pa.Array | Sequence[str], ngram: int
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return (flat uint32, offsets int64): each text's distinct shingle hashes, ascending.

    `texts` are strings [texts], flat hashes [shingles], offsets [texts + 1].
    """
    data, offsets = packed(texts)
    folded = np.zeros(len(offsets) - 1, dtype=bool)
    flat, bounds, rough = kernels.shingle_sets(data, offsets, fold_table(), folded, ngram)
    if rough.any():
        data, offsets = refolded(data, offsets, rough)
        flat, bounds, _ = kernels.shingle_sets(data, offsets, fold_table(), rough, ngram)
    return flat, bounds


def to_datasketch(signatures: NDArray[np.uint32], seed: int) -> list[object]:
    """Return `datasketch.MinHash` objects (scheme "affine32") that hold these signatures.

    `signatures` are uint32 [documents, slots].
    """
    from datasketch import MinHash

    slots = signatures.shape[1]
    permutations = np.array(kernels.permutations(slots, seed))
    return [
        MinHash(seed=seed, hashvalues=row, permutations=permutations, scheme="affine32")
        for row in signatures
    ]


def sign_part(
    batches: Iterable[pa.RecordBatch], settings: Settings, output_prefix: str
) -> PartSignatures:
    """Write `.sig`, `.keys` and `.ids.parquet` of one document part.

    Batches need the columns id and text; source, lang, url, date, score and snapshot are read
    where present. Document n of the part is row n of each file.
    """
    totals = [0]
    with files.atomic_write(output_prefix + ".sig") as stream:
        rows = _sign_batches(batches, settings, stream, totals)
        documents = parquet.write_batches(output_prefix + ".ids.parquet", IDS, rows)
    write_bands(output_prefix, settings)
    return PartSignatures(output_prefix, documents, totals[0])


def _sign_batches(
    batches: Iterable[pa.RecordBatch], settings: Settings, stream: BinaryIO, totals: list[int]
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        names = set(batch.schema.names)
        for needed in ("id", "text"):
            if needed not in names:
                raise InputError(
                    f"dedup: a batch has no column {needed!r} but {sorted(names)}. Name it."
                )
        signatures, shingles, content = sign_documents(batch, settings)
        stream.write(signatures.astype("<u4", copy=False).tobytes())
        rows = _id_rows(batch, names, shingles, content)
        totals[0] += int(np.asarray(rows["text_bytes"]).sum())
        yield rows


def _id_rows(
    batch: pa.RecordBatch,
    names: set[str],
    shingles: NDArray[np.uint32],
    content: NDArray[np.uint64],
) -> pa.RecordBatch:
    count = batch.num_rows
    offsets = packed(batch["text"])[1]
    urls = batch["url"].to_pylist() if "url" in names else [None] * count
    columns: dict[str, pa.Array] = {
        "n_shingles": pa.array(shingles),
        "text_bytes": pa.array(np.diff(offsets)),
        "exact_hash": pa.array(content),
        "url_hash": pa.array(url_hashes(urls)),
    }
    for field in IDS:
        if field.name in columns:
            continue
        if field.name in names:
            column = batch[field.name].cast(field.type)
            columns[field.name] = column if field.nullable else column.fill_null("")
        else:
            missing = pa.nulls(count, field.type)
            columns[field.name] = missing if field.nullable else missing.fill_null("")
    return pa.RecordBatch.from_arrays([columns[name] for name in IDS.names], schema=IDS)


def write_bands(prefix: str, settings: Settings) -> None:
    """Write a part's `.keys` from its `.sig` and `.ids.parquet`."""
    plan = make_plan(settings)
    signatures = read_signatures(prefix, settings.slots)
    table = parquet.read_table(prefix + ".ids.parquet", ["n_shingles", "exact_hash", "url_hash"])
    shingles, content, urls = (np.asarray(column.combine_chunks()) for column in table.columns)
    used = np.flatnonzero(shingles).astype(np.int64)
    linked = np.flatnonzero(urls)
    sizes = [len(content), len(linked), *[len(used)] * plan.bands]

    def blocks() -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint32]]]:
        yield _sorted(content_keys(content, shingles), np.arange(len(content)))
        yield _sorted(mix64(urls[linked]), linked)
        for band in range(plan.bands):
            yield _sorted(kernels.band_keys(signatures, used, band, plan.rows), used)

    write_keys(prefix + ".keys", len(content), sizes, blocks())


def content_keys(
    content: NDArray[np.uint64],
    shingles: NDArray[np.uint32],
    scope: NDArray[np.uint64] | None = None,
) -> NDArray[np.uint64]:
    """Return the key that exact copies (within a scope) share, uint64 [n]."""
    within = shingles.astype(np.uint64) if scope is None else shingles.astype(np.uint64) + scope
    return mix64(content ^ mix64(within))


def _sorted(
    keys: NDArray[np.uint64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    order = np.argsort(keys, kind="stable")
    return keys[order], rows[order].astype(np.uint32)
