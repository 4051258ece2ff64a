"""One id, one record: ids that come again in a run are numbered, and the account says how many.

A record's id follows from its source and its locator, so it repeats where a column of ids does, where a
web archive holds a record id twice, and where two earlier runs that are read again share a document. The
second of a part becomes `LOCATOR~2` while the part is made (`numbered`); what parts share is found when
all are there, and numbered in the later part (`settle`). So tables by id (duplicates, scores, the
repetition ledger, the shards' index, `corpusforge why`) mean one record each.

Limits: which record keeps the bare id depends on the order of files and rows. `settle` holds 16 bytes a
record in the driver.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge import manifest as records
from corpusforge.hashing import id_keys, make_id
from corpusforge.io import files
from corpusforge.io.parquet import Writer, read_batches
from corpusforge.ledger import Ledger
from corpusforge.manifest import Receipt
from corpusforge.records import Failed, RawDocument, Skipped
from corpusforge.run.stage import Part, receipt_path
from corpusforge.text.names import REPEATED, Names

__all__ = ["numbered", "settle"]

_TABLES = ("documents/", "dropped/", "failed/", "stats/", "samples/")
_WHOLE = ("documents/", "dropped/", "failed/")  # hold every id between them
_DIGITS = 32
_Record = TypeVar("_Record", bound=RawDocument | Skipped | Failed)


def numbered(record: _Record, names: Names) -> _Record:
    """Return the record, under a locator of its own where `names` (of one source) has its name."""
    name = record.id if isinstance(record, RawDocument) and record.id else record.locator
    own = names.distinct(name)
    if own == name:
        return record
    locator = record.locator + own[len(name) :]
    if isinstance(record, RawDocument):
        return replace(record, locator=locator, id="")
    return replace(record, locator=locator)


def settle(parts: Sequence[Part], receipts: Sequence[Receipt]) -> list[Receipt]:
    """Number the ids that parts share, in the later part; return the receipts of all."""
    keys = [_keys(part, receipt) for part, receipt in zip(parts, receipts, strict=True)]
    every = np.sort(np.concatenate(keys)) if keys else np.zeros(0, dtype=np.uint64)
    often = np.unique(every[1:][every[1:] == every[:-1]])
    settled = list(receipts)
    if not len(often):
        return settled
    taken: Counter[str] = Counter()
    for place, (part, receipt) in enumerate(zip(parts, receipts, strict=True)):
        if not np.isin(keys[place], often).any():
            continue
        new: dict[str, tuple[str, str]] = {}
        for name in sorted({name for ids in _ids(part, receipt) for name in ids.to_pylist()}):
            if _keys_of(pa.array([name]))[0] not in often:
                continue
            taken[name] += 1
            if taken[name] > 1:
                new[name] = _free(name, taken, every)
        if new:
            settled[place] = _rewritten(part, receipt, new)
    return settled


def _free(name: str, taken: Counter[str], every: NDArray[np.uint64]) -> tuple[str, str]:
    """Return an id that no record has, and what it adds to the locator."""
    while True:
        ending = f"~{taken[name]}"
        made = make_id(name, ending)
        key = _keys_of(pa.array([made]))[0]
        place = int(np.searchsorted(every, key))
        if place == len(every) or every[place] != key:
            return made, ending
        taken[name] += 1


def _ids(part: Part, receipt: Receipt) -> Iterator[pa.Array]:
    for output in receipt.outputs:
        if output.path.startswith(_WHOLE) and output.rows:
            for batch in read_batches(files.join(part.run, output.path), ["id"]):
                yield batch.column("id")


def _keys(part: Part, receipt: Receipt) -> NDArray[np.uint64]:
    """Return a key for each id of the part, each once."""
    none = np.zeros(0, dtype=np.uint64)
    return np.unique(np.concatenate([none, *map(_keys_of, _ids(part, receipt))]))


def _keys_of(ids: pa.Array) -> NDArray[np.uint64]:
    """Return the first 64 bits of each id (they are digests), or a key of each where they are none."""
    if pc.all(pc.equal(pc.binary_length(ids), _DIGITS)).as_py():
        text = b"".join(ids.cast(pa.binary()).to_pylist()).decode("ascii", "replace")
        with suppress(ValueError):
            return np.frombuffer(bytes.fromhex(text), dtype=">u8")[::2].astype(np.uint64)
    return id_keys(ids.to_pylist())


def _rewritten(part: Part, receipt: Receipt, new: dict[str, tuple[str, str]]) -> Receipt:
    """Write the part's tables with other ids (old id: new id, ending of the locator)."""
    receipt = replace(receipt, fingerprint="")  # of no part: it is made again with the stage
    records.write_json(receipt_path(part), receipt)
    outputs = []
    for output in receipt.outputs:
        if output.path.startswith(_TABLES) and output.rows:
            path = files.join(part.run, output.path)
            with Writer(path) as writer:
                for batch in read_batches(path):
                    writer.write(_renamed(batch, new))
            output = records.describe(part.run, output.path, output.rows)  # noqa: PLW2901
        outputs.append(output)
    ledger = Ledger.from_rows(receipt.ledger)
    source = receipt.extra["source"]
    ledger.of("ingest", source).notes[REPEATED] += len(new)
    receipt = replace(receipt, outputs=tuple(outputs), ledger=ledger.rows())
    records.write_json(receipt_path(part), receipt)
    return receipt


def _renamed(batch: pa.RecordBatch, new: dict[str, tuple[str, str]]) -> pa.RecordBatch:
    ids = batch.column("id").to_pylist()
    columns = {"id": [new[name][0] if name in new else name for name in ids]}
    if "locator" in batch.schema.names:
        locators = batch.column("locator").to_pylist()
        columns["locator"] = [
            (locator or "") + new[name][1] if name in new else locator
            for name, locator in zip(ids, locators, strict=True)
        ]
    for name, values in columns.items():
        place = batch.schema.get_field_index(name)
        field = batch.schema.field(place)
        batch = batch.set_column(place, field, pa.array(values, type=field.type))
    return batch
