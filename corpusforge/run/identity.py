"""One id, one record: ids that come again in a run are numbered, and the account says how many.

A record's id follows from its source and its locator, so it repeats where a column of ids does, where a
web archive holds a record id twice, and where two earlier runs that are read again share a document. The
second of a part becomes `LOCATOR~2` while the part is made (`numbered`); what parts share is found when
all are there, and numbered in the later part (`settle`). So tables by id (duplicates, scores, the
repetition ledger, the shards' index, `corpusforge why`) mean one record each.

Limits: which record keeps the bare id depends on the order of files and rows. `settle` takes the parts that
share an id one after another, in the driver, and holds 8 bytes a record of the ranges that new ids fall into;
it reads nothing where none are shared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge import manifest as records
from corpusforge.hashing import id_keys, make_id
from corpusforge.io import files
from corpusforge.io.parquet import Writer, read_batches, read_table, write_table
from corpusforge.io.slices import count_slices, one_batch, read_slice, write_slices
from corpusforge.ledger import Ledger
from corpusforge.manifest import Output, Receipt
from corpusforge.records import Failed, RawDocument, Skipped
from corpusforge.run.stage import Part, PartResult, receipt_path
from corpusforge.text.names import REPEATED, Names

__all__ = ["IdsTask", "make_ids", "more_parts", "numbered", "settle"]

_TABLES = ("documents/", "dropped/", "failed/", "stats/", "samples/")
_WHOLE = ("documents/", "dropped/", "failed/")  # hold every id between them
_DIGITS = 32
_FEW = 256
_RANGE = 1 << 22  # ids of a range, about
_IDS = pa.schema([pa.field("key", pa.uint64()), pa.field("part", pa.int64())])
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


@dataclass(frozen=True, slots=True)
class IdsTask:
    """What a task is told: tables by document part, whose ids it sorts; or files of those, and its range."""

    tables: tuple[tuple[int, tuple[str, ...]], ...]
    ranges: int
    reads: tuple[str, ...] = ()
    number: int = 0


def more_parts(parts: Sequence[Part], receipts: Sequence[Receipt]) -> tuple[Part, ...]:
    """Return the parts that come after those made so far: ids sorted by range, then looked at by range."""
    count, made = len(parts), len(receipts)
    if count == 1:
        return ()
    width = -(-count // _FEW)
    groups = [receipts[first : min(first + width, count)] for first in range(0, count, width)]
    if made > count + len(groups):
        return ()
    seen = sum(output.rows for own in receipts[:count] for output in _tables(own))
    ranges = max(1, min(_FEW, seen // _RANGE))
    given = parts[0]
    if made == count:
        size = sum(output.bytes for own in receipts[:count] for output in _tables(own))
        tasks = []
        for number, group in enumerate(groups):
            named = [
                (number * width + k, tuple(output.path for output in _tables(own)))
                for k, own in enumerate(group)
            ]
            digests = tuple(output.sha256 for own in group for output in _tables(own))
            tasks.append((IdsTask(tuple(named), ranges), digests))
    else:
        sorted_ids = [output for own in receipts[count:] for output in own.outputs]
        size = sum(output.bytes for output in sorted_ids)
        reads = tuple(output.path for output in sorted_ids)
        digests = tuple(output.sha256 for output in sorted_ids)
        tasks = [(IdsTask((), ranges, reads, number), digests) for number in range(ranges)]
    return tuple(
        replace(
            given,
            index=made + k,
            settings=work,
            inputs=digests,
            size=size // len(tasks),
            fingerprint="",
        )
        for k, (work, digests) in enumerate(tasks)
    )


def make_ids(part: Part) -> PartResult:
    """Sort the ids of some parts by range, or find those of a range that several parts have."""
    work: IdsTask = part.settings
    if work.reads:
        return _shared(part, work)
    own = [(_keys(part.run, paths), number) for number, paths in work.tables]
    keys = np.concatenate([found for found, _ in own])
    numbers = np.repeat([number for _, number in own], [len(found) for found, _ in own])
    order = np.argsort(keys, kind="stable")
    table = pa.table([pa.array(keys[order]), pa.array(numbers[order])], schema=_IDS)
    edges = np.array([-(-(k << 64) // work.ranges) for k in range(1, work.ranges)], dtype=np.uint64)
    cuts = [0, *np.searchsorted(keys[order], edges).tolist(), len(keys)]
    path = f"ids/{part.name}.arrow"
    slices = (one_batch(table.slice(low, high - low)) for low, high in pairwise(cuts))
    return PartResult(outputs={path: write_slices(files.join(part.run, path), _IDS, slices)})


def _shared(part: Part, work: IdsTask) -> PartResult:
    table = read_slice([files.join(part.run, path) for path in work.reads], work.number)
    keys = table.column("key").to_numpy()
    names, counts = np.unique(keys, return_counts=True)
    rows = np.flatnonzero(np.isin(keys, names[counts > 1]))
    path = f"ids/shared-{part.index:05d}.parquet"
    own = table.take(pa.array(rows))
    return PartResult(outputs={path: write_table(files.join(part.run, path), own)})


def settle(parts: Sequence[Part], receipts: Sequence[Receipt]) -> list[Receipt]:
    """Number the ids that parts share, in the later part; return the receipts of all."""
    settled = list(receipts)
    outputs = [output for own in receipts for output in own.outputs]
    shared = [out.path for out in outputs if out.path.startswith("ids/shared-") and out.rows]
    if not shared:
        return settled
    run = parts[0].run
    table = pa.concat_tables([read_table(files.join(run, path)) for path in shared])
    often = np.unique(table.column("key").to_numpy())
    used = _Used(run, [out.path for out in outputs if out.path.endswith(".arrow")])
    taken: Counter[str] = Counter()
    for place in np.unique(table.column("part").to_numpy()).tolist():
        part, receipt = parts[place], receipts[place]
        new: dict[str, tuple[str, str]] = {}
        ids = _ids(run, [output.path for output in _tables(receipt)])
        for name in sorted({name for some in ids for name in _known(some, often)}):
            taken[name] += 1
            if taken[name] > 1:
                new[name] = _free(name, taken, used)
        if new:
            settled[place] = _rewritten(part, receipt, new)
    return settled


def _known(ids: pa.Array, often: NDArray[np.uint64]) -> list[str]:
    names: list[str] = ids.filter(pa.array(np.isin(_keys_of(ids), often))).to_pylist()
    return names


class _Used:
    """Whether a record has an id's key, looked up in files of sorted ids; each range is read once."""

    def __init__(self, run: str, paths: Sequence[str]) -> None:
        self._paths = [files.join(run, path) for path in paths]
        self._held: dict[int, NDArray[np.uint64]] = {}
        self._ranges = count_slices(self._paths[0])

    def __contains__(self, key: np.uint64) -> bool:
        number = int(key) * self._ranges >> 64
        if number not in self._held:
            keys = read_slice(self._paths, number).column("key").to_numpy()
            self._held[number] = np.sort(keys)
        keys = self._held[number]
        place = int(np.searchsorted(keys, key))
        return place < len(keys) and bool(keys[place] == key)


def _free(name: str, taken: Counter[str], used: _Used) -> tuple[str, str]:
    """Return an id that no record has, and what it adds to the locator."""
    while True:
        ending = f"~{taken[name]}"
        made = make_id(name, ending)
        if _keys_of(pa.array([made]))[0] not in used:
            return made, ending
        taken[name] += 1


def _tables(receipt: Receipt) -> list[Output]:
    """The tables that hold every id of a part between them."""
    return [output for output in receipt.outputs if output.path.startswith(_WHOLE) and output.rows]


def _ids(run: str, paths: Sequence[str]) -> Iterator[pa.Array]:
    for path in paths:
        for batch in read_batches(files.join(run, path), ["id"]):
            yield batch.column("id")


def _keys(run: str, paths: Sequence[str]) -> NDArray[np.uint64]:
    """Return a key for each id of the tables, each once."""
    none = np.zeros(0, dtype=np.uint64)
    return np.unique(np.concatenate([none, *map(_keys_of, _ids(run, paths))]))


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
